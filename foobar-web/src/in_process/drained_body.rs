use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use foobar_core::BoxError;
use http_body::{Body, Frame};

use crate::deadline::{Ending, OpenEnd};
use crate::pipeline::Logged;
use crate::worker::ConnectionState;

/// The body of an answer, which a drain ends where it has no end of its own.
pub(super) struct DrainedBody {
    body: Logged,
    open_end: Option<OpenEnd>,
    state: Rc<ConnectionState>,
}

impl DrainedBody {
    pub(super) const fn new(body: Logged, open_end: Option<OpenEnd>, state: Rc<ConnectionState>) -> Self {
        Self { body, open_end, state }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        self.state.belongs_to(cx); // a drain wakes it
        match (&mut self.open_end, self.state.drain()) {
            (Some(end), Some(drain)) => end.poll(cx, drain),
            _ => Poll::Pending,
        }
    }
}

impl Body for DrainedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        let ending = ready!(self.poll_drain(cx));
        tracing::info!(request = %self.body.entry().id(), "a stream is ended, as the server stops");
        Poll::Ready(match ending {
            Ending::Clean => None,
            Ending::CutOff => Some(Err("the server has stopped before the end of the stream".into())),
        })
    }
}
