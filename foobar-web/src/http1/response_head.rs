use foobar_core::{DefaultFields, Present, RequestId};
use http::StatusCode;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, SERVER, TRANSFER_ENCODING};

/// The head of a response: the same fields in the same order, whether it is the fast path's or the pipeline's.
pub(crate) struct ResponseHead<'a> {
    pub(crate) minor: u8,
    pub(crate) status: StatusCode,
    /// Fields that are lines already.
    pub(crate) lines: [&'a [u8]; 2],
    pub(crate) fields: Fields<'a>,
    /// What `Expires` says.
    pub(crate) expires: Option<&'a str>,
    pub(crate) length: Length,
    pub(crate) id: RequestId,
    /// What `Connection` says.
    pub(crate) connection: Option<&'a [u8]>,
    pub(crate) date: &'a str,
}

/// Fields that are not lines yet.
#[derive(Clone, Copy)]
pub(crate) enum Fields<'a> {
    List(&'a [(HeaderName, HeaderValue)]),
    /// Those of a response, of which the ones that are the connection's to say are left out, and its default ones.
    Map(&'a HeaderMap, &'a DefaultFields),
}

/// Whether there is a `Content-Length`, and where: that of a content that is left out stands among the other fields, that
/// of a content that follows at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    None,
    Announced(u64),
    Added(u64),
    /// There are chunks.
    Chunked,
}

impl ResponseHead<'_> {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        self.put_status(out);
        self.lines.iter().for_each(|lines| out.extend_from_slice(lines));
        let is_dated = self.put_fields(out);
        if let Some(expires) = self.expires {
            put(out, &[b"expires: ", expires.as_bytes(), b"\r\n"]);
        }
        if let Length::Announced(length) = self.length {
            put_length(out, length);
        }
        out.extend_from_slice(b"server: foobar\r\nx-request-id: ");
        out.extend_from_slice(self.id.as_bytes());
        if let Some(connection) = self.connection {
            put(out, &[b"\r\nconnection: ", connection]);
        }
        out.extend_from_slice(b"\r\n");
        match self.length {
            Length::Added(length) => put_length(out, length),
            Length::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            Length::None | Length::Announced(_) => {}
        }
        if !is_dated {
            out.extend_from_slice(b"date: ");
            out.extend_from_slice(self.date.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Writes the fields, and says whether `Date` is among them.
    fn put_fields(&self, out: &mut Vec<u8>) -> bool {
        let mut is_dated = false;
        match self.fields {
            Fields::List(list) => list.iter().for_each(|(name, value)| put_field(out, name, value)),
            Fields::Map(map, defaults) => {
                let mut present = Present::default();
                for (name, value) in map.iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(name)) {
                    is_dated |= *name == DATE;
                    defaults.mark(name, &mut present);
                    put_field(out, name, value);
                }
                defaults.write(present, out);
            }
        }
        is_dated
    }

    fn put_status(&self, out: &mut Vec<u8>) {
        let usual: &[u8] = match (self.minor, self.status) {
            (1, StatusCode::OK) => b"HTTP/1.1 200 OK\r\n",
            (1, StatusCode::NOT_MODIFIED) => b"HTTP/1.1 304 Not Modified\r\n",
            (1, StatusCode::NOT_FOUND) => b"HTTP/1.1 404 Not Found\r\n",
            _ => return self.put_any_status(out),
        };
        out.extend_from_slice(usual);
    }

    fn put_any_status(&self, out: &mut Vec<u8>) {
        let version = if self.minor == 0 { b"HTTP/1.0 " } else { b"HTTP/1.1 " };
        let reason = self.status.canonical_reason().unwrap_or("<none>"); // as others write it
        put(out, &[version, self.status.as_str().as_bytes(), b" ", reason.as_bytes(), b"\r\n"]);
    }
}

/// What is said by the connection, in its own words.
const OF_THE_CONNECTION: [HeaderName; 5] = [CONNECTION, CONTENT_LENGTH, SERVER, TRANSFER_ENCODING, RequestId::FIELD];

fn put_field(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    put(out, &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
}

fn put_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"content-length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Not for what every answer has: pieces whose length the compiler knows are written without a call.
fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
}
