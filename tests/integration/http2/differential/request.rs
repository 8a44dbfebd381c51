use super::folder::FILES;
use crate::support::Random;

/// A request that any version of HTTP can say.
pub(super) struct Request {
    pub(super) method: String,
    target: String,
    host: String,
    fields: Vec<(String, String)>,
    pub(super) content: Vec<u8>,
    length: Length,
}

/// How a client says where its content ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// By `Content-Length`.
    Announced,
    /// By chunks, or the end of the stream.
    Unknown,
}

const METHODS: &[&str] =
    &["GET", "GET", "GET", "GET", "GET", "HEAD", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "BREW"];

const TARGETS: &[&str] = &[
    "/",
    "/?a=b",
    "/folder",
    "/folder/",
    "/folder?x=y",
    "/listed/",
    "/listed/?sort=size",
    "/listed",
    "/listed/with%20space.txt",
    "/nowhere",
    "/nowhere.html",
    "/.hidden",
    "/%2ehidden",
    "/%2e%2e/foobar.toml",
    "/a/../page.html",
    "//page.html",
    "/page.html/",
    "/seven.txt?query",
    "/%73even.txt",
    "/%zz",
    "/%00",
    "/moved/x?y=z",
    "/teapot",
    "/protected/file.txt",
    "/accel/protected/file.txt",
    "/accel/page.html",
    "/accel/nowhere",
    "/empty",
    "/panic",
    "/unavailable",
    "/broken/7",
    "/json",
    "/bytes/0",
    "/bytes/100000",
    "/large.bin",
    "/cookie",
    "/echo",
    "/length",
    "/small/x",
    "/404.html",
    "/ä",
    "/a%20b",
    "/a|b",
    "/seven.txt%20",
    "/ready.txt.gz",
];

const HOSTS: &[&str] = &[
    "localhost",
    "localhost",
    "localhost",
    "a.test",
    "A.TEST:8080",
    "other.test",
    "www.other.test",
    "nobody.test",
    "127.0.0.1",
];

const FIELDS: &[(&str, &[&str])] = &[
    ("accept-encoding", &["gzip", "br", "zstd", "gzip, br;q=0.5", "identity", "*", "gzip;q=0", "x", ""]),
    (
        "range",
        &[
            "bytes=0-3",
            "bytes=-5",
            "bytes=5-",
            "bytes=0-0,10-20",
            "bytes=9999999-",
            "bytes=x",
            "bytes=5-1",
            "lines=1-2",
        ],
    ),
    ("if-none-match", &["*", "\"x\"", "W/\"x\", \"y\"", "bad"]),
    ("if-match", &["*", "\"x\"", "bad"]),
    ("if-modified-since", &["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 2100 23:59:59 GMT", "yesterday"]),
    ("if-unmodified-since", &["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 2100 23:59:59 GMT"]),
    ("if-range", &["\"x\"", "Thu, 01 Jan 1970 00:00:00 GMT"]),
    ("accept", &["text/html", "application/json", "*/*", "text/html;q=0.5, application/problem+json"]),
    ("cookie", &["a=b", "a=b; c=d"]),
    ("origin", &["https://elsewhere.test", "null"]),
    ("x-anything", &["", "ünicode", "tab\there", "long value with, commas; and \"quotes\""]),
    ("x-forwarded-for", &["192.0.2.7"]),
    ("x-forwarded-proto", &["ftp"]),
    ("x-accel-redirect", &["/protected/file.txt"]),
    ("content-type", &["text/plain", "application/json"]),
];

