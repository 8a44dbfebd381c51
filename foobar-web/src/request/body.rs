use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use foobar_core::{BodyError, BoxError};
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};

/// The body of a request on its way to a handler: held to a limit, without trailers, its end remembered.
///
/// Trailers are dropped, as nobody may take them for header fields (RFC 9110 §6.5.1).
pub(crate) struct LimitedBody<B> {
    inner: B,
    limit: u64,
    left: u64,
    outcome: Arc<BodyOutcome>,
}

/// What became of a request's body, for whoever answers the request.
#[derive(Debug, Default)]
pub(crate) struct BodyOutcome(AtomicU8);

const TOO_LARGE: u8 = 1;
const TOO_SLOW: u8 = 2;
const INCOMPLETE: u8 = 3;

impl BodyOutcome {
    /// The status that says what was wrong with the body.
    pub(crate) fn failure(&self) -> Option<StatusCode> {
        match self.0.load(Relaxed) {
            TOO_LARGE => Some(StatusCode::PAYLOAD_TOO_LARGE),
            TOO_SLOW => Some(StatusCode::REQUEST_TIMEOUT),
            INCOMPLETE => Some(StatusCode::BAD_REQUEST),
            _ => None,
        }
    }
}

impl<B> LimitedBody<B> {
    /// Holds `inner` to `limit` bytes.
    pub(crate) fn new(inner: B, limit: u64) -> (Self, Arc<BodyOutcome>) {
        let outcome = Arc::<BodyOutcome>::default();
        (Self { inner, limit, left: limit, outcome: outcome.clone() }, outcome)
    }

    fn fail(&self, outcome: u8, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.outcome.0.store(outcome, Relaxed);
        Poll::Ready(Some(Err(error.into())))
    }
}

impl<B> Body for LimitedBody<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.outcome.failure().is_some() {
            return Poll::Ready(None);
        }
        loop {
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return self.broken(error.into()),
                None => return Poll::Ready(None),
            };
            let Ok(data) = frame.into_data() else { continue };
            let Some(left) = self.left.checked_sub(data.len() as u64) else {
                return self.fail(TOO_LARGE, BodyError::TooLarge { limit: self.limit });
            };
            self.left = left;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> LimitedBody<B> {
    fn broken(&self, error: BoxError) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if is_too_slow(&*error) {
            self.fail(TOO_SLOW, BodyError::TooSlow)
        } else {
            self.fail(INCOMPLETE, BodyError::Incomplete(error))
        }
    }
}

/// Whether the connection's own verdict is among the causes.
fn is_too_slow(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .filter_map(io::Error::get_ref)
        .any(|inner| inner.is::<BodyError>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use foobar_core::RequestBody;
    use std::future::poll_fn;

    async fn next<B: Body + Unpin>(body: &mut B) -> Option<Result<Frame<B::Data>, B::Error>> {
        poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
    }

    #[tokio::test]
    async fn a_body_within_its_limit_passes_and_one_beyond_it_is_an_error() {
        let (mut body, outcome) = LimitedBody::new(RequestBody::full("12345"), 5);
        assert!(next(&mut body).await.is_some_and(|frame| frame.is_ok()));
        assert!(next(&mut body).await.is_none());
        assert_eq!(outcome.failure(), None);

        let (mut body, outcome) = LimitedBody::new(RequestBody::full("123456"), 5);
        let error = next(&mut body).await.expect("an error").expect_err("it is too large");
        assert!(matches!(error.downcast_ref(), Some(BodyError::TooLarge { limit: 5 })));
        assert!(next(&mut body).await.is_none());
        assert_eq!(outcome.failure(), Some(StatusCode::PAYLOAD_TOO_LARGE));
    }
}
