use bytes::Bytes;

use super::requests::{Content, End, Request};

/// What a client has received, held against what it has asked.
pub(crate) struct Answers {
    received: Vec<u8>,
    read: usize,
    /// With fewer bytes no further answer is whole.
    awaited: usize,
    /// How many requests have been answered.
    pub(crate) count: usize,
    /// Whether the last one has come.
    pub(crate) complete: bool,
    /// Whether any may say that it is the last.
    pub(crate) may_end: bool,
    /// The one that must say so.
    most: usize,
}

/// An answer, without its content.
struct Head<'a> {
    text: &'a str,
    length: usize,
}

impl Answers {
    /// None yet, of so many at most.
    pub(crate) fn new(most: usize, may_end: bool) -> Self {
        Self { received: Vec::new(), read: 0, awaited: 0, count: 0, complete: false, may_end, most }
    }

    pub(crate) fn receive(&mut self, bytes: &[u8], requests: &[Request]) {
        self.received.extend_from_slice(bytes);
        if self.received.len() < self.awaited {
            return;
        }
        while let (false, Some(request)) = (self.complete, requests.get(self.count)) {
            let Some(head) = Head::read(&self.received[self.read..]) else { return };
            if head.status() == 100 {
                self.read += head.length;
                continue;
            }
            let after = &self.received[self.read + head.length..];
            let Some((content, length)) = head.content(after, &request.content) else {
                self.awaited = self.read + head.length + head.content_length();
                return;
            };
            self.count += 1;
            self.complete = check(&head, &content, request, self.may_end || self.count == self.most);
            assert!(self.complete || self.count < self.most);
            self.read += head.length + length;
        }
    }

    /// What no request has asked for.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.received[self.read..]
    }
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let length = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
        Some(Self { text: str::from_utf8(&bytes[..length]).unwrap(), length })
    }

    fn status(&self) -> u16 {
        assert!(self.text.starts_with("HTTP/1."), "{:?}", self.text);
        self.text[9..12].parse().unwrap()
    }

    fn field(&self, name: &str) -> Option<&'a str> {
        self.text.lines().skip(1).find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn content_length(&self) -> usize {
        self.field("content-length").map_or(0, |length| length.parse().unwrap())
    }

    /// The content and how many bytes it takes; `None` if it has not come whole.
    fn content(&self, after: &[u8], expected: &Content) -> Option<(Bytes, usize)> {
        if matches!(expected, Content::LeftOut(_) | Content::None) {
            return Some((Bytes::new(), 0));
        }
        if let Content::Tunnel(said) = expected {
            return Some((Bytes::copy_from_slice(after.get(..said.len())?), said.len()));
        }
        if self.field("transfer-encoding") == Some("chunked") {
            return unchunk(after);
        }
        let length = self.content_length();
        Some((Bytes::copy_from_slice(after.get(..length)?), length))
    }
}

fn unchunk(bytes: &[u8]) -> Option<(Bytes, usize)> {
    let (mut content, mut read) = (Vec::new(), 0);
    loop {
        let end = read + memchr::memmem::find(&bytes[read..], b"\r\n")?;
        let size = usize::from_str_radix(str::from_utf8(&bytes[read..end]).unwrap(), 16).unwrap();
        let chunk = bytes.get(end + 2..end + 2 + size + 2)?;
        assert!(chunk.ends_with(b"\r\n"));
        content.extend_from_slice(&chunk[..size]);
        read = end + 4 + size;
        if size == 0 {
            return Some((content.into(), read));
        }
    }
}

/// Whether it is the last one.
fn check(head: &Head<'_>, content: &Bytes, request: &Request, may_close: bool) -> bool {
    if request.end == End::Cut || (may_close && head.status() == 408) {
        return true;
    }
    assert_eq!(head.status(), request.status, "{request}: {}", head.text);
    match &request.content {
        Content::Exactly(expected) | Content::Tunnel(expected) => {
            assert!(content == expected, "{request}: {} with {} of {} bytes", head.text, content.len(), expected.len());
        }
        Content::LeftOut(length) => assert_eq!(head.field("content-length"), Some(&*length.to_string()), "{request}"),
        Content::None => assert_eq!(head.field("content-length"), None, "{request}"),
        Content::Some => assert!(!content.is_empty(), "{request}: {}", head.text),
        Content::Parts(whole, ranges) => {
            let mut rest = &content[..];
            for range in ranges {
                let start = memchr::memmem::find(rest, b"\r\n\r\n").expect("each part has a head") + 4;
                rest = rest[start..].strip_prefix(&whole[range.clone()]).expect("it is this part");
            }
            assert!(rest.starts_with(b"\r\n--") && rest.ends_with(b"--\r\n"), "{request}");
        }
    }
    let closes = match head.field("connection") {
        None => head.text.starts_with("HTTP/1.0"),
        Some(options) => options.split(", ").any(|option| option == "close"),
    };
    match request.end {
        End::Must | End::Cut => true,
        End::May => closes,
        End::Not => {
            assert!(!closes || may_close, "{request}: {}", head.text);
            closes
        }
    }
}
