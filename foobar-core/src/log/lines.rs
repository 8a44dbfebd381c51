//! From an event to its line, in the format that holds when the line joins the queue.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{self, FormatFields, MakeWriter};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::format::LogFormat;
use super::queue::Queue;
use super::repeats::is_own;

/// The layer that writes lines. The format may change between two of them.
///
/// A span keeps its fields in both formats: it may be open when the format changes.
pub(super) struct Lines {
    queue: Arc<Queue>,
}

impl Lines {
    pub(super) const fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        text::<S, _>(io::sink).on_new_span(attributes, id, context.clone());
        json::<S, _>(io::sink).on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        text::<S, _>(io::sink).on_record(id, values, context.clone());
        json::<S, _>(io::sink).on_record(id, values, context);
    }

    /// No lock is held while values are formatted, which may take long and may log: a line for which the format has
    /// changed meanwhile is made again.
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let (mut format, own) = (self.queue.format(), is_own(event.metadata()));
        loop {
            let line = line(format, event, context.clone());
            if line.is_empty() {
                return; // a value of it could not be formatted
            }
            match self.queue.push(line, format, own) {
                Ok(()) => return,
                Err(changed) => format = changed,
            }
        }
    }
}

fn line<S>(format: LogFormat, event: &Event<'_>, context: Context<'_, S>) -> Vec<u8>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let line = Line::default();
    match format {
        LogFormat::Text => text::<S, _>(line.clone()).on_event(event, context),
        LogFormat::Json => json::<S, _>(line.clone()).on_event(event, context),
    }
    line.0.take()
}

/// Without colours, also where another crate of the program has them compiled in: not every output shows them.
fn text<S, W>(writer: W) -> fmt::Layer<S, TextFields, Format, W>
where
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fmt::layer().with_ansi(false).fmt_fields(TextFields(DefaultFields::new())).with_writer(writer)
}

fn json<S, W>(writer: W) -> fmt::Layer<S, JsonFields, Format<Json>, W>
where
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fmt::layer().json().with_writer(writer)
}

/// The fields of a span as text, apart from those that a layer of the program's own keeps: each would add to the same.
struct TextFields(DefaultFields);

impl<'writer> FormatFields<'writer> for TextFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> std::fmt::Result {
        self.0.format_fields(writer, fields)
    }
}

/// Takes the line of one event.
#[derive(Clone, Default)]
struct Line(Rc<RefCell<Vec<u8>>>);

impl<'a> MakeWriter<'a> for Line {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
