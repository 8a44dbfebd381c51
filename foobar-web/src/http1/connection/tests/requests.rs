use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;

use super::random::Random;
use crate::http1::incoming_content::MOST;
use crate::http1::outgoing::SEND_QUANTUM;

/// What the simulated server serves.
pub(crate) struct Contents {
    /// `/small`, a fixed answer.
    pub(crate) small: Bytes,
    /// `/large`, one of which two fill a turn.
    pub(crate) large: Bytes,
    /// `/long`, which takes several turns.
    pub(crate) long: Bytes,
    /// `/a.bin`, a file that is kept in memory.
    pub(crate) kept: Bytes,
    /// `/b.bin`, one that is read as it is sent.
    pub(crate) read: Bytes,
}

/// One request of a simulated client, and what it is to be answered.
pub(crate) struct Request {
    pub(crate) bytes: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) content: Content,
    pub(crate) end: End,
}

/// The content of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// These bytes.
    Exactly(Bytes),
    /// None, but the length is announced of one that is left out.
    LeftOut(usize),
    /// No content and no length.
    None,
    /// Ranges of these bytes.
    Parts(Bytes, Vec<Range<usize>>),
    /// Something.
    Some,
    /// None: these bytes follow in another protocol.
    Tunnel(Bytes),
}

/// Whether the connection ends with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Not,
    /// If the content of the request had not come by then.
    May,
    Must,
    /// The request does not come whole: it may be answered or not.
    Cut,
}

impl Contents {
    pub(crate) fn new() -> Self {
        let random = &mut Random::new(1);
        let mut text = |length| Bytes::from(random.text(length));
        Self {
            small: text(5),
            large: text(SEND_QUANTUM / 2),
            long: text(2 * SEND_QUANTUM),
            kept: text(20_000),
            read: text(300_000),
        }
    }

    /// A request whose answer has not many more than `most` bytes, and itself not many more than `most_sent`.
    pub(crate) fn request(&self, random: &mut Random, most: usize, most_sent: usize) -> Request {
        let options = Options::choose(random);
        if most_sent > 2 * MOST as usize && random.one_in(20) {
            return Self::ignored(&options, random);
        }
        let often = if most > self.long.len() << 6 { 36 } else { 12 };
        match random.below(often) {
            20.. => Options { by_pipeline: false, ..options }.get("/large", &self.large, random),
            12.. => Options { by_pipeline: false, ..options }.get("/long", &self.long, random),
            0 if most >= self.long.len() => options.get("/long", &self.long, random),
            0 | 1 if most >= self.large.len() => options.get("/large", &self.large, random),
            0..=2 if most >= self.kept.len() => options.get("/a.bin", &self.kept, random),
            3 | 4 if most >= self.read.len() => options.get("/b.bin", &self.read, random),
            5 => self.ranges(&options, random, most),
            6 => options.plain("/missing", "", 404, Content::Some),
            7 => options.plain("/a.bin", "If-None-Match: *\r\n", 304, Content::None),
            8 => options.plain("/old", "", 301, Content::Exactly(Bytes::new())),
            9 | 10 => options.to_app(random, most.min(most_sent)),
            11 if random.one_in(4) => options.refused_upgrade(),
            11 => Self::streamed(options, random, most),
            _ => options.get("/small", &self.small, random),
        }
    }

    fn ranges(&self, options: &Options, random: &mut Random, most: usize) -> Request {
        let (path, content) = if random.one_in(2) { ("/a.bin", &self.kept) } else { ("/b.bin", &self.read) };
        let count = random.up_to(4);
        let slot = content.len() / count;
        let range = |slot_number| {
            let start = slot_number * slot + random.below(slot / 2);
            start..start + random.up_to((slot / 2).min(most / count).max(1))
        };
        let ranges: Vec<Range<usize>> = (0..count).map(range).collect();
        let specs: Vec<String> = ranges.iter().map(|range| format!("{}-{}", range.start, range.end - 1)).collect();
        let expected = match &ranges[..] {
            [only] => Content::Exactly(content.slice(only.clone())),
            _ => Content::Parts(content.clone(), ranges),
        };
        options.plain(path, &format!("Range: bytes={}\r\n", specs.join(",")), 206, expected)
    }

    /// A request whose content nobody reads, at the bound of what is discarded of one.
    fn ignored(options: &Options, random: &mut Random) -> Request {
        let (chunked, length, end) = [
            (false, MOST, End::Not),
            (false, MOST + 1, End::Must),
            (true, MOST, End::Not),
            (true, 2 * MOST, End::Must), // far beyond what is read at a time: with less it may have the last chunk by then
        ][random.below(4)];
        let content = "i".repeat(length as usize);
        let options = Options { minor: 1, connection: "", end, ..*options };
        let answer = Content::Exactly("ignored".into());
        if chunked {
            return options.post("ignore", "Transfer-Encoding: chunked\r\n", &chunks(random, &content), answer);
        }
        options.post("ignore", &format!("Content-Length: {length}\r\n"), &content, answer)
    }

    /// What the application sends piece by piece.
    fn streamed(options: Options, random: &mut Random, most: usize) -> Request {
        // HTTP/1.0 has no chunks.
        let options =
            if options.minor == 0 { Options { minor: 1, connection: "", end: End::Not, ..options } } else { options };
        let frames = random.up_to(5);
        let frame = random.up_to(most.min(60_000));
        let content = Content::Exactly("s".repeat(frames * frame).into());
        options.plain(&format!("/app/stream?{frames},{frame}"), "", 200, content)
    }

