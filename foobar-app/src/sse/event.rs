use std::fmt::{self, Display, Write};
use std::time::Duration;

use actix_web::ResponseError;
use serde::Serialize;

use crate::Error;

/// One event of a stream, as [`sse`](super::sse()) sends it.
///
/// ```
/// # use foobar_app as foobar;
/// use foobar::sse::{Event, EventError};
///
/// # fn main() -> Result<(), EventError> {
/// let event = Event::new("12.5\nEUR").event("price")?.id(7)?;
/// assert_eq!(event.to_string(), "event: price\nid: 7\ndata: 12.5\ndata: EUR\n\n");
/// # Ok(())
/// # }
/// ```
///
/// Its `Display` is what is sent. A browser passes an event on to the page only if it has data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    comment: Option<String>,
    event: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    data: Option<String>,
}

/// A part of an event that would end its line, and so be read as something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {part} of an event holds a line break or a NUL")]
pub struct EventError {
    part: &'static str,
}

impl ResponseError for EventError {}

impl Event {
    /// An event with this data. Line breaks of any kind (LF, CR, CRLF) reach the page as LF.
    pub fn new(data: impl Into<String>) -> Self {
        Self { data: Some(data.into()), ..Self::default() }
    }

    /// An event whose data is `data` in JSON. An error if that cannot be JSON, such as a map whose keys are not text.
    pub fn json(data: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::to_string(data).map(Self::new)
    }

    /// Sets its type, by which a page listens for it; without one it is a `message`.
    ///
    /// # Errors
    ///
    /// A name with CR, LF or NUL.
    pub fn event(self, name: impl Into<String>) -> Result<Self, EventError> {
        Ok(Self { event: Some(checked("name", name.into())?), ..self })
    }

    /// Sets its id, which a client that is cut off after this event sends when it reconnects
    /// ([`LastEventId`](super::LastEventId)).
    ///
    /// # Errors
    ///
    /// An id with CR, LF or NUL.
    pub fn id(self, id: impl Display) -> Result<Self, EventError> {
        Ok(Self { id: Some(checked("id", id.to_string())?), ..self })
    }

    /// Sets how long, to the millisecond, a client that was cut off waits before it reconnects.
    #[must_use]
    pub fn retry(self, time: Duration) -> Self {
        Self { retry: Some(time), ..self }
    }

    /// Adds a comment, which no page sees.
    #[must_use]
    pub fn comment(self, text: impl Into<String>) -> Self {
        Self { comment: Some(text.into()), ..self }
    }
}

fn checked(part: &'static str, text: String) -> Result<String, EventError> {
    if text.contains(['\r', '\n', '\0']) { Err(EventError { part }) } else { Ok(text) }
}

impl Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        put(f, "", self.comment.as_deref())?;
        put(f, "event", self.event.as_deref())?;
        put(f, "id", self.id.as_deref())?;
        if let Some(retry) = self.retry {
            writeln!(f, "retry: {}", retry.as_millis())?;
        }
        put(f, "data", self.data.as_deref())?;
        f.write_char('\n')
    }
}

/// Writes a field of each line.
fn put(f: &mut fmt::Formatter<'_>, field: &str, text: Option<&str>) -> fmt::Result {
    let text = text.map(|text| text.replace("\r\n", "\n"));
    text.iter().flat_map(|text| text.split(['\r', '\n'])).try_for_each(|line| writeln!(f, "{field}: {line}"))
}

/// What a stream of events is made of: an [`Event`], or a `Result` with an error that [`Error`] takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not a stream of events",
    note = "`foobar::sse` takes a stream of `foobar::sse::Event`, or of `Result<Event, E>`: `Event::new(text)` makes one"
)]
pub trait IntoEvent {
    /// The event, or why the stream breaks off.
    fn into_event(self) -> Result<Event, Error>;
}

impl IntoEvent for Event {
    fn into_event(self) -> Result<Event, Error> {
        Ok(self)
    }
}

impl<E: Into<Error>> IntoEvent for Result<Event, E> {
    fn into_event(self) -> Result<Event, Error> {
        self.map_err(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_data_and_of_a_comment_is_a_line_of_its_own_however_it_ends() {
        for (data, sent) in [
            ("", "data: \n\n"),
            ("a", "data: a\n\n"),
            (" a: b ", "data:  a: b \n\n"),
            ("a\nb\r\nc\rd", "data: a\ndata: b\ndata: c\ndata: d\n\n"),
            ("a\r\r\nb", "data: a\ndata: \ndata: b\n\n"),
            ("a\n\nid: 7\n", "data: a\ndata: \ndata: id: 7\ndata: \n\n"),
            ("\u{feff}ä\0", "data: \u{feff}ä\0\n\n"),
        ] {
            assert_eq!(Event::new(data).to_string(), sent, "{data:?}");
            let comment = Event::default().comment(data).to_string();
            assert_eq!(comment, sent.replace("data: ", ": "), "{data:?}");
        }
    }

    #[test]
    fn an_event_has_each_of_its_parts_once() {
        let event = Event::json(&["a\nb"]).unwrap().event("news").unwrap().id(1).unwrap().id("ä 2").unwrap();
        let event = event.retry(Duration::from_millis(1500)).comment("c");
        assert_eq!(event.to_string(), ": c\nevent: news\nid: ä 2\nretry: 1500\ndata: [\"a\\nb\"]\n\n");
    }

    #[test]
    fn a_name_or_an_id_that_would_end_its_line_is_refused() {
        for text in ["a\nb", "a\rb", "\r\n", "a\0", "a\ndata: b"] {
            let error = Event::new("").event(text).unwrap_err().to_string();
            assert_eq!(error, "the name of an event holds a line break or a NUL", "{text:?}");
            let error = Event::new("").id(text).unwrap_err().to_string();
            assert_eq!(error, "the id of an event holds a line break or a NUL", "{text:?}");
        }
        assert!(Event::new("").id("").is_ok(), "an empty one takes the last one back");
    }
}
