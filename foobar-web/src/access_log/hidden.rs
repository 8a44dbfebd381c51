use std::borrow::Cow;
use std::sync::Arc;

use memchr::memchr;
use percent_encoding::percent_decode;

use crate::{Error, LogFormat, WebSettings};

/// How lines look.
#[derive(Clone)]
pub(crate) struct LineStyle {
    pub(crate) format: LogFormat,
    pub(crate) hidden: Arc<HiddenParameters>,
}

/// Which parameters of a query have their values hidden: whoever reads the log is not to use the link that somebody was mailed.
#[derive(Default)]
pub(crate) struct HiddenParameters {
    /// Parts of their names, in small letters.
    words: Vec<Vec<u8>>,
}

impl LineStyle {
    pub(crate) fn compile(web: &WebSettings) -> Result<Self, Error> {
        let words = web.access_log_hide.iter().map(|word| word.to_ascii_lowercase().into_bytes());
        let hidden = HiddenParameters { words: words.collect() };
        if hidden.words.iter().any(Vec::is_empty) {
            return Err(Error::setting("web.access_log_hide", EMPTY));
        }
        if let Some(word) = web.access_log_hide.iter().find(|word| word.bytes().any(is_in_no_name)) {
            return Err(Error::setting("web.access_log_hide", format!("{word:?} {IN_NO_NAME}")));
        }
        Ok(Self { format: web.log_format, hidden: Arc::new(hidden) })
    }
}

const EMPTY: &str = "an empty text is a part of every name; leave it out, or write the names, such as \"token\"";
const IN_NO_NAME: &str =
    "is in no name of a parameter; write a part of a name alone, without =, &, ;, ?, #, % and blanks";

/// Names are compared as they are once they have been decoded.
fn is_in_no_name(byte: u8) -> bool {
    byte.is_ascii_control() || b"=&;?#% ".contains(&byte)
}

impl HiddenParameters {
    /// Writes a target, a URL or a line that has one.
    pub(super) fn put(&self, out: &mut Vec<u8>, text: &[u8], escape: fn(&mut Vec<u8>, &[u8])) {
        match memchr(b'?', text) {
            Some(at) if !self.words.is_empty() => {
                let (path, query) = text.split_at(at + 1);
                escape(out, path);
                self.put_query(out, query, escape);
            }
            _ => escape(out, text),
        }
    }

    fn put_query(&self, out: &mut Vec<u8>, mut query: &[u8], escape: fn(&mut Vec<u8>, &[u8])) {
        let (mut name, mut in_url) = (Some(0), false); // `None` in a value, which may be a URL
        let mut at = 0;
        while at < query.len() {
            let sign = Sign::at(&query[at..]);
            let begun = at;
            at += sign.length;
            match sign.byte {
                b'?' if sign.depth > 0 => (name, in_url) = (Some(at), true),
                _ if sign.depth > 0 && !in_url => {}
                b'=' if name.take().is_some_and(|name| self.is_hidden(&query[name..begun])) => {
                    let (shown, value) = query.split_at(at);
                    escape(out, shown);
                    out.extend_from_slice(FILTERED);
                    (query, at) = (&value[end(value, sign.depth)..], 0);
                }
                // Some take a semicolon for the end of a parameter, and a URL in a value may be written as it is.
                b'&' | b';' | b'#' | b'?' => (name, in_url) = (Some(at), in_url && sign.depth > 0),
                _ => {}
            }
        }
        escape(out, query);
    }

    fn is_hidden(&self, name: &[u8]) -> bool {
        let mut name = Cow::Borrowed(name);
        for _ in 0..DEEPEST {
            if memchr(b'%', &name).is_none() {
                break;
            }
            name = Cow::Owned(percent_decode(&name).collect());
        }
        let is_in = |word: &Vec<u8>| name.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
        self.words.iter().any(is_in)
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
/// so often, or at the end of the target.
fn end(value: &[u8], depth: usize) -> usize {
    let is_end = |at: &usize| {
        let sign = Sign::at(&value[*at..]);
        (matches!(sign.byte, b'&' | b'#') && sign.depth <= depth) || value[*at..].starts_with(b" HTTP/")
    };
    (0..value.len()).find(is_end).unwrap_or(value.len()) // there is no other
}

/// As Rails writes it.
const FILTERED: &[u8] = b"[FILTERED]";

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let words = ["token", "password"].map(|word| word.as_bytes().to_vec());
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
    fn where_no_names_are_given_all_is_shown() {
        let mut out = Vec::new();
        HiddenParameters::default().put(&mut out, b"/a?token=x", |out, text| out.extend_from_slice(text));
        assert_eq!(out, b"/a?token=x");
    }
}
