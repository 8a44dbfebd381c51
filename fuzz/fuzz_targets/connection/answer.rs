use super::files;
use super::lines::{Field, chunks, fields, line, number, values};
use super::request::{Purpose, Request};

/// A final answer, or one after which another protocol is spoken.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Its content, or what was sent in the other protocol.
    pub content: Vec<u8>,
    /// How long its content is, or would be.
    pub length: Option<usize>,
    pub fields: Vec<Field>,
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
        let length = single(&fields, "content-length").map(|length| number(length).expect("it is a number"));
        let coding = single(&fields, "transfer-encoding");
        let is_framed = length.is_some() || coding.is_some();
        assert!(!is_framed || (status >= 200 && status != 204), "a length of nothing: {fields:?}"); // section 6
        let is_without = is_head || status < 200 || status == 204 || status == 304;
        assert!(length.is_some() != coding.is_some() || is_without, "no end: {fields:?}");
        let (content, rest) = match (coding, length) {
            _ if status == 101 => (rest.to_vec(), &[][..]),
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
        let connection = single(&fields, "connection").unwrap_or_default();
        let has = |option: &str| connection.split(',').any(|other| other.trim().eq_ignore_ascii_case(option));
        let is_last = has("close") || (version == "HTTP/1.0" && !has("keep-alive"));
        let closes = status == 101 || (status >= 200 && is_last);
        Some((Self { status, content, length, fields, closes, continued: false }, rest))
    }

    /// The value of the only field of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        single(&self.fields, name)
    }

    /// Whether the application has been given a request that had come whole.
    pub fn is_by_the_application(&self) -> bool {
        self.field("by") == Some("application")
    }

    /// Whether it may be the answer to `request`, behind which this was sent: what was asked for, or a refusal.
    pub fn check(&self, request: &Request, rest: &[u8]) {
        assert!(!self.continued || (request.expects() && request.minor == 1), "100 to {request:?}");
        match self.status {
            101 => self.check_switch(request, rest),
            200 if self.is_by_the_application() => self.check_echo(request),
            204 => assert_eq!(request.method, "OPTIONS", "{self:?}"),
            200 if request.method == "OPTIONS" => assert_eq!(self.length, Some(0), "{self:?} to {request:?}"),
            200 | 206 | 304 | 412 | 416 => files::check(self, request),
            301 => self.check_redirect(request),
            _ => self.check_refusal(request),
        }
    }

    /// All that follows is the other protocol's, to the last byte.
    fn check_switch(&self, request: &Request, rest: &[u8]) {
        assert!(request.asks_for_echo(), "{self:?} to {request:?}");
        assert_eq!((self.field("connection"), self.field("upgrade")), (Some("upgrade"), Some("echo")));
        assert_eq!(self.content.escape_ascii().to_string(), rest.escape_ascii().to_string());
    }

    fn check_echo(&self, request: &Request) {
        match request.purpose() {
            Purpose::Unknown => {}
            Purpose::Application => {
                let echo = request.echo();
                match request.method.as_str() {
                    "HEAD" => assert_eq!(self.length, Some(echo.len()), "{request:?}"),
                    _ => assert_eq!(self.content.escape_ascii().to_string(), echo.escape_ascii().to_string()),
                }
            }
            Purpose::File(_) | Purpose::Redirect | Purpose::Switch => panic!("{self:?} to {request:?}"),
        }
    }

    /// It leads to where the configuration says, and never to another host.
    fn check_redirect(&self, request: &Request) {
        let location = self.field("location").expect("a redirect leads somewhere");
        assert!(location.starts_with('/') && !location.starts_with("//"), "{location:?} of {request:?}");
        match request.purpose() {
            Purpose::Redirect => assert_eq!(location, format!("/new{}", request.target)),
            Purpose::Unknown => {}
            Purpose::File(_) | Purpose::Application | Purpose::Switch => panic!("{self:?} to {request:?}"),
        }
    }

    fn check_refusal(&self, request: &Request) {
        assert!((400..500).contains(&self.status), "{self:?} to {request:?}");
        let is_known = !matches!(request.purpose(), Purpose::Unknown);
        assert!(self.status != 404 || !is_known, "{self:?} to {request:?}");
    }
}

/// The value of the only field of this name.
fn single<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    match values(fields, name)[..] {
        [] => None,
        [value] => Some(value),
        _ => panic!("{name} twice: {fields:?}"),
    }
}
