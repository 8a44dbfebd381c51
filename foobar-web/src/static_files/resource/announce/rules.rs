use std::time::Duration;

use foobar_core::Period;
use http::HeaderValue;

use super::super::content_type::{JAVASCRIPT, is_script};
use super::fingerprint::is_fingerprinted;
use crate::Error;

/// Rules of the form `"PATTERN VALUE"`: the first whose pattern fits a file gives its value.
pub(crate) struct Rules<T>(Vec<Rule<T>>);

/// How the values of one kind of rule are written.
pub(crate) struct Values<T> {
    /// What is accepted, for the error.
    pub(crate) accepted: &'static str,
    /// Reads one; `None` if it is none.
    pub(crate) parse: fn(&str) -> Option<T>,
}

struct Rule<T> {
    pattern: Pattern,
    /// `None`: `off`, the field is not sent.
    value: Option<T>,
}

/// Which files a rule is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Every,
    Fingerprinted,
    /// With its dot, in lower case.
    Extension(String),
    /// In lower case; only the part with its slash where it was written `image/*`.
    Type(String),
}

/// How long a file may be kept by caches.
pub(crate) struct Caching {
    /// What `Cache-Control` says.
    pub(crate) directives: HeaderValue,
    /// What `Expires` says to those who know no `Cache-Control`, counted from when the file is sent.
    pub(crate) lifetime: Option<Duration>,
}

/// Values of `cache_control`.
pub(crate) const CACHING: Values<Caching> = Values {
    accepted: "directives such as \"no-cache\" or \"public, max-age=3600\", a length of time such as \"30d\", \
               \"immutable\" or \"off\"",
    parse: caching,
};

impl<T> Rules<T> {
    /// An error names `key`, the rule, and what is accepted.
    pub(crate) fn compile(key: &str, rules: &[String], values: &Values<T>) -> Result<Self, Error> {
        let compile = |rule: &String| {
            parse(rule, values).map_err(|reason| Error::setting(key, format!("{rule:?} is no rule: {reason}")))
        };
        rules.iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    /// Gives this value to what no rule fits.
    pub(crate) fn otherwise(mut self, value: T) -> Self {
        self.0.push(Rule { pattern: Pattern::Every, value: Some(value) });
        self
    }

    /// The value for a file of this name and media type.
    pub(crate) fn find(&self, name: &str, media_type: &str) -> Option<&T> {
        self.0.iter().find(|rule| rule.pattern.fits(name, media_type)).and_then(|rule| rule.value.as_ref())
    }
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let is_name = |name: &str| !name.is_empty() && !name.contains(['/', '*', ';', '"', ',']);
        match (lower.as_str(), lower.split_once('/')) {
            ("*", _) => Some(Self::Every),
            ("fingerprinted", _) => Some(Self::Fingerprinted),
            (_, Some((kind, "*"))) if is_name(kind) => Some(Self::Type(format!("{kind}/"))),
            (_, Some((kind, subtype))) if is_name(kind) && is_name(subtype) => Some(Self::Type(lower)),
            (_, None) if lower.strip_prefix('.').is_some_and(is_name) => Some(Self::Extension(lower)),
            _ => None,
        }
    }

    pub(crate) fn fits(&self, name: &str, media_type: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Fingerprinted => is_fingerprinted(name),
            Self::Extension(extension) => name.to_ascii_lowercase().ends_with(extension),
            Self::Type(whole) if whole.ends_with('/') => media_type.starts_with(whole),
            Self::Type(whole) => media_type == whole || (is_script(whole) && media_type == JAVASCRIPT),
        }
    }
}

fn parse<T>(rule: &str, values: &Values<T>) -> Result<Rule<T>, String> {
    let (pattern, value) = rule.trim().split_once(char::is_whitespace).unwrap_or((rule, "")); // no value is refused below
    let pattern = Pattern::parse(pattern).ok_or_else(|| format!("{pattern:?} is no pattern; {PATTERNS}"))?;
    let value = match value.trim() {
        "off" => None,
        value => Some((values.parse)(value).ok_or_else(|| format!("after the pattern stands {}", values.accepted))?),
    };
    Ok(Rule { pattern, value })
}

/// What a rule begins with, for the error.
pub(crate) const PATTERNS: &str = "write a media type (\"text/html\", \"image/*\"), an extension (\".pdf\"), \"fingerprinted\" or \
                        \"*\", and then its value";

impl Caching {
    /// For ever, as far as HTTP can say it.
    pub(crate) fn immutable() -> Self {
        let directives = HeaderValue::from_static("public, max-age=31536000, immutable");
        Self { directives, lifetime: Some(Duration::from_secs(YEAR)) }
    }

