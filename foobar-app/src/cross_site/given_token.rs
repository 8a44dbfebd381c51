use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use foobar_core::{BoxError, Request, RequestBody};
use http::header::CONTENT_TYPE;
use http_body::{Body, Frame, SizeHint};
use percent_encoding::percent_decode;

/// The header of a token, for scripts.
const HEADER: &str = "x-csrf-token";
/// The field of a token in a form.
pub(crate) const FIELD: &str = "csrf_token";
/// How much of a body is looked at: the field stands at the beginning of a form.
const MOST: usize = 16 << 10;

/// The token that a request brings in a header or in a form. The body can be read as if nobody had looked at it.
pub(crate) async fn given_token(request: &mut Request) -> Option<String> {
    if let Some(token) = request.headers().get(HEADER) {
        return token.to_str().ok().map(str::to_owned); // another one is no token
    }
    let kind = request.headers().get(CONTENT_TYPE)?.to_str().ok()?.to_owned(); // that is no form
    if kind.starts_with("application/x-www-form-urlencoded") {
        return in_fields(&peek(request).await);
    }
    let is_multipart = kind.starts_with("multipart/form-data");
    if is_multipart { in_parts(&peek(request).await) } else { None }
}

fn in_fields(start: &[u8]) -> Option<String> {
    let mut pairs = start.split(|byte| *byte == b'&').map(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=').map(|part| percent_decode(part).decode_utf8_lossy());
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) // a part that is not there is empty
    });
    pairs.find(|(name, _)| name == FIELD).map(|(_, token)| token.into_owned())
}

/// The part of the name, as browsers write it.
fn in_parts(start: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(start);
    let (_, part) = text.split_once(&format!("name=\"{FIELD}\""))?;
    let (_, value) = part.split_once("\r\n\r\n")?;
    value.split_once("\r\n").map(|(token, _)| token.to_owned())
}

/// The beginning of the body, which stays there.
async fn peek(request: &mut Request) -> Bytes {
    let mut rest = std::mem::take(request.body_mut());
    let mut read = BytesMut::new();
    let mut end = None;
    while read.len() < MOST && end.is_none() {
        match poll_fn(|cx| Pin::new(&mut rest).poll_frame(cx)).await {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => read.extend_from_slice(&data),
                Err(trailers) => end = Some(Ok(trailers)),
            },
            Some(Err(error)) => end = Some(Err(error)),
            None => break,
        }
    }
    let start = read.freeze();
    *request.body_mut() = RequestBody::stream(Peeked { start: start.clone(), end, rest });
    start
}

/// A body whose beginning has been read already.
struct Peeked {
    start: Bytes,
    /// What ended the reading.
    end: Option<Result<Frame<Bytes>, BoxError>>,
    rest: RequestBody,
}

impl Body for Peeked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.start.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.start)))));
        }
        match self.end.take() {
            Some(end) => Poll::Ready(Some(end)),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.start.is_empty() && self.end.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.start.is_empty() { self.rest.size_hint() } else { SizeHint::default() }
    }
}
