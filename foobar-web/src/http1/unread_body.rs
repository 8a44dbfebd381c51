use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use http::header::EXPECT;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::connection_option::has_option;

/// What may be left of the body of a request when that has been answered, to be read and discarded, so that another
/// request can follow.
///
/// hyper discards what it can without a wait, in one step, and else ends the connection and tells nobody.
pub(crate) struct UnreadBody<B> {
    /// Where the client waits to be told to send it: whether it has been.
    wanted: Option<Arc<AtomicBool>>,
    waited_for: bool,
    rest: oneshot::Receiver<B>,
}

/// The body of a request on its way to whoever reads it. What is not read comes back.
pub(crate) struct ReturningBody<B> {
    /// `None` when it has been read to its end.
    unread: Option<(B, oneshot::Sender<B>)>,
    wanted: Option<Arc<AtomicBool>>,
}

/// The request, and what may be left of its body if it has one.
pub(crate) fn of<B: Body>(request: Request<B>) -> (Request<ReturningBody<B>>, Option<UnreadBody<B>>) {
    if request.body().is_end_stream() {
        return (request.map(|_| ReturningBody { unread: None, wanted: None }), None);
    }
    let (back, rest) = oneshot::channel();
    let wanted = request.headers().contains_key(EXPECT).then(Arc::default);
    let small = request.body().size_hint().exact().is_none_or(|length| length <= MOST);
    let waited_for = small && request.version() == Version::HTTP_11 && !has_option(request.headers(), "close");
    let left = UnreadBody { wanted: wanted.clone(), waited_for, rest };
    (request.map(|body| ReturningBody { unread: Some((body, back)), wanted }), Some(left))
}

/// So much of a body is discarded, as in Go's net/http.
pub(crate) const MOST: u64 = 256 << 10;
/// So long it is waited for, as in nginx (`lingering_time`).
const LONGEST: Duration = Duration::from_secs(30);

impl<B: Body<Data: Buf> + Unpin> UnreadBody<B> {
    /// Whether another request can follow once it is discarded; `come` if nothing more of it will come.
    pub(crate) fn has_end(&self, come: bool) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.load(Relaxed)) && (come || self.waited_for)
    }

    /// Reads what is left, once whoever had the body is done with it, as far as it comes in time.
    pub(crate) async fn discard(self) {
        let Ok(body) = self.rest.await else { return }; // it was read to its end
        _ = timeout(LONGEST, discard(body)).await; // too late: without its body the connection ends
    }
}

/// Reads a body to its end, unless that is too far away.
async fn discard<B: Body<Data: Buf> + Unpin>(mut body: B) {
    let mut left = MOST;
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let length = frame.data_ref().map_or(0, |data| data.remaining() as u64); // 0: trailers
        let Some(less) = left.checked_sub(length) else { return };
        left = less;
    }
}

impl<B: Body + Unpin> Body for ReturningBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if let Some(wanted) = &self.wanted {
            wanted.store(true, Relaxed);
        }
        let Some((body, _)) = &mut self.unread else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.unread = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.unread.as_ref().is_none_or(|(body, _)| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.unread.as_ref().map_or(SizeHint::with_exact(0), |(body, _)| body.size_hint())
    }
}

impl<B> Drop for ReturningBody<B> {
    fn drop(&mut self) {
        if let Some((body, back)) = self.unread.take() {
            drop(back.send(body)); // where the connection ends, nobody waits for it
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::convert::Infallible;
    use std::rc::Rc;

    use bytes::Bytes;

    use super::*;

    /// A body of frames of these lengths.
    struct Frames(Rc<RefCell<Vec<u64>>>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let length = self.0.borrow_mut().pop();
            Poll::Ready(length.map(|length| Ok(Frame::data(vec![0; length as usize].into()))))
        }
    }

    #[tokio::test]
    async fn no_more_of_a_body_is_read_than_is_discarded_and_one_frame_that_shows_that_there_is_more() {
        let frames = Rc::new(RefCell::new(vec![1, 1, MOST]));
        let (back, rest) = oneshot::channel();
        assert!(back.send(Frames(frames.clone())).is_ok());
        UnreadBody { wanted: None, waited_for: true, rest }.discard().await;
        assert_eq!(*frames.borrow(), [1]);
    }
    /// A body that does not come.
    struct Stalled;

    impl Body for Stalled {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for_any_longer_after_some_time() {
        let (back, rest) = oneshot::channel();
        assert!(back.send(Stalled).is_ok());
        let begun = tokio::time::Instant::now();
        UnreadBody { wanted: None, waited_for: true, rest }.discard().await;
        assert_eq!(begun.elapsed().as_secs(), LONGEST.as_secs());
    }
}
