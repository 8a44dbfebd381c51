//! Where a redirect leads, with variables as in nginx.
//!
//! What a request says leads nowhere but where the template does: without a host of its own it stays on this origin,
//! whatever the path begins with, and behind a host a path begins with `/`. Paths and captures are decoded, and encoded
//! again; a query is as it came, which is never with a control character.

use std::borrow::Cow;

use http::header::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use regex::bytes::Captures;

use super::pattern::Pattern;
use super::variable::{self, Part, Variable};
use crate::request::{Host, RequestView, encode_path};

/// The place that a redirect names.
pub(crate) enum Location {
    /// The same for every request.
    Fixed(HeaderValue),
    /// One with variables.
    Template(Template),
}

/// A place with variables.
pub(crate) struct Template {
    parts: Vec<Part>,
    start: Start,
    /// That of the route, for its captures.
    pattern: Option<Pattern>,
    /// The host of a request that names none, as it may in HTTP/1.0.
    host: Option<String>,
}

/// What a template begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// A path of this origin.
    Path,
    /// A host; the part of this number begins the path, if it is no text that does.
    Host { path: Option<usize> },
}

impl Location {
    /// `pattern` is that of the route, `host` a name of the site's. An error says what is wrong and what is accepted.
    pub(crate) fn compile(url: &str, pattern: Option<&Pattern>, host: Option<&str>) -> Result<Self, String> {
        let parts = variable::parse(url, pattern)?;
        if !parts.iter().any(|part| matches!(part, Part::Variable(_))) {
            let location = HeaderValue::try_from(url).ok().filter(|location| location.to_str().is_ok()); // refused below
            let location = location.filter(|_| leads_somewhere(url));
            return location.map(Self::Fixed).ok_or_else(|| format!("{url:?} is no URL; {URLS}"));
        }
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{url:?} is no URL; {URLS}"));
        }
        let start = Start::of(&parts).map_err(|reason| format!("{url:?} {reason}"))?;
        Ok(Self::Template(Template { parts, start, pattern: pattern.cloned(), host: host.map(str::to_owned) }))
    }

    /// Whether it depends on how the request was sent, which the fast path does not know.
    pub(crate) fn needs_origin(&self) -> bool {
        let of_origin = |part: &Part| matches!(part, Part::Variable(Variable::Host | Variable::Scheme));
        matches!(self, Self::Template(template) if template.parts.iter().any(of_origin))
    }

    /// The place for a request for a decoded path; `None` if it names no host and needs one.
    pub(crate) fn of(&self, asked: &RequestView<'_>, path: &[u8]) -> Option<HeaderValue> {
        match self {
            Self::Fixed(location) => Some(location.clone()),
            Self::Template(template) => HeaderValue::try_from(template.render(asked, path)?).ok(), // it is visible ASCII
        }
    }
}

impl Start {
    fn of(parts: &[Part]) -> Result<Self, &'static str> {
        match parts {
            [Part::Text(text), ..] if text.starts_with("//") => Self::host(parts, &text[2..]),
            [Part::Text(text), ..] if text.starts_with('/') => Ok(Self::Path),
            [Part::Text(text), ..] => match text.split_once("://") {
                Some((scheme, rest)) if is_scheme(scheme) => Self::host(parts, rest),
                _ => Err(STARTS),
            },
            [Part::Variable(Variable::Scheme), Part::Text(text), ..] => {
                let rest = text.strip_prefix("://").ok_or(STARTS)?;
                Self::host(&parts[1..], rest).map(Self::one_later)
            }
            [Part::Variable(Variable::Uri | Variable::RequestUri | Variable::Capture(_)), ..] => Ok(Self::Path),
            _ => Err(STARTS),
        }
    }

    /// `first` is what follows the scheme in the first part: all up to the path is text, or `$host`.
    fn host(parts: &[Part], first: &str) -> Result<Self, &'static str> {
        let mut host = String::new();
        for (number, part) in parts.iter().enumerate() {
            match part {
                Part::Text(text) => {
                    let text = if number == 0 { first } else { text };
                    let end = text.find(['/', '?', '#']);
                    host.push_str(&text[..end.unwrap_or(text.len())]); // it goes on
                    if end.is_some() {
                        return if host.is_empty() { Err(NO_HOST) } else { Ok(Self::Host { path: None }) };
                    }
                }
                Part::Variable(Variable::Host) => host.push('h'),
                Part::Variable(Variable::Uri | Variable::RequestUri | Variable::Capture(_)) => {
                    let is_whole = !host.is_empty() && !host.ends_with(['.', '-', ':', '@']);
                    return if is_whole { Ok(Self::Host { path: Some(number) }) } else { Err(NO_HOST) };
                }
                Part::Variable(Variable::Args | Variable::Scheme) => return Err(NO_HOST),
            }
        }
        if host.is_empty() { Err(NO_HOST) } else { Ok(Self::Host { path: None }) }
    }

    fn one_later(self) -> Self {
        match self {
            Self::Host { path } => Self::Host { path: path.map(|number| number + 1) },
            Self::Path => self,
        }
    }
}

