use std::borrow::Cow;

use http::uri::{PathAndQuery, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The path of a request, decoded once and normalised.
///
/// It begins with exactly one `/`, has neither empty nor dot segments (RFC 3986 §5.2.4, after decoding, so `%2e` is
/// a dot too) and no control characters. What is left of a path that ended in one of those is a trailing `/`. Case
/// and backslashes are kept: a backslash is an ordinary character. An encoded slash stays `%2F`: it is part of its
/// segment and never separates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NormalPath<'a>(Cow<'a, str>);

/// A path that no request may have, to be answered with 400: it does not begin with `/`, has a malformed `%`, is not
/// UTF-8, holds a control character, or climbs above the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path of the request is malformed")]
pub(crate) struct BadPath;

impl<'a> NormalPath<'a> {
    /// Reads the path component of a URI as it was sent, without its query; borrows it if it is normal already.
    pub(crate) fn parse(raw: &'a str) -> Result<Self, BadPath> {
        if is_plain(raw) {
            return Ok(Self(Cow::Borrowed(raw)));
        }
        let decoded = decode(raw)?;
        if !decoded.starts_with('/') || decoded.chars().any(char::is_control) {
            return Err(BadPath);
        }
        normalise(&decoded).map(|path| Self(Cow::Owned(path)))
    }

    /// The decoded path.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a path, as it was sent, has segments that lead elsewhere.
    pub(crate) fn has_dot_segments(raw: &str) -> bool {
        let may_have = raw.bytes().any(|byte| matches!(byte, b'.' | b'%'));
        may_have && raw.split('/').any(|segment| decode(segment).is_ok_and(|segment| segment == "." || segment == ".."))
    }

    /// The URI with this path in the place of its own; an error if it becomes too long.
    pub(crate) fn replace_in(&self, uri: &Uri) -> Result<Uri, http::Error> {
        let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(self.encoded() + &query)?);
        Ok(Uri::from_parts(parts)?)
    }

    /// The path encoded for a URI: parsed again, it is the same path.
    pub(crate) fn encoded(&self) -> String {
        encode_path(&self.0)
    }
}

/// A decoded path, or a part of one, encoded for a URI. What stands in it for an encoded slash stays one.
pub(crate) fn encode_path(decoded: &str) -> String {
    utf8_percent_encode(decoded, ENCODED).to_string().replace("%252F", "%2F")
}

/// All but `unreserved`, `sub-delims`, `:`, `@` (RFC 3986 §3.3) and the separator. A backslash is encoded, for
/// browsers take it for a slash.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/');

/// Whether there is certainly nothing to decode, to normalise or to refuse.
fn is_plain(raw: &str) -> bool {
    let mut before = 0;
    raw.starts_with('/')
        && raw.bytes().all(|byte| {
            let plain = byte.is_ascii_graphic() && byte != b'%' && !(before == b'/' && matches!(byte, b'/' | b'.'));
            before = byte;
            plain
        })
}

fn decode(raw: &str) -> Result<String, BadPath> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match hex(bytes.next())? << 4 | hex(bytes.next())? {
                b'/' => decoded.extend_from_slice(b"%2F"),
                byte => decoded.push(byte),
            },
            byte => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).map_err(|_| BadPath)
}

fn hex(digit: Option<u8>) -> Result<u8, BadPath> {
    let value = digit.and_then(|digit| char::from(digit).to_digit(16)).ok_or(BadPath)?;
    Ok(value as u8)
}

