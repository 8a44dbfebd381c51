//! Server-sent events: an answer that goes on as long as there is something to tell (the `EventSource` of browsers, in the
//! HTML standard).

mod body;
mod event;
mod last_event_id;

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, Responder};
use futures_util::Stream;

use crate::Context;
use body::SseBody;

pub use event::{Event, EventError, IntoEvent};
pub use last_event_id::LastEventId;

/// Answers with a stream of events, `text/event-stream`, as they come from `events`: a stream of [`Event`], or of
/// `Result<Event, E>` with any error that [`Error`](crate::Error) takes.
///
/// ```
/// # use foobar_app as foobar;
/// use std::time::Duration;
///
/// use foobar::actix_web::Responder;
/// use foobar::actix_web::rt::time::sleep;
/// use foobar::sse::{Event, LastEventId};
/// use futures_util::stream;
///
/// /// Counts the seconds, and goes on from where the client was cut off.
/// async fn seconds(last: LastEventId) -> impl Responder {
///     let first = last.parse().map_or(1, |last: u64| last.saturating_add(1));
///     foobar::sse(stream::unfold(first, async |second| {
///         sleep(Duration::from_secs(1)).await;
///         Some((Event::new(second.to_string()).id(second), second.saturating_add(1)))
///     }))
/// }
/// ```
///
/// Each event goes out as it comes. Where none does, a comment does every 15 seconds ([`Sse::heartbeat`]), so that proxies see
/// that the connection lives and the server sees when it does not. Neither a cache nor a proxy in front keeps it back
/// (`Cache-Control: no-cache`, `X-Accel-Buffering: no`).
///
/// It ends with `events`; when its client goes, which drops `events` within a second; and when the server stops, after what is
/// ready: a stream that waits for [`Stopping`](crate::Stopping) can say goodbye. A browser opens it again each time after some
/// seconds ([`Event::retry`]), says which event it had last ([`LastEventId`]), and gives up only when it is answered 204. An
/// error or a panic of `events` is logged and breaks the connection off.
pub fn sse<S: Stream<Item: IntoEvent> + 'static>(events: S) -> Sse<S> {
    Sse { events, heartbeat: HEARTBEAT }
}

/// What the HTML standard advises against proxies that drop silent connections.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// An answer made by [`sse()`].
#[must_use = "a handler returns it"]
pub struct Sse<S> {
    events: S,
    heartbeat: Duration,
}

impl<S> Sse<S> {
    /// Sends a comment after so long without an event. The default is 15 seconds; zero is never.
    pub fn heartbeat(self, period: Duration) -> Self {
        Self { heartbeat: period, ..self }
    }
}

impl<S: Stream<Item: IntoEvent> + 'static> Responder for Sse<S> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let stopping = request.app_data().map(Context::stopping);
        HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/event-stream"))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header(("x-accel-buffering", "no"))
            .body(SseBody::new(self.events, self.heartbeat, stopping))
    }
}

#[cfg(test)]
mod tests;
