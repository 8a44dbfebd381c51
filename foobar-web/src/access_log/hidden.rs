mod word;

use std::borrow::Cow;
use std::sync::Arc;

use memchr::{memchr, memchr2};
use percent_encoding::percent_decode;

use crate::{Error, LogFormat, WebSettings};
use word::{HiddenWord, Letters};

/// How lines look.
#[derive(Clone)]
pub(crate) struct LineStyle {
    pub(crate) format: LogFormat,
    pub(crate) hidden: Arc<HiddenParameters>,
}

/// Which parameters have their values hidden: whoever reads the log is not to use the link that somebody was mailed.
#[derive(Default)]
pub(crate) struct HiddenParameters {
    words: Vec<HiddenWord>,
}

impl LineStyle {
    pub(crate) fn compile(web: &WebSettings) -> Result<Self, Error> {
        let wrong = |told: String| Error::setting("web.access_log_hide", told);
        if let Some(word) = web.access_log_hide.iter().find(|word| word.bytes().any(is_in_no_name)) {
            return Err(wrong(format!("{word:?} {IN_NO_NAME}")));
        }
        let word = |word: &String| HiddenWord::parse(word).ok_or_else(|| wrong(format!("{word:?} {NO_WORD}")));
        let words = web.access_log_hide.iter().map(word).collect::<Result<_, _>>()?;
        Ok(Self { format: web.log_format, hidden: Arc::new(HiddenParameters { words }) })
    }
}

const NO_WORD: &str = "has neither letters nor figures; leave it out, or write words of names, such as \"token\"";
const IN_NO_NAME: &str =
    "is in no name of a parameter; write a word of a name alone, without =, &, ;, ?, #, % and blanks";

/// Names are compared as they are once they have been decoded.
fn is_in_no_name(byte: u8) -> bool {
    byte.is_ascii_control() || b"=&;?#% ".contains(&byte)
}

impl HiddenParameters {
    /// Writes a target, a URL or a line that has one.
    pub(super) fn put(&self, out: &mut Vec<u8>, text: &[u8], escape: fn(&mut Vec<u8>, &[u8])) {
        match memchr2(b'?', b'%', text) {
            Some(at) if !self.words.is_empty() => {
                let (path, rest) = text.split_at(at);
                escape(out, path);
                self.put_parameters(out, rest, escape);
            }
            _ => escape(out, text),
        }
    }

    /// Writes the rest of a target: of its path, which may have a URL in it that is encoded, and its query.
    fn put_parameters(&self, out: &mut Vec<u8>, mut text: &[u8], escape: fn(&mut Vec<u8>, &[u8])) {
        let (mut in_path, mut in_url) = (true, false);
        let mut name = None; // in a value, which may be a URL
        let mut at = 0;
        while at < text.len() {
            let sign = Sign::at(&text[at..]);
            let begun = at;
            at += sign.length;
            match sign.byte {
                b'?' if sign.depth > 0 => (name, in_url) = (Some(at), true),
                b'?' => (name, in_url, in_path) = (Some(at), false, false),
                _ if (sign.depth > 0 || in_path) && !in_url => {}
                b'=' if name.take().is_some_and(|name| self.is_hidden(&text[name..begun])) => {
                    let (shown, value) = text.split_at(at);
                    escape(out, shown);
                    out.extend_from_slice(FILTERED);
                    (text, at) = (&value[end(value, sign.depth, in_path)..], 0);
                }
                // Some take a semicolon for the end of a parameter, and a URL in a value may be written as it is.
                b'&' | b';' | b'#' => (name, in_url) = (Some(at), in_url && (sign.depth > 0 || in_path)),
                _ => {}
            }
        }
        escape(out, text);
    }

    fn is_hidden(&self, name: &[u8]) -> bool {
        let mut name = Cow::Borrowed(name);
        for _ in 0..DEEPEST {
            if memchr(b'%', &name).is_none() {
                break;
            }
            name = Cow::Owned(percent_decode(&name).collect());
        }
        let letters = Letters::of(&name);
        self.words.iter().any(|word| word.is_in(&letters))
    }
}

