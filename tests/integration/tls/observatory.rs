//! The example site, as it is configured for production, by the rules of Mozilla's HTTP Observatory.

use std::collections::{HashMap, HashSet};

use super::{Authority, curl, named};
use crate::support::Program;

/// An answer as the Observatory sees it: a client without cookies and without a preload list.
struct Scanned {
    /// Names in lower case.
    fields: Vec<(String, String)>,
    body: String,
}

impl Scanned {
    /// From the output of `curl -i`.
    fn of(text: &str) -> Self {
        let (head, body) = text.replace("\r\n", "\n").split_once("\n\n").map(|(h, b)| (h.into(), b.into())).unwrap();
        let head: String = head;
        let field =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        Self { fields: head.lines().filter_map(field).collect(), body }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// 100, less what is wrong; and if that leaves 90, what is better than it has to be.
    fn score(&self, redirection: i32) -> i32 {
        let policy = self.policy();
        let parts = [
            score_of_policy(&policy),
            self.score_of_framing(&policy),
            self.score_of_referrer(),
            self.score_of_hsts(),
            self.score_of_scripts(),
            if self.value("x-content-type-options") == Some("nosniff") { 0 } else { -5 },
            self.score_of_resource_policy(),
            redirection,
        ];
        assert!(self.value("set-cookie").is_none(), "cookies are not scored here: the site has none");
        assert!(self.value("access-control-allow-origin").is_none(), "nor is what others may read");
        let penalties: i32 = parts.iter().filter(|part| **part < 0).sum();
        let credit: i32 = parts.iter().filter(|part| **part > 0).sum();
        100 + penalties + if penalties >= -10 { credit } else { 0 }
    }

    fn policy(&self) -> HashMap<String, HashSet<String>> {
        let policy = self.value("content-security-policy").unwrap_or_default();
        let directive = |text: &str| {
            let mut words = text.split_ascii_whitespace().map(str::to_ascii_lowercase);
            Some((words.next()?, words.collect()))
        };
        policy.split(';').filter_map(directive).collect()
    }

    fn score_of_framing(&self, policy: &HashMap<String, HashSet<String>>) -> i32 {
        match self.value("x-frame-options").map(str::to_ascii_lowercase).as_deref() {
            _ if policy.contains_key("frame-ancestors") => 5,
            Some("deny" | "sameorigin") => 0,
            _ => -20,
        }
    }

    fn score_of_referrer(&self) -> i32 {
        match self.value("referrer-policy") {
            Some("no-referrer" | "same-origin" | "strict-origin" | "strict-origin-when-cross-origin") => 5,
            None => 0,
            Some(_) => -5,
        }
    }

    fn score_of_hsts(&self) -> i32 {
        let ages = self.value("strict-transport-security").into_iter().flat_map(|value| value.split(';'));
        match ages.filter_map(|word| word.trim().strip_prefix("max-age=")?.parse::<u64>().ok()).next() {
            Some(15_768_000..) => 0,
            Some(_) => -10,
            None => -20,
        }
    }

    fn score_of_resource_policy(&self) -> i32 {
        match self.value("cross-origin-resource-policy") {
            Some("same-origin" | "same-site") => 10,
            Some("cross-origin") | None => 0,
            Some(_) => -5,
        }
    }

    /// Scripts of the site's own origin cost nothing; this site has none at all.
    fn score_of_scripts(&self) -> i32 {
        if self.body.contains("<script") { -50 } else { 0 }
    }
}

fn score_of_policy(policy: &HashMap<String, HashSet<String>>) -> i32 {
    let everything = HashSet::from(["*".to_owned()]);
    let sources = |name: &str| policy.get(name).or_else(|| policy.get("default-src")).unwrap_or(&everything);
    let is_broad = |source: &String| {
        let source = source.trim_end_matches(".*");
        matches!(source, "*" | "ftp:" | "http:" | "https:" | "http://*" | "https://*")
    };
    let is_inline = |source: &String| matches!(source.as_str(), "'unsafe-inline'" | "data:");
    let is_unsafe = |name: &str| sources(name).iter().any(|source| is_broad(source) || is_inline(source));
    let is_insecure = |source: &String| source.starts_with("http:") || source.starts_with("ftp:");
    let evaluates = |name: &str| sources(name).contains("'unsafe-eval'");
    match policy.get("default-src") {
        _ if policy.is_empty() => -25,
        _ if is_unsafe("script-src") || sources("object-src").iter().any(is_broad) => -20,
        _ if policy.values().flatten().any(is_insecure) => -20,
        _ if evaluates("script-src") || evaluates("style-src") => -10,
        _ if is_unsafe("style-src") => 0,
        Some(default) if default.len() == 1 && default.contains("'none'") => 10,
        _ => 5,
    }
}

#[test]
fn a_page_and_a_static_file_of_the_example_reach_115() {
    let authority = Authority::new();
    let ca = authority.path("ca.pem");
    let [certificate, key] = authority.issue_for(&["www.foobar.com", "foobar.com"], named("site"));
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("site", folder.path());
    command.args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/site/foobar.toml")]);
    command.env("FOOBAR__WEB__LISTEN", r#"["127.0.0.1:0", "127.0.0.1:0 ssl"]"#);
    command.env("FOOBAR__SITES__WWW__SSL_CERTIFICATE", &certificate);
    command.env("FOOBAR__SITES__WWW__SSL_CERTIFICATE_KEY", &key);
    let program = Program::start(&mut command);
    let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
    let (http, https) = (port(&program.address), port(&program.tls_address));
    let to = format!("www.foobar.com:{https}:127.0.0.1");
    let to_http = format!("www.foobar.com:{http}:127.0.0.1");
    for path in ["/", "/products/1", "/site.css", "/favicon.svg", "/pictures/shelf.svg", "/robots.txt"] {
        let first =
            Scanned::of(&curl(&ca, &["-i", "--resolve", &to_http], &format!("http://www.foobar.com:{http}{path}")));
        let secure = format!("https://www.foobar.com:{https}{path}"); // the redirect leads to 443 in place of a port that the system chose
        let redirects = first.value("location") == Some(&format!("https://www.foobar.com{path}"));
        let redirection = if redirects { 0 } else { -20 };
        let answer = Scanned::of(&curl(&ca, &["-i", "--http1.1", "--resolve", &to], &secure));
        let score = answer.score(redirection);
        assert!(score >= 115, "{path}: {score}, {:?}, {:?}", first.fields, answer.fields);
    }
}
