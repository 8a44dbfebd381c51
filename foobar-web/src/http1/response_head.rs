use foobar_core::RequestId;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

/// The head of an answer, written as hyper writes those of the pipeline: the same fields in the same order.
pub(crate) struct ResponseHead<'a> {
    pub(crate) minor: u8,
    pub(crate) status: StatusCode,
    /// Fields that are lines already.
    pub(crate) lines: [&'a [u8]; 2],
    pub(crate) fields: &'a [(HeaderName, HeaderValue)],
    /// What `Expires` says.
    pub(crate) expires: Option<&'a str>,
    pub(crate) length: Length,
    pub(crate) id: RequestId,
    /// What `Connection` says.
    pub(crate) connection: Option<&'static str>,
    pub(crate) date: &'a str,
}

/// Whether there is a `Content-Length`, and where: that of a content that is left out stands among the other fields, that
/// of a content that follows at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    None,
    Announced(u64),
    Added(u64),
}

impl ResponseHead<'_> {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        self.put_status(out);
        self.lines.iter().for_each(|lines| out.extend_from_slice(lines));
        for (name, value) in self.fields {
            put(out, &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
        if let Some(expires) = self.expires {
            put(out, &[b"expires: ", expires.as_bytes(), b"\r\n"]);
        }
        if let Length::Announced(length) = self.length {
            put_length(out, length);
        }
        out.extend_from_slice(b"server: foobar\r\nx-request-id: ");
        out.extend_from_slice(&self.id.digits());
        if let Some(connection) = self.connection {
            put(out, &[b"\r\nconnection: ", connection.as_bytes()]);
        }
        out.extend_from_slice(b"\r\n");
        if let Length::Added(length) = self.length {
            put_length(out, length);
        }
        out.extend_from_slice(b"date: ");
        out.extend_from_slice(self.date.as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
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
        let reason = self.status.canonical_reason().unwrap_or("<none>"); // as hyper writes it
        put(out, &[version, self.status.as_str().as_bytes(), b" ", reason.as_bytes(), b"\r\n"]);
    }
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
