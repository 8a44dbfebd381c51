use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use http::Request;
use http::header::EXPECT;
use http_body::{Body, Frame, SizeHint};

/// The body of a request, which may have asked to be told before it is sent that it is wanted.
pub(crate) struct ExpectedBody<B> {
    inner: B,
    wanted: Option<Arc<AtomicBool>>,
}

/// Whether a body is left that its client was never told to send. hyper ends the connection then, even where the client
/// has sent it unasked, and tells nobody.
#[derive(Default)]
pub(crate) struct Left(Option<Arc<AtomicBool>>);

impl Left {
    /// The request, of which this tells from now on.
    pub(crate) fn of<B: Body>(&mut self, request: Request<B>) -> Request<ExpectedBody<B>> {
        if request.headers().contains_key(EXPECT) && !request.body().is_end_stream() {
            self.0 = Some(Arc::default());
        }
        request.map(|inner| ExpectedBody { inner, wanted: self.0.clone() })
    }

    /// So far nobody wanted it.
    pub(crate) fn is_unread(&self) -> bool {
        self.0.as_ref().is_some_and(|wanted| !wanted.load(Relaxed))
    }
}

impl<B: Body + Unpin> Body for ExpectedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if let Some(wanted) = &self.wanted {
            wanted.store(true, Relaxed);
        }
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
