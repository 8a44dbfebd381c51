use super::lines::{chunks, fields, is_token, line, number, values};

/// A request, as RFC 9112 has it. Where it lets a server choose, what may be refused is taken.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub minor: u8,
    pub content: Vec<u8>,
    /// Whether it asks for an interim response.
    pub expects: bool,
}

/// What the next bytes of a connection are.
pub enum Read<'a> {
    /// A request, and what follows it.
    Whole(Request, &'a [u8]),
    /// No request, or the beginning of one.
    Broken,
    /// Its end.
    Nothing,
}

impl Request {
    pub fn read(sent: &[u8]) -> Read<'_> {
        match Self::parse(sent) {
            _ if sent.is_empty() || sent == b"\r\n" => Read::Nothing,
            Some((request, rest)) => Read::Whole(request, rest),
            None => Read::Broken,
        }
    }

    fn parse(sent: &[u8]) -> Option<(Self, &[u8])> {
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
        let (content, rest) = match (&values(&fields, "transfer-encoding")[..], &values(&fields, "content-length")[..])
        {
            ([], []) => (Vec::new(), rest),
            ([coding], []) if minor == 1 && coding.eq_ignore_ascii_case("chunked") => chunks(rest)?,
            ([], [length]) => {
                let length = number(length)?;
                (rest.get(..length)?.to_vec(), &rest[length..])
            }
            _ => return None, // section 6.3
        };
        let expects = !values(&fields, "expect").is_empty();
        Some((Self { method: method.to_owned(), target: target.to_owned(), minor, content, expects }, rest))
    }

    /// What the application says of it, where nothing about its target has to be normalized.
    pub fn echo(&self) -> Option<Vec<u8>> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '/';
        if !self.target.starts_with('/') || !self.target.chars().all(is_plain) || self.target.contains("//") {
            return None;
        }
        Some([format!("{} {}\n", self.method, self.target).as_bytes(), &self.content].concat())
    }
}
