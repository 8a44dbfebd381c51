use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use foobar_core::{BoxError, Chain, RequestId, panics};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::guard::Counters;

pin_project! {
    /// The streamed body of a response.
    ///
    /// Where it fails, by an error or a panic, the head is out already: all that is left is to log it, once and here,
    /// and to let the web tier break the connection off.
    pub(crate) struct Streamed<B> {
        #[pin]
        body: B,
        id: RequestId,
        counters: Arc<Counters>,
    }
}

impl<B> Streamed<B> {
    pub(crate) const fn new(body: B, id: RequestId, counters: Arc<Counters>) -> Self {
        Self { body, id, counters }
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for Streamed<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        let polled = panics::catch(|| this.body.poll_frame(cx).map_err(Into::into));
        let polled = polled.unwrap_or_else(|panic| {
            this.counters.panicked();
            Poll::Ready(Some(Err(format!("the body {panic}").into())))
        });
        polled.map_err(|error| {
            tracing::warn!(request = %this.id, error = %Chain(&*error), "a response broke off");
            error
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