    /// Whoever keeps it asks before each use.
    pub(crate) fn no_cache() -> Self {
        Self { directives: HeaderValue::from_static("no-cache"), lifetime: None }
    }
}

fn caching(value: &str) -> Option<Caching> {
    let (directives, lifetime) = match (value, value.parse::<Period>()) {
        ("immutable", _) => return Some(Caching::immutable()),
        (_, Ok(period)) => (format!("max-age={}", period.as_secs()), Some(period.as_secs())),
        (directives, Err(_)) => (directives.split(',').all(is_directive).then(|| directives.to_owned())?, None),
    };
    let directives = HeaderValue::try_from(directives).ok()?; // directives are text
    Some(Caching { directives, lifetime: lifetime.map(Duration::from_secs) })
}

/// In seconds, as [`Caching::immutable`] has it in words.
const YEAR: u64 = 31_536_000;

/// Whether this is a response directive of RFC 9111 §5.2.2, RFC 5861 or RFC 8246: what is misspelt would be ignored.
fn is_directive(text: &str) -> bool {
    const FLAGS: &[&str] = &[
        "public",
        "private",
        "no-cache",
        "no-store",
        "no-transform",
        "must-revalidate",
        "proxy-revalidate",
        "must-understand",
        "immutable",
    ];
    const SECONDS: &[&str] = &["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"];
    let is = |name: &str, known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known));
    match text.trim().split_once('=') {
        None => is(text.trim(), FLAGS),
        Some((name, seconds)) => {
            is(name, SECONDS) && !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(rules: &[&str]) -> Result<Rules<Caching>, Error> {
        let rules: Vec<_> = rules.iter().map(|rule| (*rule).to_owned()).collect();
        Rules::compile("key", &rules, &CACHING)
    }

    fn find<'a>(rules: &'a Rules<Caching>, name: &str, media_type: &str) -> &'a str {
        rules.find(name, media_type).map_or("", |value| value.directives.to_str().expect("it is text"))
    }

    #[test]
    fn the_first_rule_that_fits_gives_the_value() {
        let rules = compile(&[
            "fingerprinted immutable",
            ".tar.gz 7d",
            "text/html no-cache",
            "image/svg+xml off",
            "Image/* public, max-age=60",
            "* 0",
        ]);
        let rules = rules.expect("the rules are good");
        for (name, media_type, value) in [
            ("a.3f2a9c1b.html", "text/html", "public, max-age=31536000, immutable"),
            ("x.TAR.GZ", "application/gzip", "max-age=604800"),
            ("a.html", "text/html", "no-cache"),
            ("a.svg", "image/svg+xml", ""),
            ("a.png", "image/png", "public, max-age=60"),
            ("a.txt", "text/plain", "max-age=0"),
        ] {
            assert_eq!(find(&rules, name, media_type), value, "{name}");
        }
    }

    #[test]
    fn earlier_names_of_the_type_of_scripts_mean_it_too() {
        for pattern in ["application/javascript", "Application/X-JavaScript", "text/javascript"] {
            let rules = compile(&[&format!("{pattern} 1h")]).expect("the rule is good");
            assert_eq!(find(&rules, "a.js", "text/javascript"), "max-age=3600", "{pattern}");
            assert_eq!(find(&rules, "a.json", "application/json"), "", "{pattern}");
        }
        let own = compile(&["application/javascript 1h"]).expect("the rule is good");
        assert_eq!(find(&own, "a.js", "application/javascript"), "max-age=3600"); // by `types`
    }

    #[test]
    fn a_rule_that_means_nothing_is_an_error_that_says_what_would() {
        for (rule, message) in [
            ("html no-cache", "\"html no-cache\" is no rule: \"html\" is no pattern; write a media type"),
            ("", "\"\" is no rule: \"\" is no pattern"),
            ("text/ 1h", "is no pattern"),
            ("*/* 1h", "is no pattern"),
            (". 1h", "is no pattern"),
            ("text/html", "after the pattern stands directives such as \"no-cache\""),
            ("* no-cahce", "a length of time such as \"30d\", \"immutable\" or \"off\""),
            ("* max-age", "after the pattern"),
            ("* max-age=1h", "after the pattern"),
            ("* public,", "after the pattern"),
            ("* no-cache\r\nSet-Cookie: a=b", "after the pattern"),
        ] {
            let error = compile(&[rule]).err().expect(rule).to_string();
            assert!(error.starts_with("`key`: ") && error.contains(message), "{error}");
        }
    }
}