/// A byte of a query as it is meant: a URL in a value is encoded, and one in a value of that twice.
struct Sign {
    byte: u8,
    /// How often it is encoded.
    depth: usize,
    length: usize,
}

/// Nobody encodes more often.
const DEEPEST: usize = 4;

impl Sign {
    /// The first of a text that is not empty.
    fn at(text: &[u8]) -> Self {
        let plain = Self { byte: text[0], depth: 0, length: 1 };
        if plain.byte != b'%' {
            return plain;
        }
        let rest = &text[1..];
        let more = rest.chunks(2).take(DEEPEST).take_while(|pair| *pair == b"25").count();
        let byte = match rest.get(2 * more..2 * more + 2).map(|pair| [pair[0], pair[1].to_ascii_uppercase()]) {
            Some([b'3', b'F']) => b'?',
            Some([b'3', b'D']) => b'=',
            Some([b'3', b'B']) => b';',
            Some([b'2', b'6']) => b'&',
            Some([b'2', b'3']) => b'#',
            _ => return plain,
        };
        Self { byte, depth: more + 1, length: 1 + 2 * more + 2 }
    }
}

/// Where a value ends that may be written by hand: at the next parameter, at the end of the URL that it is in, which is encoded
/// so often, at the query if it is in the path, or at the end of the target.
fn end(value: &[u8], depth: usize, in_path: bool) -> usize {
    let is_end = |at: &usize| {
        let sign = Sign::at(&value[*at..]);
        (matches!(sign.byte, b'&' | b'#') && sign.depth <= depth)
            || (sign.byte, sign.depth, in_path) == (b'?', 0, true)
            || value[*at..].starts_with(b" HTTP/")
    };
    (0..value.len()).find(is_end).unwrap_or(value.len()) // there is no other
}

