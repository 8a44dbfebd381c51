use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a browser does with a file (RFC 6266).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It saves it.
    Attachment,
    /// It shows it.
    Inline,
}

impl Disposition {
    /// The value of `Content-Disposition` for a file of this name. One that is more than plain ASCII is said twice, the
    /// second time as RFC 8187 has it; what does not know that takes the first, with `_` for what it cannot say.
    pub fn of(self, name: &str) -> HeaderValue {
        let disposition = match self {
            Self::Attachment => "attachment",
            Self::Inline => "inline",
        };
        let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%');
        let fallback: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
        let extended = if fallback == name {
            String::new()
        } else {
            format!("; filename*=UTF-8''{}", utf8_percent_encode(name, EXTENDED))
        };
        HeaderValue::try_from(format!("{disposition}; filename=\"{fallback}\"{extended}"))
            .expect("printable ASCII makes a value")
    }
}

/// All but `attr-char` (RFC 8187 §3.2.1).
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_and_one_that_ascii_cannot_say_is_encoded_too() {
        for (name, value) in [
            ("a b.pdf", "attachment; filename=\"a b.pdf\""),
            ("café.pdf", "attachment; filename=\"caf_.pdf\"; filename*=UTF-8''caf%C3%A9.pdf"),
            ("a\"; x=\"\\.txt", "attachment; filename=\"a_; x=__.txt\"; filename*=UTF-8''a%22%3B%20x%3D%22%5C.txt"),
            ("50%.txt", "attachment; filename=\"50_.txt\"; filename*=UTF-8''50%25.txt"),
        ] {
            assert_eq!(Disposition::Attachment.of(name), value);
        }
        assert_eq!(Disposition::Inline.of("a.pdf"), "inline; filename=\"a.pdf\"");
    }
}
