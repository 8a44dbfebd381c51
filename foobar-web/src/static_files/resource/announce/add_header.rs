use http::header::{CONTENT_ENCODING, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};

use super::rules::{PATTERNS, Pattern};
use crate::Error;
use crate::encoding::Coding;
use crate::reply::is_for_caches;

/// The rules of `add_header`: of those for one field the first whose pattern fits gives its value.
pub(crate) struct AddHeader {
    fields: Vec<Rule>,
    /// Those of `Content-Encoding`, which says what a file holds and is for no other answer.
    codings: Vec<Rule>,
}

struct Rule {
    pattern: Pattern,
    name: HeaderName,
    /// `None`: `off`, the field is not sent.
    value: Option<HeaderValue>,
}

impl AddHeader {
    /// An error names `key`, the rule, and what is accepted.
    pub(crate) fn compile(key: &str, rules: &[String]) -> Result<Self, Error> {
        let mut compiled: Vec<Rule> = Vec::new();
        for rule in rules {
            let error = |reason: String| Error::setting(key, format!("{rule:?} is no rule: {reason}"));
            let parsed = parse(rule).map_err(error)?;
            if compiled.iter().any(|earlier| (&earlier.pattern, &earlier.name) == (&parsed.pattern, &parsed.name)) {
                return Err(error("an earlier one has the same pattern and field, and counts alone".to_owned()));
            }
            compiled.push(parsed);
        }
        compiled.push(no_sniffing());
        let (codings, fields) = compiled.into_iter().partition(|rule| rule.name == CONTENT_ENCODING);
        Ok(Self { fields, codings })
    }

    /// Without what the rules say to caches.
    pub(crate) fn without_caching(mut self) -> Self {
        self.fields.retain(|rule| !is_for_caches(&rule.name));
        self
    }

    /// The fields of an answer under this name and of this media type.
    pub(crate) fn fields(&self, name: &str, media_type: &str) -> Vec<(HeaderName, HeaderValue)> {
        let mut decided: Vec<&HeaderName> = Vec::new();
        let mut fields = Vec::new();
        for rule in self.fields.iter().filter(|rule| rule.pattern.fits(name, media_type)) {
            if !decided.contains(&&rule.name) {
                decided.push(&rule.name);
                fields.extend(rule.value.clone().map(|value| (rule.name.clone(), value)));
            }
        }
        fields
    }

    /// Whether they are the same for every name.
    pub(crate) fn is_uniform(&self) -> bool {
        self.fields.iter().all(|rule| rule.pattern == Pattern::Every)
    }

    /// The coding that a file of this name and media type is in.
    pub(crate) fn coding(&self, name: &str, media_type: &str) -> Option<&HeaderValue> {
        self.codings.iter().find(|rule| rule.pattern.fits(name, media_type))?.value.as_ref()
    }
}

/// What holds where no rule says otherwise: a browser takes a file for what it is said to be.
fn no_sniffing() -> Rule {
    let value = Some(HeaderValue::from_static("nosniff"));
    Rule { pattern: Pattern::Every, name: X_CONTENT_TYPE_OPTIONS, value }
}

fn parse(rule: &str) -> Result<Rule, String> {
    let (pattern, field) = rule.trim().split_once(char::is_whitespace).unwrap_or((rule, "")); // no field is refused below
    let pattern = Pattern::parse(pattern).ok_or_else(|| format!("{pattern:?} is no pattern; {PATTERNS}: {FORM}"))?;
    let (name, value) = field.trim_start().split_once(':').ok_or(FORM)?;
    let value = value.strip_prefix([' ', '\t']).ok_or(FORM)?.trim(); // what has none goes on with the name
    let name = HeaderName::try_from(name).map_err(|_| format!("{name:?} is no name of a field; {FORM}"))?;
    if let Some(reason) = refusal(&name) {
        return Err(format!("`{name}` cannot be added: {reason}"));
    }
    Ok(Rule { pattern, value: field_value(&name, value)?, name })
}

const FORM: &str = "after the pattern stand a field and its value, such as \"X-Frame-Options: DENY\", or \
                    \"X-Frame-Options: off\" to leave it out";

fn field_value(name: &HeaderName, value: &str) -> Result<Option<HeaderValue>, String> {
    if value == "off" && name != "x-dns-prefetch-control" {
        return Ok(None); // the field that is an exception has the word as its own
    }
    if has_variable(value) {
        return Err(format!("{value:?} has a variable, and fields take none; the value is sent as it is written"));
    }
    if *name == CONTENT_ENCODING && !value.split(',').all(|coding| Coding::named(coding.trim().as_bytes()).is_some()) {
        return Err(format!("{value:?} is no content coding; accepted are \"gzip\", \"br\" and \"zstd\""));
    }
    let text = HeaderValue::try_from(value).ok().filter(|value| value.to_str().is_ok()); // refused below
    let text = text.filter(|value| !value.is_empty());
    text.map(Some).ok_or_else(|| format!("{value:?} is no value: it is of visible ASCII characters; {FORM}"))
}

/// Whether there is what looks like one of nginx's.
fn has_variable(value: &str) -> bool {
    value.split('$').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '{' | '_')))
}

