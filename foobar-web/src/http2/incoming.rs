use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use foobar_core::BodyError;
use h2::{Reason, RecvStream};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep, timeout};

use crate::deadline::Meter;
use crate::limits::{Limits, Rate};

/// The body of a request, which may be read on another thread. The client may send as much as one window before it is
/// read, and more only as it is.
pub(super) struct IncomingBody {
    /// There until it is dropped.
    stream: Option<RecvStream>,
    /// The bytes that are left, if the client has said how many there are.
    left: Option<u64>,
    time: Duration,
    rate: Rate,
    receiving: Meter,
    reading: Pin<Box<Sleep>>,
    shared: Arc<Shared>,
}

/// The connection's side of it: whether somebody reads it, and what is left once nobody does any more.
#[derive(Default)]
pub(super) struct Remains(Arc<Shared>);

#[derive(Default)]
struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    is_wanted: bool,
    connection: Option<Waker>,
    unread: Option<RecvStream>,
}

/// This much of a body is discarded, as over HTTP/1, so that a client that goes on sending can read its answer.
const DISCARDED: usize = 256 << 10;
/// And for this long, as in nginx (`lingering_time`).
const LONGEST: Duration = Duration::from_secs(30);

impl IncomingBody {
    pub(super) fn new(stream: RecvStream, headers: &HeaderMap, limits: &Limits) -> (Self, Remains) {
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()); // h2 has checked it
        let shared = Arc::<Shared>::default();
        let remains = Remains(Arc::clone(&shared));
        let body = Self {
            stream: Some(stream),
            left: length,
            time: limits.body_time,
            rate: limits.rate,
            receiving: Meter::default(),
            reading: Box::pin(sleep(limits.body_time)), // made here: whoever reads the body may have no timers
            shared,
        };
        (body, remains)
    }

    /// By when more of it has to come.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.shared.want();
        let deadline = self.receiving.deadline(self.time, self.rate);
        if self.reading.deadline() != deadline {
            self.reading.as_mut().reset(deadline);
        }
        ready!(pin!(unconstrained(self.reading.as_mut())).poll(cx));
        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, BodyError::TooSlow))))
    }

    /// A piece has come.
    fn take(&mut self, data: Bytes) -> Frame<Bytes> {
        self.receiving.moved(data.len() as u64);
        self.left = self.left.map(|left| left.saturating_sub(data.len() as u64)); // h2 holds it to the length
        Frame::data(data)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }

    /// Somebody waits for the body.
    fn want(&self) {
        let mut state = self.lock();
        state.is_wanted = true;
        state.connection.take().inspect(Waker::wake_by_ref);
    }
}

impl Remains {
    /// Those of a body that nobody is given.
    pub(super) fn of(stream: RecvStream) -> Self {
        let remains = Self(Arc::default());
        remains.0.lock().unread = Some(stream);
        remains
    }

    /// Waits until somebody waits for the body.
    pub(super) fn poll_wanted(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.is_wanted {
            return Poll::Ready(());
        }
        state.connection = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Reads what nobody wants, so that the client can read the answer first: a reset may overtake that in its hands.
    pub(super) async fn discard(self) {
        let unread = self.0.lock().unread.take();
        if let Some(mut stream) = unread.filter(|stream| !stream.is_end_stream()) {
            let discarded = timeout(LONGEST, discard(&mut stream)).await;
            tracing::trace!(in_time = discarded.is_ok(), "the rest of a request was discarded");
        }
    }
}

async fn discard(stream: &mut RecvStream) {
    let mut left = DISCARDED;
    while let Some(Ok(data)) = poll_fn(|cx| poll_data(stream, cx)).await {
        let Some(less) = left.checked_sub(data.len()) else { return };
        left = less;
    }
}

/// The next piece, in whose place the client may send another.
fn poll_data(stream: &mut RecvStream, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, h2::Error>>> {
    let data = ready!(stream.poll_data(cx));
    if let Some(Ok(data)) = &data {
        stream.flow_control().release_capacity(data.len())?;
    }
    Poll::Ready(data)
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
        match poll_data(stream, cx) {
            Poll::Ready(Some(Ok(data))) => Poll::Ready(Some(Ok(self.take(data)))),
            Poll::Ready(Some(Err(error))) if error.reason() == Some(Reason::NO_ERROR) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(io::Error::other(error)))),
            Poll::Ready(None) => Poll::Ready(None), // trailers are not read (RFC 9110 §6.5.1)
            Poll::Pending => self.poll_deadline(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.as_ref().is_none_or(RecvStream::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or(SizeHint::default(), SizeHint::with_exact)
    }
}

impl Drop for IncomingBody {
    fn drop(&mut self) {
        self.shared.lock().unread = self.stream.take();
    }
}
