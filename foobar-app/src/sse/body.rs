use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use foobar_core::Chain;
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::IntoEvent;
use crate::{Error, Stopping};

/// The body of a stream of events.
pub(super) struct SseBody<S> {
    events: Pin<Box<S>>,
    heartbeat: Heartbeat,
    /// `None` outside of a server.
    stopping: Option<Stopping>,
}

impl<S> SseBody<S> {
    pub(super) fn new(events: S, heartbeat: Duration, stopping: Option<Stopping>) -> Self {
        Self { events: Box::pin(events), heartbeat: Heartbeat { period: heartbeat, timer: None }, stopping }
    }

    fn poll_stopping(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stopping.as_mut().map_or(Poll::Pending, |stopping| Pin::new(stopping).poll(cx))
    }
}

impl<S: Stream<Item: IntoEvent>> MessageBody for SseBody<S> {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let is_stopping = self.poll_stopping(cx).is_ready(); // before the events, which may wait for the same
        if let Poll::Ready(event) = self.events.as_mut().poll_next(cx) {
            self.heartbeat.put_off();
            let event = event.map(IntoEvent::into_event);
            return Poll::Ready(
                event.map(|event| event.map(|event| event.to_string().into()).map_err(|error| told(&error))),
            );
        }
        if is_stopping {
            return Poll::Ready(None);
        }
        self.heartbeat.poll(cx).map(|()| Some(Ok(Bytes::from_static(b":\n\n"))))
    }
}

/// An error as the log tells it.
fn told(error: &Error) -> Box<dyn StdError> {
    error.cause().map_or_else(|| error.to_string(), |cause| Chain(cause).to_string()).into()
}

/// So long from now; of what no clock can tell, a day.
fn after(period: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(period).unwrap_or(now + Duration::from_secs(86_400)) // no clock goes so far: a day will do
}

/// When something is to be sent because nothing else was.
struct Heartbeat {
    /// Zero: never.
    period: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Heartbeat {
    /// Something is sent now.
    fn put_off(&mut self) {
        if let Some(timer) = &mut self.timer {
            timer.as_mut().reset(after(self.period));
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.period.is_zero() {
            return Poll::Pending;
        }
        let period = self.period;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(after(period))));
        ready!(timer.as_mut().poll(cx));
        self.put_off();
        Poll::Ready(())
    }
}