fn normalise(decoded: &str) -> Result<String, BadPath> {
    let mut normal = String::with_capacity(decoded.len());
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => normal.truncate(normal.rfind('/').ok_or(BadPath)?),
            segment => {
                normal.push('/');
                normal.push_str(segment);
            }
        }
    }
    if decoded.ends_with('/') || decoded.ends_with("/.") || decoded.ends_with("/..") {
        normal.push('/');
    }
    Ok(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(raw: &str) -> Option<String> {
        NormalPath::parse(raw).ok().map(|path| path.0.into_owned())
    }

    #[test]
    fn a_path_is_decoded_once() {
        for (raw, path) in [
            ("/", "/"),
            ("/a/b.html", "/a/b.html"),
            ("/a%20b", "/a b"),
            ("/caf%C3%A9", "/café"),
            ("/café", "/café"),
            ("/%252e%252e/canary", "/%2e%2e/canary"),
            ("/a%25", "/a%"),
            ("/a+b", "/a+b"),
            ("/file.", "/file."),
            ("/file::$DATA", "/file::$DATA"),
            ("/%2egit/HEAD", "/.git/HEAD"),
            ("/%uff0e", ""),
        ] {
            assert_eq!(parsed(raw).unwrap_or_default(), path, "{raw}");
        }
    }

    #[test]
    fn slashes_are_merged_and_dot_segments_removed() {
        for (raw, path) in [
            ("//canary", "/canary"),
            ("///", "/"),
            ("/a//b///", "/a/b/"),
            ("/a/./b", "/a/b"),
            ("/a/.", "/a/"),
            ("/a/b/..", "/a/"),
            ("/a/b/../", "/a/"),
            ("/a/..", "/"),
            ("/.", "/"),
            ("/a//../b", "/b"),
            ("/a/%2e%2E/b", "/b"),
            ("/.%2e/", ""),
            ("/static../secret", "/static../secret"),
            ("/static%2e%2e/secret", "/static../secret"),
            ("/..;/canary", "/..;/canary"),
            ("/....//canary", "/..../canary"),
            ("/...", "/..."),
            ("//evil.com/..", "/"),
            ("//evil.com/%2e%2e", "/"),
        ] {
            assert_eq!(parsed(raw).unwrap_or_default(), path, "{raw}");
        }
    }

    #[test]
    fn an_encoded_slash_and_a_backslash_never_separate() {
        for (raw, path) in [
            ("/a%2fb", "/a%2Fb"),
            ("/a%2Fb", "/a%2Fb"),
            ("/..%2fcanary", "/..%2Fcanary"),
            ("/%2e%2e%2fcanary", "/..%2Fcanary"),
            ("/a/..%5c..%5ccanary", "/a/..\\..\\canary"),
            ("/\\evil.com/..", "/"),
            ("/%5cevil.com", "/\\evil.com"),
        ] {
            assert_eq!(parsed(raw).unwrap_or_default(), path, "{raw}");
        }
    }

    #[test]
    fn a_path_that_cannot_be_one_is_bad() {
        for raw in [
            "",
            "*",
            "a",
            "a/b",
            "%2Fa",
            "/%",
            "/%1",
            "/%zz",
            "/%+1",
            "/%é1",
            "/app.rs%00.html",
            "/.%00./",
            "/x%0d%0aSet-Cookie:%20a=b",
            "/%0a",
            "/%09/evil.com",
            "/%7f",
            "/%C2%85",
            "/a/%c0%ae%c0%ae/",
            "/%c0%af",
            "/%ff",
            "/%uff0e%uff0e/",
            "/..",
            "/../",
            "/../../../canary",
            "/%2e%2e/canary",
            "/.%2e/",
            "//../canary",
            "/a/../../b",
            "/a/../..",
        ] {
            assert_eq!(NormalPath::parse(raw), Err(BadPath), "{raw}");
        }
    }

    #[test]
    fn an_encoded_path_parses_to_itself_and_holds_nothing_that_ends_a_path() {
        for raw in ["/", "/a%20b/", "/%5cevil.com", "/a%2fb", "/a%252fb", "/%3f%23%22%3c%3e", "/caf%c3%a9", "/:a@b;c=d"]
        {
            let path = NormalPath::parse(raw).unwrap();
            let encoded = path.encoded();
            assert_eq!(NormalPath::parse(&encoded).as_ref(), Ok(&path), "{raw}");
            assert!(!encoded.contains(['?', '#', '\\', ' ', '"', '<', '>']) && encoded.is_ascii(), "{encoded}");
        }
        assert_eq!(NormalPath::parse("/%5cevil.com").unwrap().encoded(), "/%5Cevil.com");
    }
}
