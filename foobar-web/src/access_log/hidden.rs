use std::sync::Arc;

use memchr::memchr;

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
        Ok(Self { format: web.log_format, hidden: Arc::new(hidden) })
    }
}

const EMPTY: &str = "an empty text is a part of every name; leave it out, or write the names, such as \"token\"";

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
        let mut name = Some(0); // `None` in a value
        let mut at = 0;
        while let Some(byte) = query.get(at) {
            at += 1;
            match byte {
                b'=' if name.take().is_some_and(|name| self.is_hidden(&query[name..at - 1])) => {
                    let (shown, value) = query.split_at(at);
                    escape(out, shown);
                    out.extend_from_slice(FILTERED);
                    (query, at) = (&value[end(value)..], 0);
                }
                b'&' | b';' | b'#' | b'?' => name = Some(at), // some take a semicolon, and a value may be a URL
                _ => {}
            }
        }
        escape(out, query);
    }

    fn is_hidden(&self, name: &[u8]) -> bool {
        let is_in = |word: &Vec<u8>| name.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
        self.words.iter().any(is_in)
    }
}

/// Where a value ends that may be written by hand: at the next parameter, or at the end of the target.
fn end(value: &[u8]) -> usize {
    let is_end = |at: &usize| matches!(value[*at], b'&' | b'#') || value[*at..].starts_with(b" HTTP/");
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
