use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::DeadlineTimer;

/// A drain: when the streams end that have no end of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    /// When event streams do, whose clients open them again by themselves.
    event_streams: Instant,
    streams: Instant,
    begun: Instant,
    /// How long a connection still waits for a request, and until when at most.
    under_way: Duration,
    latest: Instant,
}

/// How long the source of an event stream may still say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long a request may still come that its client has sent before it could know of the drain.
const UNDER_WAY: Duration = Duration::from_millis(500);

impl Drain {
    /// One that begins now. Streams get this long, but all leave a quarter of the time until `deadline` to what comes after.
    pub(crate) fn begin(stream_time: Duration, deadline: Instant) -> Self {
        let now = Instant::now();
        let most = deadline.saturating_duration_since(now) / 4;
        let (time, under_way) = (stream_time.min(most * 3), UNDER_WAY.min(most));
        let event_streams = now + GOODBYE.min(time / 2);
        Self { event_streams, streams: now + time, begun: now, under_way, latest: now + most * 3 }
    }

    /// When a connection ends that has waited for its next bytes since then: a request that has come is answered, and its
    /// answer is the last. One whose handshake or answer has just ended waits no less: its client knows of no drain.
    pub(crate) fn end_of_idle(&self, since: Instant) -> Instant {
        (self.begun.max(since) + self.under_way).min(self.latest)
    }

    /// By when all streams have ended.
    pub(crate) const fn end_of_streams(&self) -> Instant {
        self.streams
    }
}

/// The end of a body of unknown length, which may have none of its own.
pub(crate) struct OpenEnd {
    kind: Kind,
    timer: DeadlineTimer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    EventStream,
    /// An event stream that has been ended, which its client has not taken.
    Ended,
    Other,
}

/// How a drain ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As it would have ended by itself.
    Clean,
    /// So that nobody takes what has come of it for all.
    CutOff,
}

impl OpenEnd {
    pub(crate) fn new(is_event_stream: bool) -> Self {
        let kind = if is_event_stream { Kind::EventStream } else { Kind::Other };
        Self { kind, timer: DeadlineTimer::default() }
    }

    /// Ready when the stream is to end.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, drain: Drain) -> Poll<Ending> {
        if self.kind == Kind::EventStream {
            ready!(self.timer.poll(cx, drain.event_streams));
            self.kind = Kind::Ended;
            return Poll::Ready(Ending::Clean);
        }
        self.timer.poll(cx, drain.streams).map(|()| Ending::CutOff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    async fn an_event_stream_ends_before_the_others_and_all_before_the_deadline() {
        for (stream_time, deadline, event_streams, streams) in
            [(5_000, 30_000, 1_000, 5_000), (60_000, 4_000, 1_000, 3_000), (600, 30_000, 300, 600), (5_000, 0, 0, 0)]
        {
            let (begun, time) = (Instant::now(), Duration::from_millis);
            let drain = Drain::begin(time(stream_time), begun + time(deadline));
            let mut events = OpenEnd::new(true);
            assert_eq!(poll_fn(|cx| events.poll(cx, drain)).await, Ending::Clean);
            assert_eq!(begun.elapsed(), time(event_streams));
            for mut stream in [events, OpenEnd::new(false)] {
                assert_eq!(poll_fn(|cx| stream.poll(cx, drain)).await, Ending::CutOff);
                assert_eq!(begun.elapsed(), time(streams));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_waited_since_then_waits_half_a_second_from_the_drain_or_from_then() {
        let (begun, time) = (Instant::now(), Duration::from_millis);
        let drain = Drain::begin(time(5_000), begun + time(30_000));
        for (since, end) in [(0, 500), (100, 600), (3_000, 3_500), (22_400, 22_500), (29_900, 22_500)] {
            assert_eq!(drain.end_of_idle(begun + time(since)), begun + time(end));
        }
        assert_eq!(Drain::begin(time(5_000), begun).end_of_idle(begun), begun);
    }
}
