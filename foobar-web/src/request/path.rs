use std::borrow::Cow;

use http::uri::{PathAndQuery, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// The path of a request, decoded once and normalised.
///
/// It begins with exactly one `/`, has neither empty nor dot segments (RFC 3986 §5.2.4, after decoding, so `%2e` is
/// a dot too) and no control characters. What is left of a path that ended in one of those is a trailing `/`. Case
/// and backslashes are kept: a backslash is an ordinary character. An encoded slash stays `%2F`: it is part of its
/// segment and never separates. It is bytes, as names of files are, and mostly UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NormalPath<'a>(Cow<'a, [u8]>);

/// A path that no request may have, to be answered with 400: it does not begin with `/`, has a malformed `%`, holds a
/// control character, or climbs above the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path of the request is malformed")]
pub(crate) struct BadPath;

impl<'a> NormalPath<'a> {
    /// Reads the path component of a URI as it was sent, without its query; borrows it if it is normal already.
    pub(crate) fn parse(raw: &'a (impl AsRef<[u8]> + ?Sized)) -> Result<Self, BadPath> {
        let raw = raw.as_ref();
        if is_plain(raw) {
            return Ok(Self(Cow::Borrowed(raw)));
        }
        let decoded = decode(raw)?;
        if !decoded.starts_with(b"/") || has_control(&decoded) {
            return Err(BadPath);
        }
        normalise(&decoded).map(|path| Self(Cow::Owned(path)))
    }

    /// The decoded path.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a path, as it was sent, has segments that lead elsewhere.
    pub(crate) fn has_dot_segments(raw: &(impl AsRef<[u8]> + ?Sized)) -> bool {
        let raw = raw.as_ref();
        let may_have = raw.iter().any(|byte| matches!(byte, b'.' | b'%'));
        let is_dots = |segment| decode(segment).is_ok_and(|segment| segment == b"." || segment == b"..");
        may_have && raw.split(|byte| *byte == b'/').any(is_dots)
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
pub(crate) fn encode_path(decoded: &[u8]) -> String {
    percent_encode(decoded, ENCODED).to_string().replace("%252F", "%2F")
}

/// Whether a path or a name holds a control character, in ASCII or in UTF-8: no request may name it.
pub(crate) fn has_control(decoded: &[u8]) -> bool {
    decoded.utf8_chunks().any(|chunk| chunk.valid().chars().any(char::is_control))
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
fn is_plain(raw: &[u8]) -> bool {
    let mut before = 0;
    raw.starts_with(b"/")
        && raw.iter().all(|&byte| {
            let plain = byte.is_ascii_graphic() && byte != b'%' && !(before == b'/' && matches!(byte, b'/' | b'.'));
            before = byte;
            plain
        })
}

fn decode(raw: &[u8]) -> Result<Vec<u8>, BadPath> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match hex(bytes.next())? << 4 | hex(bytes.next())? {
                b'/' => decoded.extend_from_slice(b"%2F"),
                byte => decoded.push(byte),
            },
            byte => decoded.push(byte),
        }
    }
    Ok(decoded)
}

fn hex(digit: Option<u8>) -> Result<u8, BadPath> {
    let value = digit.and_then(|digit| char::from(digit).to_digit(16)).ok_or(BadPath)?;
    Ok(value as u8)
}

fn normalise(decoded: &[u8]) -> Result<Vec<u8>, BadPath> {
    let mut normal = Vec::with_capacity(decoded.len());
    for segment in decoded.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => normal.truncate(normal.iter().rposition(|byte| *byte == b'/').ok_or(BadPath)?),
            segment => {
                normal.push(b'/');
                normal.extend_from_slice(segment);
            }
        }
    }
    if [&b"/"[..], b"/.", b"/.."].iter().any(|end| decoded.ends_with(end)) {
        normal.push(b'/');
    }
    Ok(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(raw: &str) -> Option<String> {
        let path = NormalPath::parse(raw).ok()?;
        Some(String::from_utf8(path.0.into_owned()).expect("it is UTF-8"))
    }

    #[test]
    fn every_byte_but_a_control_character_may_be_in_a_path() {
        for byte in 0..=u8::MAX {
            let (escaped, path) = (format!("/a%{byte:02x}"), [b'/', b'a', byte]);
            let expected = match byte {
                b'/' => Ok(&b"/a%2F"[..]),
                _ if byte.is_ascii_control() => Err(BadPath),
                _ => Ok(&path[..]),
            };
            let parsed = NormalPath::parse(&escaped);
            assert_eq!(parsed.as_ref().map(NormalPath::as_bytes).map_err(|bad| *bad), expected, "{escaped}");
        }
    }

    #[test]
    fn what_is_not_utf_8_is_kept_and_no_part_of_it_is_a_dot_or_a_slash() {
        for (raw, path) in [
            (&b"/caf%e9"[..], &b"/caf\xe9"[..]),
            (b"/caf\xe9", b"/caf\xe9"),
            (b"/%ff/../%fe/.", b"/\xfe/"),
            (b"/a/%c0%ae%c0%ae/", b"/a/\xc0\xae\xc0\xae/"),
            (b"/%c0%af", b"/\xc0\xaf"),
            (b"/%E9%2f%e9", b"/\xe9%2F\xe9"),
            (b"/%ed%a0%80", b"/\xed\xa0\x80"),
        ] {
            let parsed = NormalPath::parse(raw).unwrap();
            assert_eq!(parsed.as_bytes(), path, "{}", raw.escape_ascii());
            assert_eq!(NormalPath::parse(&parsed.encoded()).as_ref(), Ok(&parsed));
        }
        for control in [&b"/\xe9%0a"[..], b"/%e9%7f", b"/\xe9%c2%85"] {
            assert_eq!(NormalPath::parse(control), Err(BadPath), "{}", control.escape_ascii());
        }
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