/// Those that chance would hardly make.
pub(super) const FIXED: &[fn() -> Request] = &[
    || Request::get("/").with("x-large", &"y".repeat(20_000)),
    || Request::get("/").with("x-large", &"y".repeat(12_000)),
    || (0..70).fold(Request::get("/"), |request, number| request.with(&format!("x-{number}"), "y")),
    || (0..50).fold(Request::get("/"), |request, number| request.with(&format!("x-{number}"), "y")),
    || Request::get(&format!("/{}", "a".repeat(3_000))),
    || Request::get(&format!("/{}", "a".repeat(1_900))),
    || Request::get("/").with("connection", "close"),
    || Request::get("*"),
    || Request { method: "OPTIONS".to_owned(), ..Request::get("*") },
    || Request { method: "TRACE".to_owned(), ..Request::get("/page.html") },
    || Request { host: String::new(), ..Request::get("/") },
    || Request { host: "a b".to_owned(), ..Request::get("/") },
    || Request::post("/echo", 65_536),
    || Request::post("/echo", 65_537),
    || Request::post("/length", 1 << 20),
    || Request { length: Length::Unknown, ..Request::post("/length", 65_536) },
    || Request { length: Length::Unknown, ..Request::post("/length", 65_537) },
    || Request { length: Length::Unknown, ..Request::post("/small/x", 11) },
    || Request::post("/small/x", 10),
    || Request::post("/small/x", 11),
    || Request::post("/page.html", 100),
    || Request::post("/nowhere", 100_000),
];

impl Request {
    pub(super) fn get(target: &str) -> Self {
        let (method, host) = ("GET".to_owned(), "localhost".to_owned());
        Self {
            method,
            target: target.to_owned(),
            host,
            fields: Vec::new(),
            content: Vec::new(),
            length: Length::Announced,
        }
    }

    fn post(target: &str, length: usize) -> Self {
        Self { method: "POST".to_owned(), content: vec![b'x'; length], ..Self::get(target) }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn generate(random: &mut Random, tags: &[String]) -> Self {
        let target = if random.one_in(2) { random.pick(FILES) } else { random.pick(TARGETS) };
        let mut request = Self::get(target);
        request.method = random.pick(METHODS).to_owned();
        request.host = random.pick(HOSTS).to_owned();
        for _ in 0..random.below(4) {
            let (name, values) = random.pick(FIELDS);
            let takes_tag = matches!(name, "if-none-match" | "if-match" | "if-range");
            let tag = takes_tag && random.one_in(2);
            let value = if tag { &tags[random.below(tags.len() as u64) as usize] } else { random.pick(values) };
            if !request.has(name) {
                request = request.with(name, value);
            }
        }
        if matches!(&*request.method, "POST" | "PUT") {
            request.content = vec![b'x'; random.pick(&[0, 5, 11, 1_000, 60_000, 70_000])];
            // What is beyond a limit is found on the way then, when an answer may have begun.
            let is_small = request.content.len() < 11;
            request.length = if is_small && random.one_in(2) { Length::Unknown } else { Length::Announced };
        }
        request
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }

    /// How large h2 takes its head to be: 32 bytes for each field, besides it (RFC 9113 §6.5.2).
    pub(super) fn head_size(&self) -> usize {
        self.pseudo().iter().map(|(name, value)| name.len() + value.len() + 32).sum()
    }

    /// Whether its target or its host has no form that a request may have.
    pub(super) fn is_malformed(&self) -> bool {
        let host = self.host.is_empty() || self.host.contains(' ');
        host || !self.target.starts_with('/') && self.method != "OPTIONS"
    }

    /// As HTTP/1 says it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.target, self.host);
        self.fields.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        let length = self.content.len();
        match self.length {
            _ if length == 0 => [head.as_bytes(), b"\r\n"].concat(),
            Length::Announced => {
                [head.as_bytes(), format!("content-length: {length}\r\n\r\n").as_bytes(), &self.content].concat()
            }
            Length::Unknown => {
                let begin = format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n");
                [head.as_bytes(), begin.as_bytes(), &self.content, b"\r\n0\r\n\r\n"].concat()
            }
        }
    }

    /// As HTTP/2 does.
    pub(super) fn pseudo(&self) -> Vec<(String, String)> {
        let pseudo =
            [(":method", &*self.method), (":scheme", "https"), (":path", &self.target), (":authority", &self.host)];
        let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let is_announced = self.length == Length::Announced && !self.content.is_empty();
        let length = is_announced.then(|| ("content-length".to_owned(), self.content.len().to_string()));
        pseudo.into_iter().chain(self.fields.iter().cloned()).chain(length).collect()
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { method, target, host, fields, content, length } = self;
        write!(
            f,
            "{method} {} at {host} {fields:?} and {} bytes ({length:?})",
            &target[..target.len().min(60)],
            content.len()
        )
    }
}
