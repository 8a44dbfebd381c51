//! What repeats is counted in one place for all who log, libraries and panics too: a fault of the database makes one
//! event for each request, tens of thousands a second. Each second the first few of a kind are lines, and one line
//! sums up the rest. It holds for the lines of the log alone: a layer of the program's own sees each event.
//!
//! A kind is an event's callsite with the values of its fields, except a few by name that tell requests apart: what an
//! application adds counts, so that nothing that differs is swallowed. Texts that all differ are bounded by callsite,
//! so that a flood hides no other event. Counting comes before formatting and reads no clock: the log's thread wakes a
//! second after a line, and where no line has come there is nothing to sum up. `debug` and `trace` are not counted: an
//! operator who asks for them is looking for a fault and needs every one.

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::callsite::Identifier;
use tracing::dispatcher::{WeakDispatch, with_default};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::kind::Kind;
use super::summary::{Likeness, OWN, Summary, extended};

/// Lets the first events of each kind pass and counts the rest until they are [summed up](Self::sum_up), so that the
/// log is bounded however often something happens.
///
/// Events below [`Level::INFO`] all pass: an operator who asks for them is looking for a fault and needs every one.
#[derive(Clone, Default)]
pub(super) struct Repeats(Arc<Shared>);

#[derive(Default)]
struct Shared {
    keys: RandomState,
    window: Mutex<Window>,
    subscriber: OnceLock<WeakDispatch>,
    /// The metadata of summaries, by those of their events.
    extended: Mutex<HashMap<Identifier, &'static Metadata<'static>>>,
}

/// The events since the last sum. It reads no clock: it lasts until somebody sums up.
#[derive(Default)]
struct Window {
    lines: usize,
    /// By the two numbers of a [`Kind`].
    counts: HashMap<u64, Count>,
}

#[derive(Default)]
struct Count {
    lines: usize,
    repeated: u64,
    summary: Option<Summary>,
}

enum Verdict {
    Pass,
    Counted,
    /// Weigh it again with a summary, made without the lock: formatting an event runs code that is not ours.
    NeedsSummary(Likeness),
}

/// The most lines of one kind between two sums.
pub(super) const OF_A_KIND: usize = 5;
/// The most lines of one callsite, all its kinds together.
pub(super) const OF_A_CALLSITE: usize = 100;
/// The most lines altogether; beyond that, each callsite still has its first.
pub(super) const IN_ALL: usize = 500;

/// A layer that writes lines, without the events that are counted instead.
pub(super) struct Counted<L> {
    pub(super) lines: L,
    pub(super) repeats: Repeats,
}

impl<S: Subscriber, L: Layer<S>> Layer<S> for Counted<L> {
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        drop(self.repeats.0.subscriber.set(subscriber.downgrade())); // a layer has one subscriber
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        self.lines.on_layer(subscriber);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.lines.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.lines.on_record(id, values, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.lines.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.lines.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.lines.on_close(id, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO || is_own(metadata) || self.repeats.passes(event) {
            self.lines.on_event(event, context);
        }
    }
}

/// Whether an event is about the log itself.
pub(super) fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.name() == OWN
}

impl Repeats {
    fn passes(&self, event: &Event<'_>) -> bool {
        let kind = Kind::of(event, &self.0.keys);
        let mut summary = None;
        loop {
            let verdict = self.window().weigh(kind, &mut summary);
            match verdict {
                Verdict::Pass => return true,
                Verdict::Counted => return false,
                Verdict::NeedsSummary(likeness) => summary = Some(Summary::of(event, likeness)),
            }
        }
    }

    /// Logs how many more events of each kind there were and how many lines were `lost`, and starts again from zero.
    pub(super) fn sum_up(&self, lost: u64) {
        let Some(subscriber) = self.0.subscriber.get().and_then(WeakDispatch::upgrade) else { return };
        let counts = std::mem::take(&mut *self.window()).counts;
        let sums = counts.into_values().filter_map(|count| Some((count.repeated, count.summary?)));
        let mut sums: Vec<_> = sums.collect();
        sums.sort_by_key(|(repeated, _)| std::cmp::Reverse(*repeated));
        with_default(&subscriber, || {
            for (repeated, summary) in sums {
                summary.log(self.extended(summary.metadata), repeated);
            }
            if lost > 0 {
                tracing::error!(name: OWN, lost, "lines of this log were lost: they were not read fast enough, or could not be written");
            }
        });
    }

    fn extended(&self, metadata: &'static Metadata<'static>) -> &'static Metadata<'static> {
        let mut known = self.0.extended.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(metadata.callsite()).or_insert_with(|| extended(metadata))
    }

    /// Nothing panics while the lock is held.
    fn window(&self) -> MutexGuard<'_, Window> {
        self.0.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    /// Decides whether an event is a line. If not it is counted for its kind, or, where that has not had all its lines
    /// for want of room, for its callsite.
    fn weigh(&mut self, kind: Kind, summary: &mut Option<Summary>) -> Verdict {
        let (like, here) = (self.lines_of(kind.values), self.lines_of(kind.callsite));
        let has_room = here == 0 || here < OF_A_CALLSITE && self.lines < IN_ALL;
        if like < OF_A_KIND && has_room {
            self.lines += 1;
            self.counts.entry(kind.values).or_default().lines += 1;
            self.counts.entry(kind.callsite).or_default().lines += 1;
            return Verdict::Pass;
        }
        let (likeness, number) = match like {
            OF_A_KIND => (Likeness::Kind, kind.values),
            _ => (Likeness::Callsite, kind.callsite),
        };
        let count = self.counts.entry(number).or_default();
        if count.summary.is_none() {
            count.summary = summary.take_if(|summary| summary.likeness == likeness);
        }
        if count.summary.is_none() {
            return Verdict::NeedsSummary(likeness);
        }
        count.repeated += 1;
        Verdict::Counted
    }

    fn lines_of(&self, number: u64) -> usize {
        self.counts.get(&number).map_or(0, |count| count.lines)
    }
}
