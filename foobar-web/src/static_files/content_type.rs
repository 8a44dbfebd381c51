use std::io;

use http::HeaderValue;

/// The media types of files, by their names.
pub(super) struct ContentTypes {
    charset: String,
}

impl ContentTypes {
    /// Text is announced with this charset; an empty one announces none. An error if it is not a token.
    pub(super) fn new(charset: &str) -> io::Result<Self> {
        if charset.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)) {
            return Ok(Self { charset: charset.to_owned() });
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{charset:?} is not the name of a charset")))
    }

    /// The type of a file of this name; `application/octet-stream` where the name tells nothing.
    ///
    /// Text, JavaScript and XML carry the charset, JSON does not: it is always UTF-8 and its type has no such
    /// parameter (RFC 8259 §11).
    pub(super) fn of(&self, name: &str) -> HeaderValue {
        let mime = mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream"); // unknown: bytes
        if self.charset.is_empty() || !is_text(mime) {
            return HeaderValue::from_static(mime);
        }
        HeaderValue::try_from(format!("{mime}; charset={}", self.charset)).expect("a type and a token make a value")
    }
}

fn is_text(mime: &str) -> bool {
    mime.starts_with("text/") || mime.ends_with("/javascript") || mime.ends_with("/xml") || mime.ends_with("+xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_carries_the_charset_and_the_rest_does_not() {
        let types = ContentTypes::new("utf-8").unwrap();
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b.CSS", "text/css; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("app.mjs", "application/javascript; charset=utf-8"),
            ("logo.svg", "image/svg+xml; charset=utf-8"),
            ("sitemap.xml", "text/xml; charset=utf-8"),
            ("data.json", "application/json"),
            ("logo.png", "image/png"),
            ("module.wasm", "application/wasm"),
            ("font.woff2", "font/woff2"),
            ("README", "application/octet-stream"),
            ("file.", "application/octet-stream"),
            ("file.unknown", "application/octet-stream"),
        ] {
            assert_eq!(types.of(name), expected, "{name}");
        }
        assert_eq!(ContentTypes::new("").unwrap().of("a.html"), "text/html");
    }

    #[test]
    fn a_charset_that_is_not_a_token_is_refused() {
        assert!(ContentTypes::new("utf-8\r\nSet-Cookie: a=b").is_err());
    }
}
