use super::pattern::Pattern;
use super::variable;

use crate::Error;
use crate::request::NormalPath;

/// The paths that a route is for, as its key names them.
pub(super) enum RoutePath<'a> {
    /// `"= /exact"`.
    Exact(&'a str),
    /// `"/prefix/"`.
    Prefix(&'a str),
    /// `"~ pattern"`, or `"~* pattern"` without regard to case.
    Pattern(&'a str, Pattern),
}

impl<'a> RoutePath<'a> {
    /// `key` is the route's section. An error if no decoded path can be meant, or the pattern is none.
    pub(super) fn parse(key: &str, path: &'a str) -> Result<Self, Error> {
        if let Some(pattern) = path.strip_prefix("~*") {
            return parse_pattern(key, pattern.trim_start(), true);
        }
        if let Some(pattern) = path.strip_prefix('~') {
            return parse_pattern(key, pattern.trim_start(), false);
        }
        match path.strip_prefix('=') {
            Some(rest) => parse_path(key, rest.trim_start(), "= ").map(Self::Exact),
            None => parse_path(key, path, "").map(Self::Prefix),
        }
    }

    /// How much of a path is cut off before files are looked up; the slash stays.
    pub(super) fn cut(&self) -> usize {
        match self {
            Self::Prefix(prefix) => prefix.trim_end_matches('/').len(),
            Self::Exact(_) | Self::Pattern(..) => 0,
        }
    }

    pub(super) const fn pattern(&self) -> Option<&Pattern> {
        match self {
            Self::Pattern(_, pattern) => Some(pattern),
            Self::Exact(_) | Self::Prefix(_) => None,
        }
    }

    /// The path or the pattern.
    pub(super) const fn as_str(&self) -> &'a str {
        match self {
            Self::Exact(text) | Self::Prefix(text) | Self::Pattern(text, _) => text,
        }
    }
}

fn parse_path<'a>(key: &str, path: &'a str, sign: &str) -> Result<&'a str, Error> {
    match NormalPath::parse(path) {
        Ok(normal) if normal.as_bytes() != path.as_bytes() => {
            let right = format!("{sign}{}", String::from_utf8_lossy(normal.as_bytes()));
            Err(Error::setting(key, format!("a route is a decoded and normal path; write {right:?}")))
        }
        _ if path.starts_with('/') => Ok(path), // also with a bare `%`
        _ => Err(Error::setting(key, FORMS)),
    }
}

const FORMS: &str = "a route is \"/prefix/\", \"= /exact\", \"~ pattern\" or, without regard to case, \"~* pattern\"";

fn parse_pattern<'a>(key: &str, pattern: &'a str, ignores_case: bool) -> Result<RoutePath<'a>, Error> {
    if pattern.is_empty() {
        return Err(Error::setting(key, format!("there is no pattern; {FORMS}")));
    }
    let compiled = Pattern::compile(pattern, ignores_case).map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or(&text).trim_start_matches("error: "); // the pattern stands before it
        Error::setting(key, format!("{pattern:?} is no pattern: {reason}; {EXPRESSION}"))
    })?;
    match variable::NAMES.iter().find(|name| compiled.group(name).is_some()) {
        Some(name) => Err(Error::setting(key, format!("{pattern:?} has a group `{name}`, {TAKEN}"))),
        None => Ok(RoutePath::Pattern(pattern, compiled)),
    }
}

const TAKEN: &str = "as one of the variables is named that a redirect has anyway; give the group another name";

const EXPRESSION: &str = "write a regular expression of the Rust crate `regex`, such as \"^/old/(.*)$\"";