const URLS: &str = "write a path of this site such as \"/new/\", or a whole URL such as \"https://foobar.com/\"";

const STARTS: &str = "begins with neither of \"/\", \"https://\", \"$scheme://\", $uri, $request_uri and a capture";
const NO_HOST: &str =
    "has no host of its own: after \"://\" stands a host that is written out, or $host, and then a path";

/// Whether it begins as a path or with a scheme. What does neither would be taken relative to each path of the route.
fn leads_somewhere(url: &str) -> bool {
    url.starts_with('/') || url.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

impl Template {
    fn render(&self, asked: &RequestView<'_>, path: &[u8]) -> Option<String> {
        let captures = self.pattern.as_ref().and_then(|pattern| pattern.captures(path)); // it led here
        let mut url = String::new();
        for (number, part) in self.parts.iter().enumerate() {
            let begins_path = self.start == Start::Host { path: Some(number) };
            match part {
                Part::Text(text) => url.push_str(text),
                Part::Variable(Variable::Args) if asked.query.is_none_or(str::is_empty) => {
                    if self.ends_a_query(number) {
                        url.truncate(url.strip_suffix('?').unwrap_or(&url).len()); // else no mark stands before it
                    }
                }
                Part::Variable(variable) => {
                    let value = self.value(*variable, asked, path, captures.as_ref(), url.contains(['?', '#']))?;
                    if begins_path && !value.is_empty() && !value.starts_with('/') {
                        url.push('/');
                    }
                    url.push_str(&value);
                }
            }
        }
        Some(match self.start {
            Start::Path => format!("/{}", url.trim_start_matches('/')),
            Start::Host { .. } => url,
        })
    }

    /// Whether nothing of a query stands behind the part of this number.
    fn ends_a_query(&self, number: usize) -> bool {
        self.parts.get(number + 1).is_none_or(|next| matches!(next, Part::Text(text) if text.starts_with('#')))
    }

    /// `in_query` tells that the value stands in a query, where it is one part of one.
    fn value<'a>(
        &'a self,
        variable: Variable,
        asked: &RequestView<'a>,
        path: &[u8],
        captures: Option<&Captures<'_>>,
        in_query: bool,
    ) -> Option<Cow<'a, str>> {
        let encoded = |decoded: &[u8]| if in_query { encode_part(decoded) } else { encode_path(decoded) };
        Some(match variable {
            Variable::Args => raw(asked.query.unwrap_or_default()), // none is handled before
            Variable::RequestUri => match asked.query {
                Some(query) => Cow::Owned(format!("{}?{}", raw(asked.path), raw(query))),
                None => raw(asked.path),
            },
            Variable::Uri => Cow::Owned(encoded(path)),
            Variable::Capture(number) => {
                Cow::Owned(captures?.get(number).map_or_else(String::new, |group| encoded(group.as_bytes())))
            }
            Variable::Scheme => Cow::Borrowed(asked.origin?.scheme.as_str()),
            Variable::Host => match asked.origin?.host {
                Some(host) => Cow::Owned(Host::parse(host).ok()?.name.into_owned()), // it has led to this site
                None => Cow::Borrowed(self.host.as_deref()?),
            },
        })
    }
}

/// What came encoded, without what browsers take for something else: a backslash for a slash.
fn raw(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, RAW).into()
}

const RAW: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'#');

