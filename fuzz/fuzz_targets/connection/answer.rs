use super::lines::{chunks, fields, line, number, values};
use super::request::Request;

/// A final answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub content: Vec<u8>,
    /// How long its content is, or would be.
    length: Option<usize>,
    /// Whether it is the last of its connection.
    pub closes: bool,
    /// Whether interim responses came before it.
    continued: bool,
}

impl Answer {
    /// All answers of a connection, which has to be made of nothing else. The methods are those of the requests.
    pub fn read_all(mut written: &[u8], methods: &[String]) -> Vec<Self> {
        let mut answers = Vec::new();
        let mut continued = false;
        while !written.is_empty() {
            let read = match methods.get(answers.len()) {
                Some(method) => Self::parse(written, method == "HEAD"),
                // What is no request may have been read as far as its method.
                None => Self::parse(written, false).or_else(|| Self::parse(written, true)),
            };
            let (answer, rest) = read.unwrap_or_else(|| panic!("no answer: {}", written.escape_ascii()));
            written = rest;
            if answer.status == 100 {
                continued = true;
                continue;
            }
            assert!(!answer.closes || written.is_empty(), "it goes on after the last answer: {answer:?}");
            answers.push(Self { continued: std::mem::take(&mut continued), ..answer });
        }
        assert!(!continued, "no answer follows an interim one");
        answers
    }

    fn parse(written: &[u8], is_head: bool) -> Option<(Self, &[u8])> {
        let (first, rest) = line(written)?;
        let (version, rest_of_line) = first.split_once(' ')?;
        let (status, _reason) = rest_of_line.split_once(' ')?;
        let status: u16 = status.parse().ok()?;
        assert!((100..600).contains(&status) && ["HTTP/1.1", "HTTP/1.0"].contains(&version), "{first}");
        let (fields, rest) = fields(rest)?;
        let single = |name| match values(&fields, name)[..] {
            [] => None,
            [value] => Some(value.to_owned()),
            _ => panic!("{name} twice: {fields:?}"),
        };
        let length = single("content-length").map(|length| number(&length).expect("it is a number"));
        let coding = single("transfer-encoding");
        let is_without = is_head || status < 200 || status == 204 || status == 304;
        assert!(
            status < 200 || status == 304 || length.is_some() != coding.is_some() || is_without,
            "no end: {fields:?}"
        );
        let (content, rest) = match (coding.as_deref(), length) {
            _ if is_without => (Vec::new(), rest),
            (Some(coding), _) => {
                assert_eq!((coding, version), ("chunked", "HTTP/1.1"));
                chunks(rest)?
            }
            (None, length) => {
                let length = length.expect("it has an end");
                (rest.get(..length)?.to_vec(), &rest[length..])
            }
        };
        let connection = single("connection").unwrap_or_default();
        let has = |option: &str| connection.split(',').any(|other| other.trim().eq_ignore_ascii_case(option));
        let closes = status >= 200 && (has("close") || (version == "HTTP/1.0" && !has("keep-alive")));
        Some((Self { status, content, length, closes, continued: false }, rest))
    }

    /// Whether it may be the answer to `request`: what the application says of it, or a refusal.
    pub fn check(&self, request: &Request) {
        assert!(!self.continued || (request.expects && request.minor == 1), "100 to {request:?}");
        assert!(self.status == 200 || self.status >= 400, "{self:?} to {request:?}");
        if let (200, Some(echo)) = (self.status, request.echo()) {
            match request.method.as_str() {
                "HEAD" => assert_eq!(self.length, Some(echo.len()), "{request:?}"),
                _ => assert_eq!(self.content.escape_ascii().to_string(), echo.escape_ascii().to_string()),
            }
        }
    }
}
