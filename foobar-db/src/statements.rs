//! What is seen of the statements of a call: a span for each, and a line in the log for one that was slow. Neither shows
//! a value, bound or in the text. A call runs wholly on one thread, so a thread-local tells the connection under Diesel whose
//! statements it runs; what runs outside of calls, such as a ping, is not seen.

mod caller;
#[cfg(feature = "mysql")]
mod comment;
mod literals;
mod text;

use std::cell::RefCell;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tracing::Span;
use tracing::field::{self, Empty};
use tracing::level_filters::LevelFilter;

use crate::{Engine, QueryKind};

pub(crate) use caller::Caller;
use text::text;

/// The database whose statements are seen, and from when on one is slow.
pub(crate) struct Observer {
    database: String,
    slow: Option<Duration>,
    slow_statements: AtomicU64,
}

/// For whom a call is made: a request, if it is known, and the span in which it was made.
#[derive(Clone)]
pub(crate) struct CallOrigin {
    caller: Option<Arc<Caller>>,
    span: Span,
}

/// The call of this thread.
struct Call {
    observer: Arc<Observer>,
    kind: QueryKind,
    origin: Option<CallOrigin>,
}

/// A statement that runs.
pub(crate) struct Running {
    since: Instant,
    span: Span,
    engine: Engine,
}

/// The statements of this thread are those of a call until it is dropped.
pub(crate) struct CallGuard(());

thread_local! {
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

impl Observer {
    pub(crate) const fn new(database: String, slow: Option<Duration>) -> Self {
        Self { database, slow, slow_statements: AtomicU64::new(0) }
    }

    /// Which database this is, without a password.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// How many statements were slow.
    pub(crate) fn slow_statements(&self) -> u64 {
        self.slow_statements.load(Relaxed)
    }

    /// From now on the statements of this thread are those of a call that is made for `origin`.
    pub(crate) fn begin_call(self: &Arc<Self>, kind: QueryKind, origin: Option<&CallOrigin>) -> CallGuard {
        CALL.set(Some(Call { observer: Arc::clone(self), kind, origin: origin.cloned() }));
        CallGuard(())
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        CALL.set(None);
    }
}

impl CallOrigin {
    /// That of a call that is made here. Whether the span of a statement will be wanted is not asked of the subscriber:
    /// filters of layers take the next event for the answer, and drop it (`tracing::span_enabled`).
    pub(crate) fn of(caller: Option<Arc<Caller>>) -> Self {
        let is_wanted = LevelFilter::current() >= LevelFilter::DEBUG;
        let span = if is_wanted { Span::current() } else { Span::none() };
        Self { caller, span }
    }
}

/// The comment that names the request for which this thread runs statements, if it is known.
#[cfg(feature = "mysql")]
pub(crate) fn comment() -> Option<String> {
    CALL.with_borrow(|call| Some(comment::comment(call.as_ref()?.caller()?)))
}

/// A statement begins; `None` where nobody wants to know.
pub(crate) fn begin(statement: &dyn Display, engine: Engine) -> Option<Running> {
    CALL.with_borrow(|call| {
        let call = call.as_ref()?;
        let span = call.span(statement, engine);
        let is_seen = !span.is_disabled() || call.observer.slow.is_some();
        is_seen.then(|| Running { since: Instant::now(), span, engine })
    })
}

/// It has ended.
pub(crate) fn end(running: Option<Running>, statement: &dyn Display, has_failed: bool) {
    let Some(Running { since, span, engine }) = running else { return };
    let duration = since.elapsed();
    if !span.is_disabled() {
        span.record("duration", seconds(duration)).record("failed", has_failed);
    }
    CALL.with_borrow(|call| match call {
        Some(call) if call.is_slow(duration) => call.warn(statement, engine, duration),
        _ => {}
    });
}

impl Call {
    fn caller(&self) -> Option<&Caller> {
        self.origin.as_ref()?.caller.as_deref()
    }

    fn span(&self, statement: &dyn Display, engine: Engine) -> Span {
        let caller = self.caller();
        tracing::debug_span!(
            parent: self.origin.as_ref().and_then(|origin| origin.span.id()),
            "query",
            database = self.observer.database,
            kind = name(self.kind),
            statement = text(statement, engine),
            request = caller.map(|caller| field::display(caller.request)),
            route = caller.and_then(Caller::route),
            duration = Empty,
            failed = Empty,
        )
    }

    /// A migration is meant to take its time.
    fn is_slow(&self, duration: Duration) -> bool {
        self.kind != QueryKind::Migrate && self.observer.slow.is_some_and(|slow| duration > slow)
    }

    fn warn(&self, statement: &dyn Display, engine: Engine, duration: Duration) {
        self.observer.slow_statements.fetch_add(1, Relaxed);
        let caller = self.caller();
        tracing::warn!(
            database = self.observer.database,
            kind = name(self.kind),
            duration = seconds(duration),
            request = caller.map(|caller| field::display(caller.request)),
            route = caller.and_then(Caller::route),
            statement = text(statement, engine),
            "a slow statement"
        );
    }
}

const fn name(kind: QueryKind) -> &'static str {
    match kind {
        QueryKind::Read => "read",
        QueryKind::Write(_) => "write",
        QueryKind::Migrate => "migrate",
    }
}

/// To the microsecond.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}

#[cfg(all(feature = "sqlite", feature = "mysql"))]
#[cfg(test)]
mod tests;