/// A part of a query, such as the value of one of its fields.
fn encode_part(decoded: &[u8]) -> String {
    percent_encode(decoded, PART).to_string()
}

const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

#[cfg(test)]
mod tests {
    use foobar_core::Scheme;

    use super::*;
    use crate::request::{Fields, NormalPath, Origin, Verb};

    fn location(template: &str, pattern: Option<&str>) -> Result<Location, String> {
        let pattern = pattern.map(|pattern| Pattern::compile(pattern, false).expect("the pattern is good"));
        Location::compile(template, pattern.as_ref(), Some("site.com"))
    }

    /// What a request with this target and host is answered with.
    fn of(location: &Location, target: &str, host: Option<&str>) -> Option<String> {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let origin = Some(Origin { host, scheme: Scheme::Https });
        let asked = RequestView { verb: Verb::Get, path, query, fields: Fields::default(), origin };
        let normal = NormalPath::parse(path).expect("the path is good");
        location.of(&asked, normal.as_bytes()).map(|location| location.to_str().expect("it is text").to_owned())
    }

    fn rendered(template: &str, pattern: Option<&str>, target: &str) -> String {
        let location = location(template, pattern).expect("the template is good");
        of(&location, target, Some("WWW.Foobar.com.:8080")).expect("the request has a host")
    }

    #[test]
    fn variables_are_those_of_nginx() {
        for (template, target, expected) in [
            ("https://$host$request_uri", "/a%20b//c?d=%20&e", "https://www.foobar.com/a%20b//c?d=%20&e"),
            ("$scheme://x.com$uri", "/a%20b//c/./%C3%A9?d", "https://x.com/a%20b/c/%C3%A9"),
            ("https://$host:8443$uri?$args", "/a?b=c", "https://www.foobar.com:8443/a?b=c"),
            ("//cdn.com$uri", "/a", "//cdn.com/a"),
            ("/new${uri}x?a=b&$args", "/a?c", "/new/ax?a=b&c"),
            ("/new?$args", "/a", "/new"),
            ("/new?$args", "/a?", "/new"),
            ("/new?$args#top", "/a", "/new#top"),
            ("/new?$args#top", "/a?b", "/new?b#top"),
            ("/new?$args&utm=1", "/a", "/new?&utm=1"),
            ("/new?$args&utm=1", "/a?b=c", "/new?b=c&utm=1"),
            ("/new?$args$args", "/a", "/new"),
            ("/new?a=b&$args", "/a", "/new?a=b&"),
            ("/login?next=$uri", "/a&b=c/d", "/login?next=/a%26b%3Dc/d"),
            ("/fixed", "/a?b", "/fixed"),
            ("$uri/", "/a%2Fb", "/a%2Fb/"),
            ("/new$uri", "/caf%e9/%ff", "/new/caf%E9/%FF"),
            ("/login?next=$uri", "/caf%e9", "/login?next=/caf%E9"),
            ("/new$request_uri", "/caf%e9", "/new/caf%e9"),
        ] {
            assert_eq!(rendered(template, None, target), expected, "{template} {target}");
        }
    }

    #[test]
    fn captures_are_by_number_or_name_and_one_that_took_no_part_is_empty() {
        let pattern = Some(r"^/(?<lang>[a-z]{2})/user/(\d+)(/edit)?$");
        for (template, target, expected) in [
            ("/$2/$lang", "/de/user/7", "/7/de"),
            ("/${2}0/$1", "/de/user/7", "/70/de"),
            ("/u/$2$3", "/de/user/7", "/u/7"),
            ("https://$host/$lang$3?id=$2", "/de/user/7/edit", "https://www.foobar.com/de/edit?id=7"),
        ] {
            assert_eq!(rendered(template, pattern, target), expected, "{template}");
        }
        assert_eq!(rendered("/new/$1", Some("^/old/(.*)$"), "/old/caf%e9"), "/new/caf%E9");
        assert_eq!(rendered("/q?a=$1", Some("^/(.*)$"), "/a+b&c=d%25"), "/q?a=a%2Bb%26c%3Dd%25");
    }

