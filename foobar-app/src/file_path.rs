use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// The path of a file below some folder, encoded for a URL; `None` for one that names no file there: with an empty or a
/// dot segment, or a control character, which no name of a served file has.
pub(crate) fn encoded(path: &[u8]) -> Option<String> {
    let is_sound = |segment: &[u8]| !matches!(segment, b"" | b"." | b"..");
    let has_control = path.utf8_chunks().any(|chunk| chunk.valid().chars().any(char::is_control));
    let is_file = !has_control && path.split(|byte| *byte == b'/').all(is_sound);
    is_file.then(|| percent_encode(path, ENCODED).to_string())
}

/// All but `unreserved` (RFC 3986 §2.3) and the separator.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_encoded_whatever_bytes_its_names_have() {
        for (path, expected) in [
            (&b"a.pdf"[..], "a.pdf"),
            (b"2026/a b.pdf", "2026/a%20b.pdf"),
            ("Ümläut.pdf".as_bytes(), "%C3%9Cml%C3%A4ut.pdf"),
            (b"caf\xe9", "caf%E9"),
            (b"50%?#\"<>\\.txt", "50%25%3F%23%22%3C%3E%5C.txt"),
            (b"%2e%2e", "%252e%252e"),
            (b"...", "..."),
        ] {
            assert_eq!(encoded(path).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_names_no_file_below_the_folder_is_none() {
        for path in [
            &b""[..],
            b"/",
            b"/etc/passwd",
            b"a/",
            b"a//b",
            b".",
            b"..",
            b"../a",
            b"a/../b",
            b"a/.",
            b"a\r\nb",
            b"a\0",
            b"a\x7f",
            "a\u{85}".as_bytes(),
        ] {
            assert_eq!(encoded(path), None, "{path:?}");
        }
    }
}
