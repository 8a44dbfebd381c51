//! The path of a request: what is let through is normal, stays in its root, and is what a slow reading says.
#![no_main]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use foobar_web::fuzzing;
use http::uri::PathAndQuery;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let resolved = fuzzing::path(raw);
    assert_eq!(resolved.as_ref().map(|(path, _)| path), reference(raw).as_ref());
    if let Some((path, encoded)) = resolved {
        check_normal(&path);
        check_encoded(&path, &encoded);
    }
    let dots = raw.split(|byte| *byte == b'/').filter_map(decode).any(|segment| segment == b"." || segment == b"..");
    assert_eq!(fuzzing::has_dot_segments(raw), dots);
});

fn check_normal(path: &[u8]) {
    let path_in_it = path.strip_prefix(b"/").expect("it begins with a slash");
    let segments: Vec<&[u8]> = path_in_it.split(|byte| *byte == b'/').collect();
    let (last, directories) = segments.split_last().expect("a split has a part");
    assert!(directories.iter().all(|segment| !segment.is_empty()));
    assert!(segments.iter().all(|segment| *segment != b"." && *segment != b".."));
    assert!(!has_control(path));

    let inside = Path::new("/root").join(OsStr::from_bytes(path_in_it));
    let components: Vec<_> = inside.components().map(|part| part == Component::ParentDir).collect();
    let named = directories.len() + usize::from(!last.is_empty());
    assert_eq!(components, vec![false; named + 2], "the root, its name, and a component for each segment");
}

/// It may stand in a URI, also in a `Location` that a browser reads, and leads back to the same path.
fn check_encoded(path: &[u8], encoded: &str) {
    assert_eq!(fuzzing::path(encoded.as_bytes()).expect("it is a path").0, path);
    assert!(
        encoded.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\?#\"<>".contains(&byte))
            && !encoded.starts_with("//")
    );
    if encoded.len() < 60_000 {
        assert_eq!(PathAndQuery::try_from(encoded).expect("it may stand in a URI").path(), encoded);
    }
}

/// Cuts before it decodes, and keeps a stack of segments.
fn reference(raw: &[u8]) -> Option<Vec<u8>> {
    let mut path = Vec::new();
    let mut ends_in_directory = false;
    for segment in raw.strip_prefix(b"/")?.split(|byte| *byte == b'/') {
        let segment = decode(segment)?;
        ends_in_directory = matches!(&segment[..], b"" | b"." | b"..");
        match &segment[..] {
            b"" | b"." => {}
            b".." => drop(path.pop()?),
            _ => path.push(segment),
        }
    }
    let end: &[u8] = if ends_in_directory && !path.is_empty() { b"/" } else { b"" };
    Some([b"/", &path.join(&b"/"[..])[..], end].concat())
}

fn decode(segment: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut parts = segment.split(|byte| *byte == b'%');
    decoded.extend_from_slice(parts.next()?);
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        match u8::from_str_radix(str::from_utf8(digits).expect("digits are text"), 16).expect("two digits make a byte")
        {
            b'/' => decoded.extend_from_slice(b"%2F"),
            byte => decoded.push(byte),
        }
        decoded.extend_from_slice(&part[2..]);
    }
    Some(decoded).filter(|decoded| !has_control(decoded))
}

/// A control character of ASCII, or one of Latin 1 in UTF-8, at any place where it is not the rest of another character.
fn has_control(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).chars().any(char::is_control)
}
