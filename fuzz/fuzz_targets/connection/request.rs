use foobar_web::fuzzing::Http1Server;

use super::lines::{Field, chunks, fields, is_token, line, number, values};

/// A request, as RFC 9112 has it. Where it lets a server choose, what may be refused is taken.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub minor: u8,
    pub fields: Vec<Field>,
    pub content: Vec<u8>,
}

/// What the next bytes of a connection are.
pub enum Read<'a> {
    /// A request, and what follows it.
    Whole(Request, &'a [u8]),
    /// No request, or the beginning of one; whether its head is one.
    Broken { has_head: bool },
    /// Its end.
    Nothing,
}

/// Who is asked, where nothing about the target has to be normalized.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    File(&'static [u8]),
    Redirect,
    Application,
    /// The application, which takes over the connection.
    Switch,
    /// That is not said here.
    Unknown,
}

/// How long the content of a request is.
enum Framing {
    Length(usize),
    Chunked,
}

impl Request {
    pub fn read(sent: &[u8]) -> Read<'_> {
        if sent.is_empty() || sent == b"\r\n" {
            return Read::Nothing;
        }
        let Some((head, framing, rest)) = Self::head(sent) else { return Read::Broken { has_head: false } };
        let read = match framing {
            Framing::Chunked => chunks(rest),
            Framing::Length(length) => rest.get(..length).map(|content| (content.to_vec(), &rest[length..])),
        };
        match read {
            Some((content, rest)) => Read::Whole(Self { content, ..head }, rest),
            None => Read::Broken { has_head: true },
        }
    }

    /// A request without its content, and what follows its head.
    fn head(sent: &[u8]) -> Option<(Self, Framing, &[u8])> {
        let (first, rest) = line(sent.strip_prefix(b"\r\n").unwrap_or(sent))?; // section 2.2
        let [method, target, version] = first.split(' ').collect::<Vec<_>>()[..] else { return None };
        let minor = match version.strip_prefix("HTTP/1.")? {
            "0" => 0,
            digit if digit.len() == 1 && digit.chars().all(|digit| digit.is_ascii_digit()) => 1,
            _ => return None,
        };
        let is_visible = |c: char| c > ' ' && c != '\x7f';
        if !is_token(method) || target.is_empty() || !target.chars().all(is_visible) {
            return None;
        }
        let (fields, rest) = fields(rest)?;
        let hosts = values(&fields, "host").len();
        if hosts > 1 || (hosts == 0 && minor == 1) {
            return None; // section 3.2
        }
        let framing = match (&values(&fields, "transfer-encoding")[..], &values(&fields, "content-length")[..]) {
            ([], []) => Framing::Length(0),
            ([coding], []) if minor == 1 && coding.eq_ignore_ascii_case("chunked") => Framing::Chunked,
            ([], [length]) => Framing::Length(number(length)?),
            _ => return None, // section 6.3
        };
        let (method, target) = (method.to_owned(), target.to_owned());
        Some((Self { method, target, minor, fields, content: Vec::new() }, framing, rest))
    }

    /// Whether it asks for an interim response.
    pub fn expects(&self) -> bool {
        self.has("expect")
    }

    /// Whether it asks for the protocol that the application speaks (RFC 9110 section 7.8).
    pub fn asks_for_echo(&self) -> bool {
        let is_upgrade = |option: &str| option.trim().eq_ignore_ascii_case("upgrade");
        let options = values(&self.fields, "connection");
        self.method == "GET"
            && self.minor == 1
            && options.iter().filter(|value| value.is_ascii()).any(|value| value.split(',').any(is_upgrade))
            && values(&self.fields, "upgrade").first() == Some(&"echo")
            && !self.has("content-length")
            && !self.has("transfer-encoding")
    }

    fn has(&self, name: &str) -> bool {
        !values(&self.fields, name).is_empty()
    }

    pub fn purpose(&self) -> Purpose {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '/';
        if !self.target.starts_with('/') || !self.target.chars().all(is_plain) || self.target.contains("//") {
            return Purpose::Unknown;
        }
        let file = Http1Server::FILES.into_iter().find(|(path, _)| *path == self.target);
        match (&*self.target, file) {
            (_, Some((_, content))) => Purpose::File(content),
            ("/f" | "/r", _) => Purpose::Unknown,
            (target, _) if target.starts_with("/f/") => Purpose::Unknown,
            (target, _) if target.starts_with("/r/") => Purpose::Redirect,
            ("/u", _) if self.asks_for_echo() => Purpose::Switch,
            _ => Purpose::Application,
        }
    }

    /// What the application says of it.
    pub fn echo(&self) -> Vec<u8> {
        [format!("{} {}\n", self.method, self.target).as_bytes(), &self.content].concat()
    }
}
