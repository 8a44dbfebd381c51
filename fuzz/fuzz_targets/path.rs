//! The path of a request: what is let through is normal, stays in its root, and is what a slow reading says.
#![no_main]

use std::path::{Component, Path};

use foobar_web::fuzzing;
use http::uri::PathAndQuery;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &str| {
    let resolved = fuzzing::path(raw);
    assert_eq!(resolved.as_ref().map(|(path, _)| path), reference(raw).as_ref());
    if let Some((path, encoded)) = resolved {
        check_normal(&path);
        check_encoded(&path, &encoded);
    }
    let dots = raw.split('/').filter_map(decode).any(|segment| segment == "." || segment == "..");
    assert_eq!(fuzzing::has_dot_segments(raw), dots);
});

fn check_normal(path: &str) {
    let segments: Vec<&str> = path.strip_prefix('/').expect("it begins with a slash").split('/').collect();
    let (last, directories) = segments.split_last().expect("a split has a part");
    assert!(directories.iter().all(|segment| !segment.is_empty()));
    assert!(segments.iter().all(|segment| *segment != "." && *segment != ".."));
    assert!(!path.chars().any(char::is_control));

    let components: Vec<_> =
        Path::new("/root").join(&path[1..]).components().map(|part| part == Component::ParentDir).collect();
    let named = directories.len() + usize::from(!last.is_empty());
    assert_eq!(components, vec![false; named + 2], "the root, its name, and a component for each segment");
}

/// It may stand in a URI, also in a `Location` that a browser reads, and leads back to the same path.
fn check_encoded(path: &str, encoded: &str) {
    assert_eq!(fuzzing::path(encoded).expect("it is a path").0, path);
    assert!(
        encoded.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\?#\"<>".contains(&byte))
            && !encoded.starts_with("//")
    );
    if encoded.len() < 60_000 {
        assert_eq!(PathAndQuery::try_from(encoded).expect("it may stand in a URI").path(), encoded);
    }
}

/// Cuts before it decodes, and keeps a stack of segments.
fn reference(raw: &str) -> Option<String> {
    let mut path = Vec::new();
    let mut ends_in_directory = false;
    for segment in raw.strip_prefix('/')?.split('/') {
        let segment = decode(segment)?;
        ends_in_directory = matches!(segment.as_str(), "" | "." | "..");
        match segment.as_str() {
            "" | "." => {}
            ".." => drop(path.pop()?),
            _ => path.push(segment),
        }
    }
    let end = if ends_in_directory && !path.is_empty() { "/" } else { "" };
    Some(format!("/{}{end}", path.join("/")))
}

fn decode(segment: &str) -> Option<String> {
    let mut decoded = Vec::new();
    let mut parts = segment.split('%');
    decoded.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        match u8::from_str_radix(digits, 16).expect("two digits make a byte") {
            b'/' => decoded.extend_from_slice(b"%2F"),
            byte => decoded.push(byte),
        }
        decoded.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(decoded).ok().filter(|decoded| !decoded.chars().any(char::is_control))
}
