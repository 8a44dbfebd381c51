use std::collections::VecDeque;
use std::time::Duration;

/// One event of a `text/event-stream`, as the `EventSource` of a browser gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its type; `"message"` where the stream names none.
    pub event: String,
    /// Its data, lines joined by `\n`.
    pub data: String,
    /// The last id that the stream has named: what a browser that connects again sends as `Last-Event-ID`.
    pub id: Option<String>,
    /// How long a browser waits before it connects again, where the stream has said so.
    pub retry: Option<Duration>,
}

/// Reads events from pieces of a stream (the HTML standard, section 9.2.6).
#[derive(Default)]
pub(super) struct EventReader {
    line: Vec<u8>,
    after: Option<u8>,
    is_begun: bool,
    event: String,
    data: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    read: VecDeque<Event>,
}

impl EventReader {
    /// The next event that has come whole.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.read.pop_front()
    }

    pub(super) fn add(&mut self, piece: &[u8]) {
        for &byte in piece {
            let is_second = self.after.replace(byte) == Some(b'\r') && byte == b'\n';
            match byte {
                b'\n' if is_second => {}
                b'\r' | b'\n' => self.end_line(),
                _ => self.line.push(byte),
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line); // as the standard has it
        let line = if self.is_begun { &*line } else { line.strip_prefix('\u{feff}').unwrap_or(&line) }; // its byte order mark
        self.is_begun = true;
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, "")); // a field without a value
        let value = value.strip_prefix(' ').unwrap_or(value); // one space is no part of it
        self.field(field, value);
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) => data.extend(["\n", value]),
            },
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis); // more than any clock counts is none
            }
            _ => {} // a comment, or unknown
        }
    }

    /// An event without data is none.
    fn dispatch(&mut self) {
        let event = std::mem::take(&mut self.event);
        if let Some(data) = self.data.take() {
            let event = if event.is_empty() { "message".to_owned() } else { event };
            self.read.push_back(Event { event, data, id: self.id.clone(), retry: self.retry });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All events of a stream that comes in pieces of this size.
    fn events(stream: &str, piece: usize) -> Vec<Event> {
        let mut reader = EventReader::default();
        stream.as_bytes().chunks(piece).for_each(|piece| reader.add(piece));
        std::iter::from_fn(|| reader.next()).collect()
    }

    fn event(event: &str, data: &str, id: Option<&str>) -> Event {
        Event { event: event.to_owned(), data: data.to_owned(), id: id.map(str::to_owned), retry: None }
    }

    #[test]
    fn events_are_read_however_the_stream_is_cut_and_its_lines_end() {
        let stream =
            "\u{feff}: hello\ndata: one\n\nevent: add\ndata:two\ndata:  three\nid: 7\n\ndata\n\nid\ndata: ü\n\n";
        let expected = [
            event("message", "one", None),
            event("add", "two\n three", Some("7")),
            event("message", "", Some("7")),
            event("message", "ü", Some("")),
        ];
        for end in ["\n", "\r\n", "\r"] {
            let stream = stream.replace('\n', end);
            for piece in 1..=stream.len() {
                assert_eq!(events(&stream, piece), expected, "{end:?} by {piece}");
            }
        }
    }

    #[test]
    fn what_is_not_ended_or_has_no_data_is_no_event() {
        for stream in ["data: a\n", "data: a", "event: a\n\n", "id: 1\n\n", ": data\n\n", "\n\n", "nothing: a\n\n"] {
            assert_eq!(events(stream, 1), [], "{stream:?}");
        }
    }

    #[test]
    fn a_time_to_wait_is_in_milliseconds_and_stays() {
        let retries = |stream| events(stream, 1).into_iter().map(|event| event.retry).collect::<Vec<_>>();
        let second = Some(Duration::from_secs(1));
        assert_eq!(retries("retry: 1000\n\ndata: a\n\nretry: soon\ndata: b\n\n"), [second, second]);
    }
}
