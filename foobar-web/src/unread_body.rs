use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::header::EXPECT;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

use crate::connection::has_option;

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

/// The body of a request on its way to whoever reads it. What he does not read comes back.
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
const MOST: u64 = 256 << 10;

impl<B: Body<Data: Buf> + Unpin> UnreadBody<B> {
    /// Whether another request can follow once it is discarded; `come` if nothing more of it will come.
    pub(crate) fn has_end(&self, come: bool) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.load(Relaxed)) && (come || self.waited_for)
    }

    /// Reads what is left, once whoever had the body is done with it.
    pub(crate) async fn discard(self) {
        let Ok(mut body) = self.rest.await else { return }; // it was read to its end
        let mut left = MOST;
        while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let length = frame.data_ref().map_or(0, |data| data.remaining() as u64); // 0: trailers
            let Some(less) = left.checked_sub(length) else { return };
            left = less;
        }
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
