use std::fmt;

use tracing::field::{Field, FieldSet, Value, Visit, display};
use tracing::metadata::Kind as MetadataKind;
use tracing::{Event, Metadata};

use super::kind::{is_of_a_request, is_origin};

/// The line that sums up events: their level, target, message, and the values that they have in common.
pub(super) struct Summary {
    pub(super) metadata: &'static Metadata<'static>,
    pub(super) likeness: Likeness,
    message: String,
    /// In the order of the fields.
    values: Vec<Option<Box<dyn Value + Send>>>,
}

/// How far the events of a summary are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// In everything but what tells one request from another.
    Kind,
    /// In their callsite.
    Callsite,
}

/// The name of events about the log itself, which are never counted. No line shows it.
pub(super) const OWN: &str = "about the log itself";

/// The longest text that is kept, in bytes.
const LONGEST: usize = 1024;

const MESSAGE: &str = "message";
const REPEATED: &str = "repeated";

impl Summary {
    pub(super) fn of(event: &Event<'_>, likeness: Likeness) -> Self {
        let metadata = event.metadata();
        let values = metadata.fields().iter().map(|_| None).collect();
        let mut summary = Self { metadata, likeness, message: String::new(), values };
        event.record(&mut summary);
        summary
    }

    /// Logs it with its [`extended`] metadata.
    pub(super) fn log(&self, metadata: &'static Metadata<'static>, repeated: u64) {
        let unlike = if self.likeness == Likeness::Callsite { ", not all alike" } else { "" };
        let colon = if self.message.is_empty() { "" } else { ": " };
        let message = display(format!("{}{colon}{repeated} more in the last second{unlike}", self.message));
        let value = |field: Field| -> Option<&dyn Value> {
            match field.name() {
                MESSAGE => Some(&message),
                REPEATED => Some(&repeated),
                _ => self.values.get(field.index())?.as_deref().map(|value| value as &dyn Value),
            }
        };
        let values: Vec<_> = metadata.fields().iter().map(value).collect();
        Event::dispatch(metadata, &metadata.fields().value_set_all(&values));
    }

    fn keep(&mut self, field: &Field, value: impl Value + Send + 'static) {
        let kept = match self.likeness {
            Likeness::Kind => !is_of_a_request(field.name()),
            Likeness::Callsite => is_origin(field.name()),
        };
        if kept {
            self.values[field.index()] = Some(Box::new(value));
        }
    }
}

impl Visit for Summary {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            MESSAGE => clipped(value).clone_into(&mut self.message),
            _ => self.keep(field, clipped(value).to_owned()),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            MESSAGE => clipped(&text).clone_into(&mut self.message),
            _ => self.keep(field, display(clipped(&text).to_owned())),
        }
    }
}

fn clipped(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.expect("0 is a boundary")]
}

/// The metadata of an event with the fields that a summary adds: `repeated`, and `message` if there is none.
///
/// Metadata live as long as the program, so this leaks memory: call it once for each callsite.
pub(super) fn extended(metadata: &Metadata<'static>) -> &'static Metadata<'static> {
    let fields = metadata.fields();
    let message = if fields.field(MESSAGE).is_none() { Some(MESSAGE) } else { None };
    let names: Vec<_> = fields.iter().map(|field| field.name()).chain(message).chain([REPEATED]).collect();
    Box::leak(Box::new(Metadata::new(
        OWN,
        metadata.target(),
        *metadata.level(),
        metadata.file(),
        metadata.line(),
        metadata.module_path(),
        FieldSet::new(names.leak(), metadata.callsite()),
        MetadataKind::EVENT,
    )))
}
