use regex::bytes::{Captures, Regex, RegexBuilder};

/// The regular expression of a route, for decoded paths.
///
/// A path in UTF-8 is matched by its characters, any other by its bytes, as in nginx: `.` is one of them there. An
/// expression that means nothing but characters, such as `[λ]`, fits no such path.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    characters: Regex,
    bytes: Option<Regex>,
}

impl Pattern {
    pub(super) fn compile(expression: &str, ignores_case: bool) -> Result<Self, regex::Error> {
        let mut builder = RegexBuilder::new(expression);
        builder.case_insensitive(ignores_case);
        Ok(Self { characters: builder.build()?, bytes: builder.unicode(false).build().ok() }) // it means characters
    }

    pub(super) fn is_match(&self, path: &[u8]) -> bool {
        self.fitting(path).is_some_and(|regex| regex.is_match(path))
    }

    pub(super) fn captures<'a>(&self, path: &'a [u8]) -> Option<Captures<'a>> {
        self.fitting(path)?.captures(path)
    }

    /// The number of the group of this name.
    pub(super) fn group(&self, name: &str) -> Option<usize> {
        self.characters.capture_names().position(|known| known == Some(name))
    }

    /// How many groups it has, with the whole.
    pub(super) fn groups(&self) -> usize {
        self.characters.captures_len()
    }

    pub(super) fn as_str(&self) -> &str {
        self.characters.as_str()
    }

    fn fitting(&self, path: &[u8]) -> Option<&Regex> {
        if str::from_utf8(path).is_ok() { Some(&self.characters) } else { self.bytes.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_matched_by_its_characters_or_where_it_is_not_utf_8_by_its_bytes() {
        for (expression, path, fits) in [
            ("^/caf.$", "/café".as_bytes(), true),
            ("^/caf.$", b"/caf\xe9", true),
            ("^/caf..$", "/café".as_bytes(), false),
            (r"^/\w+$", "/café".as_bytes(), true),
            (r"^/\w+$", b"/caf\xe9", false),
            (r"^/caf\xe9$", "/café".as_bytes(), true),
            (r"^/caf\xe9$", b"/caf\xe9", true),
            ("^/[λ]", "/λ".as_bytes(), true),
            ("^/[λ]", b"/\xeb", false),
        ] {
            let pattern = Pattern::compile(expression, false).unwrap();
            assert_eq!(pattern.is_match(path), fits, "{expression} {}", path.escape_ascii());
        }
        let pattern = Pattern::compile("^/OLD/(?<rest>.*)$", true).unwrap();
        assert_eq!(&pattern.captures(b"/old/caf\xe9").unwrap()["rest"], b"caf\xe9");
    }
}