/// As Rails writes it.
const FILTERED: &[u8] = b"[FILTERED]";

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let words = ["token", "password", "code"].map(|word| HiddenWord::parse(word).expect("it has letters"));
        let mut out = Vec::new();
        HiddenParameters { words: words.into() }
            .put(&mut out, text.as_bytes(), |out, text| out.extend_from_slice(text));
        String::from_utf8(out).expect("it was UTF-8")
    }

    #[test]
    fn the_value_of_a_parameter_with_such_a_name_is_hidden_and_all_else_is_shown() {
        for (text, expected) in [
            ("/confirm?token=abc", "/confirm?token=[FILTERED]"),
            ("/confirm?a=1&token=abc&b=2", "/confirm?a=1&token=[FILTERED]&b=2"),
            ("/a?Reset_Token=x&user%5BPassWord%5D=y", "/a?Reset_Token=[FILTERED]&user%5BPassWord%5D=[FILTERED]"),
            ("/a?token=&b=2", "/a?token=[FILTERED]&b=2"),
            ("/a?token=a=b;c d&e", "/a?token=[FILTERED]&e"),
            ("/a?b=1;token=x;y", "/a?b=1;token=[FILTERED]"),
            ("/a?next=/b?token=x#end", "/a?next=/b?token=[FILTERED]#end"),
            ("GET /a?token=x HTTP/1.1", "GET /a?token=[FILTERED] HTTP/1.1"),
            ("https://a.test/a?token=ü&q=ü", "https://a.test/a?token=[FILTERED]&q=ü"),
            ("/a?token=1&token=2", "/a?token=[FILTERED]&token=[FILTERED]"),
            ("/token=abc", "/token=abc"),
            ("/a;token=abc&token=%20?b=1", "/a;token=abc&token=%20?b=1"),
            ("/a?postcode=1&reset_token=2&barcode=3", "/a?postcode=1&reset_token=[FILTERED]&barcode=3"),
            ("/a?token", "/a?token"),
            ("/a?toke=n&q=token", "/a?toke=n&q=token"),
            ("/a?", "/a?"),
            ("/a?%74oken=x&b=2", "/a?%74oken=[FILTERED]&b=2"),
            ("/a?user%5Btok%65n%5d=x", "/a?user%5Btok%65n%5d=[FILTERED]"),
            ("/a?%", "/a?%"),
            ("/a?%3", "/a?%3"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn a_url_that_is_encoded_in_a_value_is_looked_into() {
        for (text, expected) in [
            ("/a?next=%2Fb%3Ftoken%3Dx", "/a?next=%2Fb%3Ftoken%3D[FILTERED]"),
            ("/a?next=%2fb%3fa%3d1%26token%3dx%26c%3d2&d=3", "/a?next=%2fb%3fa%3d1%26token%3d[FILTERED]%26c%3d2&d=3"),
            ("/a?next=%2Fb%3Ftoken%3Dx%23end", "/a?next=%2Fb%3Ftoken%3D[FILTERED]%23end"),
            ("/a?next=%2Fb%3Ftoken%3Da%2526b%26c", "/a?next=%2Fb%3Ftoken%3D[FILTERED]%26c"),
            ("/a?next=%2Fb%3Ftok%2565n%3Dx", "/a?next=%2Fb%3Ftok%2565n%3D[FILTERED]"),
            (
                "/a?n=%2Fb%3Fn%3D%252Fc%253Ftoken%253Dx%2526d%26e",
                "/a?n=%2Fb%3Fn%3D%252Fc%253Ftoken%253D[FILTERED]%2526d%26e",
            ),
            ("GET /a?next=%2Fb%3Ftoken%3Dx HTTP/1.1", "GET /a?next=%2Fb%3Ftoken%3D[FILTERED] HTTP/1.1"),
            ("/a?next=%2Fb%3Fc%3D1&token=x", "/a?next=%2Fb%3Fc%3D1&token=[FILTERED]"),
            ("/a?%2Fb%3Ftoken%3Dx", "/a?%2Fb%3Ftoken%3D[FILTERED]"),
            ("/a?next%3D%2Fb%3Ftoken%3Dx", "/a?next%3D%2Fb%3Ftoken%3D[FILTERED]"),
            ("/a?q=token%3Dx", "/a?q=token%3Dx"),
            ("/a?q=a%26token%3Dx", "/a?q=a%26token%3Dx"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn a_url_that_is_encoded_in_a_path_is_looked_into() {
        for (text, expected) in [
            ("/login/https%3A%2F%2Fx%2F%3Ftoken%3Dabc", "/login/https%3A%2F%2Fx%2F%3Ftoken%3D[FILTERED]"),
            ("GET /a/%3Ftoken%3Dabc HTTP/1.1", "GET /a/%3Ftoken%3D[FILTERED] HTTP/1.1"),
            ("/a/%3Fb%3D1%26token%3Dabc%26c%3D2/d", "/a/%3Fb%3D1%26token%3D[FILTERED]%26c%3D2/d"),
            ("/a/%3Fb%3D1&token=abc", "/a/%3Fb%3D1&token=[FILTERED]"),
            ("/a/%3Ftoken=abc", "/a/%3Ftoken=[FILTERED]"),
            ("/a/%253Ftoken%253Dabc%2526b/c?d", "/a/%253Ftoken%253D[FILTERED]%2526b/c?d"),
            ("/a/%3Ftoken%3Dabc/c?code=1&b=2", "/a/%3Ftoken%3D[FILTERED]?code=[FILTERED]&b=2"),
            ("https://x/a%2Fb%3Ftoken%3Dabc?b=2", "https://x/a%2Fb%3Ftoken%3D[FILTERED]?b=2"),
            ("/a%20b/c%3Dd?token=x", "/a%20b/c%3Dd?token=[FILTERED]"),
            ("/a/%3Fpostcode%3D1", "/a/%3Fpostcode%3D1"),
            ("/a/%3F", "/a/%3F"),
            ("/a/%3", "/a/%3"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn where_no_names_are_given_all_is_shown() {
        let mut out = Vec::new();
        HiddenParameters::default().put(&mut out, b"/a?token=x", |out, text| out.extend_from_slice(text));
        assert_eq!(out, b"/a?token=x");
    }
}
