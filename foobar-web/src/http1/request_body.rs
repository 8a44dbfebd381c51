use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The body of a request on its way from its connection to the handler, which may be on another thread.
pub(crate) enum IncomingBody {
    /// It came with the head; empty once it has been read.
    Whole(Bytes),
    /// It is read from the connection when it is asked for.
    Fed {
        channel: Arc<Channel>,
        /// The bytes that are left; `None` for chunks.
        left: Option<u64>,
    },
}

/// The connection's side of a body, which reads no more of it than is asked for.
pub(super) struct BodyFeed(Arc<Channel>);

/// What the handler's side wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// More of the body.
    More,
    /// Nothing yet; the connection is woken when that changes.
    Nothing,
    /// Nothing any more: it has been dropped.
    Dropped,
}

/// What both sides share.
#[derive(Default)]
pub(crate) struct Channel(Mutex<State>);

#[derive(Default)]
struct State {
    data: Option<Bytes>,
    /// How the body ended; the error is taken by whoever reads it.
    end: Option<io::Result<()>>,
    is_wanted: bool,
    is_dropped: bool,
    reader: Option<Waker>,
    connection: Option<Waker>,
}

/// A body of this length, or of chunks, and the connection's side of it.
pub(super) fn channel(length: Option<u64>) -> (BodyFeed, IncomingBody) {
    let channel = Arc::<Channel>::default();
    (BodyFeed(channel.clone()), IncomingBody::Fed { channel, left: length })
}

impl BodyFeed {
    pub(super) fn demand(&self, cx: &Context<'_>) -> Demand {
        let mut state = self.0.lock();
        let demand = match &*state {
            State { is_dropped: true, .. } => Demand::Dropped,
            State { is_wanted: true, .. } => Demand::More,
            _ => Demand::Nothing,
        };
        if demand == Demand::Nothing {
            state.connection = Some(cx.waker().clone());
        }
        demand
    }

    /// Hands on what was asked for.
    pub(super) fn push(&self, data: Bytes) {
        self.0.hand_on(|state| state.data = Some(data));
    }

    /// The whole body has been handed on, or no more of it will come.
    pub(super) fn end(&self, end: io::Result<()>) {
        self.0.hand_on(|state| state.end = Some(end));
    }
}

impl Channel {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }

    fn hand_on(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        state.is_wanted = false;
        let reader = state.reader.take();
        drop(state);
        reader.inspect(Waker::wake_by_ref);
    }

    fn poll_data(&self, cx: &Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let mut state = self.lock();
        if let Some(data) = state.data.take() {
            return Poll::Ready(Some(Ok(data)));
        }
        match &mut state.end {
            Some(end) => Poll::Ready(std::mem::replace(end, Ok(())).err().map(Err)),
            None => {
                state.is_wanted = true;
                state.reader = Some(cx.waker().clone());
                wake(&mut state);
                Poll::Pending
            }
        }
    }
}

fn wake(state: &mut State) {
    state.connection.take().inspect(Waker::wake_by_ref);
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(data) if data.is_empty() => Poll::Ready(None),
            Self::Whole(data) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(data))))),
            Self::Fed { channel, left } => {
                let data = std::task::ready!(channel.poll_data(cx));
                if let (Some(Ok(data)), Some(left)) = (&data, left) {
                    *left -= data.len() as u64;
                }
                Poll::Ready(data.map(|data| data.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(data) => SizeHint::with_exact(data.len() as u64),
            Self::Fed { left, .. } => left.map_or(SizeHint::default(), SizeHint::with_exact),
        }
    }
}

impl Drop for IncomingBody {
    fn drop(&mut self) {
        if let Self::Fed { channel, .. } = self {
            let mut state = channel.lock();
            state.is_dropped = true;
            wake(&mut state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn poll(body: &mut IncomingBody) -> Poll<Option<io::Result<Bytes>>> {
        let frame = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
        frame.map(|frame| frame.map(|frame| frame.map(|frame| frame.into_data().unwrap())))
    }

    fn demand(feed: &BodyFeed) -> Demand {
        feed.demand(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn more_is_wanted_only_once_what_came_has_been_taken() {
        let (feed, mut body) = channel(Some(2));
        assert_eq!(demand(&feed), Demand::Nothing);
        assert!(poll(&mut body).is_pending());
        assert_eq!(demand(&feed), Demand::More);
        feed.push(Bytes::from_static(b"ab"));
        assert_eq!(demand(&feed), Demand::Nothing);
        assert!(matches!(poll(&mut body), Poll::Ready(Some(Ok(data))) if data == "ab"));
        assert!(body.is_end_stream());
        drop(body);
        assert_eq!(demand(&feed), Demand::Dropped);
    }

    #[test]
    fn a_body_that_broke_off_is_an_error_once_and_then_ends() {
        let (feed, mut body) = channel(None);
        feed.end(Err(io::ErrorKind::UnexpectedEof.into()));
        assert!(matches!(poll(&mut body), Poll::Ready(Some(Err(_)))));
        assert!(matches!(poll(&mut body), Poll::Ready(None)));
    }
}
