//! Server-sent events: an answer that goes on as long as there is something to tell (the `EventSource` of browsers, in
//! the HTML standard).

mod body;
mod event;
mod last_event_id;

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, Responder};
use futures_util::Stream;

use crate::context::CurrentContext;
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
/// Each event is sent as it comes. When there is none, a comment is sent every 15 seconds ([`Sse::heartbeat`]), so that
/// proxies see that the connection is alive and the server notices when it is not. Caches and proxies in front do not
/// hold events back (`Cache-Control: no-cache`, `X-Accel-Buffering: no`).
///
/// It ends when `events` ends; when its client disconnects, which drops `events` within a second; and when the server
/// stops, once the events that are ready have been sent: a stream that waits for [`Stopping`](crate::Stopping) can say
/// goodbye. A browser reconnects each time after some seconds ([`Event::retry`]), says which event it received last
/// ([`LastEventId`]), and gives up only when the answer is 204. An error or a panic in `events` is logged and aborts
/// the connection.
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
    /// Sends a comment after this long without an event. The default is 15 seconds; zero means never.
    pub fn heartbeat(self, period: Duration) -> Self {
        Self { heartbeat: period, ..self }
    }
}

impl<S: Stream<Item: IntoEvent> + 'static> Responder for Sse<S> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let stopping = CurrentContext::of(request).map(|context| context.stopping());
        HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/event-stream"))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header(("x-accel-buffering", "no"))
            .body(SseBody::new(self.events, self.heartbeat, stopping))
    }
}

#[cfg(test)]
mod tests;
