use memchr::{memchr, memmem};

/// What of a request's head matters here.
pub struct Request<'head> {
    pub path: &'head [u8],
    pub if_none_match: Option<&'head [u8]>,
    pub range: Option<(u64, u64)>,
    pub close: bool,
    /// The bytes of the head, with the empty line.
    pub length: usize,
}

/// What is not a GET in HTTP/1.1.
pub struct Malformed;

impl<'head> Request<'head> {
    /// Reads the head at the start of `bytes`; nothing if it has not ended yet.
    pub fn parse(bytes: &'head [u8]) -> Result<Option<Self>, Malformed> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
        let mut lines = Lines(&bytes[..end + 2]);
        let line = lines.next().ok_or(Malformed)?;
        let target = line.strip_prefix(b"GET ").and_then(|rest| rest.strip_suffix(b" HTTP/1.1")).ok_or(Malformed)?;
        let path = memchr(b'?', target).map_or(target, |query| &target[..query]);
        let mut request = Self { path, if_none_match: None, range: None, close: false, length: end + 4 };
        for line in lines {
            request.take(line)?;
        }
        Ok(Some(request))
    }

    fn take(&mut self, line: &'head [u8]) -> Result<(), Malformed> {
        let colon = memchr(b':', line).ok_or(Malformed)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        match name.len() {
            5 if name.eq_ignore_ascii_case(b"range") => self.range = range(value),
            10 if name.eq_ignore_ascii_case(b"connection") => self.close = value.eq_ignore_ascii_case(b"close"),
            13 if name.eq_ignore_ascii_case(b"if-none-match") => self.if_none_match = Some(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => return Err(Malformed),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => return Err(Malformed),
            _ => {}
        }
        Ok(())
    }
}

/// `bytes=FIRST-LAST` as the first byte and the one after the last.
fn range(value: &[u8]) -> Option<(u64, u64)> {
    let (first, last) = std::str::from_utf8(value).ok()?.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse::<u64>().ok()? + 1))
}

struct Lines<'head>(&'head [u8]);

impl<'head> Iterator for Lines<'head> {
    type Item = &'head [u8];

    fn next(&mut self) -> Option<&'head [u8]> {
        let end = memchr(b'\r', self.0)?;
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix(b"\r\n")?;
        Some(line)
    }
}