/// Why a field cannot be added.
fn refusal(name: &HeaderName) -> Option<&'static str> {
    Some(match name.as_str() {
        "connection" | "content-length" | "http2-settings" | "keep-alive" | "proxy-connection" | "te" | "trailer"
        | "transfer-encoding" | "upgrade" => "how a message is framed is for the connection to say",
        "status" => "a status is no field; a route can `respond` with one",
        "cache-control" | "expires" => "`cache_control` has rules for it",
        "content-disposition" => "`content_disposition` has rules for it",
        "content-type" => "`types` and `default_type` say it",
        "accept-ranges" | "allow" | "content-range" | "date" | "etag" | "last-modified" | "location" | "server"
        | "x-request-id" => "the server says it itself",
        name if name.starts_with("x-accel-") => "it is for a server, and reaches no client",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(rules: &[&str]) -> Result<AddHeader, String> {
        let rules: Vec<_> = rules.iter().map(|rule| (*rule).to_owned()).collect();
        AddHeader::compile("key", &rules).map_err(|error| error.to_string())
    }

    fn fields(rules: &[&str], name: &str, media_type: &str) -> Vec<String> {
        let fields = compile(rules).expect("the rules are good").fields(name, media_type);
        fields.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("it is text"))).collect()
    }

    const NOSNIFF: &str = "x-content-type-options: nosniff";

    #[test]
    fn of_the_rules_for_a_field_the_first_that_fits_counts() {
        let rules = ["text/html X-A: page", ".woff2 X-B: font", "* X-A: other", "image/* X-A: never"];
        assert_eq!(fields(&rules, "a.html", "text/html"), ["x-a: page", NOSNIFF]);
        assert_eq!(fields(&rules, "a.WOFF2", "font/woff2"), ["x-b: font", "x-a: other", NOSNIFF]);
        assert_eq!(fields(&rules, "a.png", "image/png"), ["x-a: other", NOSNIFF]);
    }

    #[test]
    fn off_leaves_a_field_out_nosniff_too_but_for_the_one_whose_word_it_is() {
        let rules =
            ["text/html X-A: off", "* X-A: b", ".js X-Content-Type-Options: off", "* X-DNS-Prefetch-Control: off"];
        assert_eq!(fields(&rules, "a.html", "text/html"), ["x-dns-prefetch-control: off", NOSNIFF]);
        assert_eq!(fields(&rules, "a.js", "text/javascript"), ["x-a: b", "x-dns-prefetch-control: off"]);
        assert_eq!(fields(&["* X-Content-Type-Options: other"], "a", "a/b"), ["x-content-type-options: other"]);
    }

    #[test]
    fn a_value_is_what_stands_behind_the_first_colon_and_a_blank() {
        let rules = ["*   Content-Security-Policy:\tdefault-src 'self'; img-src data: *", "* X-Price: 5$"];
        let expected = ["content-security-policy: default-src 'self'; img-src data: *", "x-price: 5$", NOSNIFF];
        assert_eq!(fields(&rules, "a", "a/b"), expected);
    }

    #[test]
    fn a_rule_that_means_nothing_or_too_much_is_an_error_that_says_what_would_do() {
        for (rule, message) in [
            ("", "\"\" is no pattern"),
            ("X-A: b", "\"X-A:\" is no pattern"),
            ("html X-A: b", "\"html\" is no pattern; write a media type"),
            ("*", "after the pattern stand a field and its value"),
            ("* X-A", "after the pattern stand"),
            ("* X-A:", "after the pattern stand"),
            ("* X-A:   ", "after the pattern stand"),
            ("* X-A: \u{7f}", "is no value"),
            ("* X-A: b\r\nSet-Cookie: c=d", "is no value"),
            ("* X-A: caf\u{e9}", "is no value"),
            ("* X-A:b", "after the pattern stand"),
            ("* X:A: b", "after the pattern stand"),
            ("* :status: 200", "after the pattern stand"),
            ("* : b", "\"\" is no name of a field"),
            ("* X A: b", "\"X A\" is no name of a field"),
            ("* Content-Length: 5", "`content-length` cannot be added: how a message is framed"),
            ("* TRANSFER-ENCODING: chunked", "how a message is framed"),
            ("* Connection: close", "how a message is framed"),
            ("* Status: 404", "a status is no field"),
            ("* Cache-Control: no-store", "`cache_control` has rules for it"),
            ("* Content-Type: text/html", "`types`"),
            ("* Location: /", "the server says it itself"),
            ("* X-Accel-Redirect: /secret", "reaches no client"),
            ("* Access-Control-Allow-Origin: $http_origin", "has a variable"),
            ("* X-A: ${host}", "has a variable"),
            (".svgz Content-Encoding: gizp", "\"gizp\" is no content coding; accepted are \"gzip\""),
        ] {
            let error = compile(&[rule]).err().expect(rule);
            assert!(error.starts_with(&format!("`key`: {rule:?} is no rule: ")) && error.contains(message), "{error}");
        }
        let error = compile(&["* X-A: b", "* x-a: c"]).err().expect("the second never counts");
        assert!(error.contains("\"* x-a: c\" is no rule: an earlier one"), "{error}");
    }

    #[test]
    fn a_coding_is_no_field_of_every_answer() {
        let rules =
            compile(&[".svgz Content-Encoding: gzip", ".raw.gz Content-Encoding: off", ".gz Content-Encoding: x-gzip"]);
        let rules = rules.expect("the rules are good");
        for (name, coding) in [("a.svgz", Some("gzip")), ("a.gz", Some("x-gzip")), ("a.raw.gz", None), ("a.svg", None)]
        {
            assert_eq!(rules.coding(name, "a/b").map(|value| value.to_str().unwrap()), coding, "{name}");
        }
        assert_eq!(rules.fields("a.svgz", "image/svg+xml").len(), 1);
        assert!(rules.is_uniform());
    }
}
