//! The name under which a file may be kept for ever: its own, with the hash of its content before the extension.

use super::resource::HASH_DIGITS;

/// A path that names a file by its content: `css/site.0123456789abcdef0123456789abcdef.css`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AssetName<'a> {
    /// The path without the hash: `css/site.css`.
    pub(super) plain: Vec<u8>,
    pub(super) hash: &'a str,
}

impl<'a> AssetName<'a> {
    /// `None` where the path names no hash.
    pub(super) fn parse(path: &'a [u8]) -> Option<Self> {
        let name = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let mut dots = (name..path.len()).rev().filter(|at| path[*at] == b'.');
        let last = dots.next()?;
        let (start, end) = match dots.next() {
            Some(before) if is_hash(&path[before + 1..last]) => (before, last),
            _ => (last, path.len()),
        };
        let hash = Some(&path[start + 1..end]).filter(|part| is_hash(part) && start > name)?;
        Some(Self { plain: [&path[..start], &path[end..]].concat(), hash: str::from_utf8(hash).ok()? }) // it is ASCII
    }
}

/// The path that names the file at `plain` by this hash of its content.
pub(crate) fn with_hash(plain: &str, hash: &str) -> String {
    let name = plain.rfind('/').map_or(0, |slash| slash + 1);
    let dot = plain[name..].rfind('.').filter(|dot| *dot > 0).map_or(plain.len(), |dot| name + dot);
    format!("{}.{hash}{}", &plain[..dot], &plain[dot..])
}

fn is_hash(part: &[u8]) -> bool {
    part.len() == HASH_DIGITS && part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_name_with_a_hash_is_read_back() {
        for (plain, expected) in [
            ("/site.css", "/site.HASH.css"),
            ("/css/app.min.js", "/css/app.min.HASH.js"),
            ("/LICENSE", "/LICENSE.HASH"),
            ("/a.b/LICENSE", "/a.b/LICENSE.HASH"),
            ("/.well-known/x", "/.well-known/x.HASH"),
            ("/käse.svg", "/käse.HASH.svg"),
            ("/end.", "/end.HASH."),
            ("/HASH", "/HASH.HASH"),
            ("/a.HASH", "/a.HASH.HASH"),
        ] {
            let (plain, expected) = (plain.replace("HASH", HASH), expected.replace("HASH", HASH));
            let path = with_hash(&plain, HASH);
            assert_eq!(path, expected);
            let read = AssetName::parse(path.as_bytes()).unwrap();
            assert_eq!((read.plain.as_slice(), read.hash), (plain.as_bytes(), HASH));
        }
    }

    #[test]
    fn other_names_have_no_hash() {
        let upper = HASH.to_uppercase();
        for path in [
            "",
            "/",
            "/site.css",
            "/site.0123456789abcdef.css",
            &format!("/{HASH}.css"),
            &format!("/.{HASH}.css"),
            &format!("/site-{HASH}.css"),
            &format!("/site.{upper}.css"),
            &format!("/site.{HASH}0.css"),
            &format!("/site.{HASH}/a.css"),
            &format!("/site.{HASH}.min.css"),
        ] {
            assert_eq!(AssetName::parse(path.as_bytes()), None, "{path}");
        }
    }
}