    /// A request that is refused.
    pub(crate) fn malformed(random: &mut Random) -> Request {
        let bytes: &[u8] = match random.below(3) {
            0 => b"GET /small HTTP/1.1\r\nHost : a\r\n\r\n",
            1 => b"GET /small HTTP/1.1\nHost: a\n\n",
            _ => b"POST /app/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        };
        Request { bytes: bytes.to_vec(), status: 400, content: Content::Some, end: End::Must }
    }

    /// A request after which another protocol is spoken, with what is said in it.
    pub(crate) fn tunnel(random: &mut Random, most: usize) -> Request {
        let length = random.up_to(most.min(200_000));
        let said = random.text(length);
        let options = Options { minor: 1, connection: "", end: End::Must, ..Options::choose(random) };
        let mut request = options.plain(&format!("/app/upgrade?{length}"), SWITCH, 101, Content::None);
        request.bytes.extend_from_slice(said.as_bytes());
        Request { content: Content::Tunnel(said.into()), ..request }
    }

    /// A request that ends before its end.
    pub(crate) fn cut(&self, random: &mut Random) -> Request {
        let mut request = self.request(random, 1000, 1000);
        let length = random.up_to(request.bytes.len() - 1);
        request.bytes.truncate(length);
        Request { end: End::Cut, status: 408, content: Content::Some, ..request }
    }
}

impl Request {
    /// Its head, and the chunks of its content with the last one.
    pub(crate) fn pieces(&self) -> usize {
        let head = memmem::find(&self.bytes, b"\r\n\r\n").map_or(0, |end| end + 4);
        1 + memmem::find_iter(&self.bytes[head..], b"\r\n").count().div_ceil(2)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = &self.bytes[..self.bytes.len().min(150)];
        write!(f, "{} {:?}: {}", self.status, self.end, String::from_utf8_lossy(start).escape_debug())
    }
}

/// What asks for another protocol.
const SWITCH: &str = "Connection: upgrade\r\nUpgrade: echo\r\n";

/// What is chosen for any request.
struct Options {
    by_pipeline: bool,
    minor: u8,
    connection: &'static str,
    end: End,
}

impl Options {
    fn choose(random: &mut Random) -> Self {
        let minor = u8::from(!random.one_in(20));
        let (connection, end) = match (minor, random.below(30)) {
            (1, 0) => ("Connection: close\r\n", End::Must),
            (1, _) => ("", End::Not),
            (_, 0..20) => ("Connection: keep-alive\r\n", End::Not),
            _ => ("", End::Must),
        };
        Self { by_pipeline: random.one_in(3), minor, connection, end }
    }

    fn head(&self, method: &str, target: &str, fields: &str) -> String {
        let twice = if self.by_pipeline { "User-Agent: a\r\nUser-Agent: b\r\n" } else { "" };
        let Self { minor, connection, .. } = self;
        format!("{method} {target} HTTP/1.{minor}\r\nHost: a\r\n{twice}{fields}{connection}\r\n")
    }

    fn plain(&self, target: &str, fields: &str, status: u16, content: Content) -> Request {
        Request { bytes: self.head("GET", target, fields).into_bytes(), status, content, end: self.end }
    }

    /// One for another protocol, which the application does not speak.
    fn refused_upgrade(&self) -> Request {
        self.plain("/app/ignore", SWITCH, 200, Content::Exactly("ignored".into()))
    }

    fn get(&self, target: &str, content: &Bytes, random: &mut Random) -> Request {
        if random.one_in(5) {
            let bytes = self.head("HEAD", target, "").into_bytes();
            return Request { bytes, status: 200, content: Content::LeftOut(content.len()), end: self.end };
        }
        self.plain(target, "", 200, Content::Exactly(content.clone()))
    }

    /// A request with content, which the application sends back or does not read.
    fn to_app(&self, random: &mut Random, most: usize) -> Request {
        let length = random.below(most.min(100_000));
        let content = random.text(length);
        let expect = if self.minor == 1 && random.one_in(4) { "Expect: 100-continue\r\n" } else { "" };
        let (framing, body) = if self.minor == 1 && random.one_in(2) {
            (format!("{expect}Transfer-Encoding: chunked\r\n"), chunks(random, &content))
        } else {
            (format!("{expect}Content-Length: {}\r\n", content.len()), content.clone())
        };
        let wait = if random.one_in(2) { "?wait" } else { "" };
        let (path, answer) = if random.one_in(4) { ("ignore", "ignored".into()) } else { ("echo", content) };
        let unknown = path == "ignore" && self.end == End::Not && (self.minor == 0 || !expect.is_empty());
        let request = self.post(&format!("{path}{wait}"), &framing, &body, Content::Exactly(answer.into()));
        if unknown { Request { end: End::May, ..request } } else { request }
    }

    fn post(&self, target: &str, framing: &str, body: &str, content: Content) -> Request {
        let mut bytes = self.head("POST", &format!("/app/{target}"), framing).into_bytes();
        bytes.extend_from_slice(body.as_bytes());
        Request { bytes, status: 200, content, end: self.end }
    }
}

fn chunks(random: &mut Random, mut content: &str) -> String {
    let mut chunks = String::new();
    while !content.is_empty() {
        let (chunk, rest) = content.split_at(random.up_to(content.len()));
        chunks.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
        content = rest;
    }
    chunks + "0\r\n\r\n"
}