    #[test]
    fn no_request_leads_to_another_host_or_makes_a_field() {
        for (template, pattern, target, expected) in [
            ("$request_uri", None, "//evil.com/x", "/evil.com/x"),
            ("$request_uri", None, "/\\evil.com", "/%5Cevil.com"),
            ("/$request_uri", None, "/evil.com", "/evil.com"),
            ("/$uri", None, "/evil.com", "/evil.com"),
            ("$uri", None, "/%5cevil.com", "/%5Cevil.com"),
            ("$1", Some("^/go/(.*)$"), "/go/https://evil.com", "/https:/evil.com"),
            ("/$1", Some("^/old(.*)$"), "/old/evil.com", "/evil.com"),
            ("//x.com$1", Some("^/old(.*)$"), "/old.evil.com", "//x.com/.evil.com"),
            ("https://x.com$1", Some("^/old(.*)$"), "/old@evil.com", "https://x.com/@evil.com"),
            ("https://$host$1", Some("^/old(.*)$"), "/old:80@evil.com", "https://www.foobar.com/:80@evil.com"),
            ("https://x.com$1", Some("^/old(.*)$"), "/old", "https://x.com"),
            ("/a$uri", None, "/%E5%98%8A%E5%98%8DX:y", "/a/%E5%98%8A%E5%98%8DX:y"),
            ("/a?$args", None, "/?b%0d%0aX:y", "/a?b%0d%0aX:y"),
            ("/a$request_uri", None, "/b%C4%8Dc", "/a/b%C4%8Dc"),
        ] {
            assert_eq!(rendered(template, pattern, target), expected, "{template} {target}");
        }
    }

    #[test]
    fn a_place_without_variables_may_have_any_scheme() {
        for url in ["/new", "//cdn.com/", "https://foobar.com", "mailto:me@foobar.com", "web+app:/x"] {
            assert_eq!(rendered(url, None, "/old"), url);
        }
    }

    #[test]
    fn a_request_without_a_host_has_the_name_of_the_site() {
        let with = location("https://$host/", None).expect("the template is good");
        assert_eq!(of(&with, "/", None).as_deref(), Some("https://site.com/"));
        let without = Location::compile("https://$host/", None, None).expect("the template is good");
        assert_eq!(
            (of(&without, "/", None), of(&without, "/", Some("[0::1]:80"))),
            (None, Some("https://[::1]/".into()))
        );
    }

    #[test]
    fn a_template_that_means_nothing_or_leaves_the_host_to_the_request_is_an_error() {
        let unknown = "accepted are $request_uri, $uri, $args, $host, $scheme";
        for (template, pattern, message) in [
            ("/a$", None, unknown),
            ("/a$ b", None, unknown),
            ("/$foo", None, "$foo is no variable"),
            ("/$http_host", None, unknown),
            ("/${uri", None, unknown),
            ("/$URI", None, unknown),
            ("/$0", Some("^/(a)"), unknown),
            ("/$1", None, "$1 is no variable"),
            ("/$2", Some("^/(a)"), "$2 is no variable"),
            ("/$lang", Some("^/(?<language>a)"), "$lang is no variable"),
            ("/a b$uri", None, "is no URL"),
            ("/a\r\nX: y$uri", None, "is no URL"),
            ("", None, "\"\" is no URL"),
            ("/a\r\nX: y", None, "is no URL"),
            ("new", None, "is no URL; write a path of this site such as \"/new/\""),
            ("?a=b", None, "is no URL"),
            ("1:2", None, "is no URL"),
            ("x$uri", None, "begins with neither"),
            ("$args", None, "begins with neither"),
            ("$host$uri", None, "begins with neither"),
            ("$scheme$uri", None, "begins with neither"),
            ("javascript:$uri", None, "begins with neither"),
            ("https://$uri", None, "has no host of its own"),
            ("https://$args", None, "has no host of its own"),
            ("https://x.com$args", None, "has no host of its own"),
            ("https:///$uri", None, "has no host of its own"),
            ("https://$1.x.com/", Some("^/(a)"), "has no host of its own"),
            ("https://www.$1/", Some("^/(a)"), "has no host of its own"),
            ("https://x.com:$1/", Some("^/(a)"), "has no host of its own"),
        ] {
            let error = location(template, pattern).err().expect(template);
            assert!(error.starts_with(&format!("{template:?} ")) && error.contains(message), "{error}");
        }
    }
}
