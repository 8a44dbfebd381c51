use std::fmt;
use std::time::Instant;

use crate::{BoxError, BoxFuture, Metrics};

/// A part of a server that starts, serves and drains: the database, the application, the web tier, or your own.
///
/// A [`Supervisor`](crate::Supervisor) starts tiers in order and drains them in reverse. All methods take `&self`
/// and may be called from any thread; `start` is called at most once, and `drain` only after it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tier",
    label = "not a `Tier`",
    note = "implement `foobar::tiers::Tier` for a type of your own that owns what it has and is `Send` and `Sync`",
    note = "a function that is called repeatedly makes one: `Server::tier_with(foobar::every(\"10m\", work))`"
)]
pub trait Tier: Send + Sync + 'static {
    /// One lower-case word, used in logs, metrics and `/readyz`.
    fn name(&self) -> &'static str;

    /// Begins to serve. An error stops the server's start; it says what is wrong, where, and what to do.
    ///
    /// A dependency that is down but may return (a database that restarts) is not an error: the tier starts, is
    /// [`Readiness::NotReady`] and goes on trying, as a [`PersistentStart`](crate::PersistentStart) does.
    ///
    /// A supervisor runs it [on a thread of its own](crate::on_own_thread), so it may block. What it spawns by
    /// `tokio::spawn` lives on the server's runtime, and may not.
    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>>;

    /// Completes when a start that went on trying has failed for good, with the error that `start` would have given:
    /// the server ends with it. May be asked any number of times. By default it never completes.
    fn failed(&self) -> BoxFuture<'_, BoxError> {
        Box::pin(std::future::pending())
    }

    /// Whether new work is welcome. Cheap: it is asked at each `/readyz` and must not wait. Before `start` it is not
    /// ready.
    fn readiness(&self) -> Readiness;

    /// What an operator should look at although the tier serves, such as a certificate that expires soon: sentences without
    /// secrets, which `/readyz` shows. Cheap, as [`readiness`](Self::readiness). By default nothing.
    fn concerns(&self) -> Vec<String> {
        Vec::new()
    }

    /// A stop has begun: [`drain`](Self::drain) comes once the tiers that stand on this one have drained. What would
    /// hold those up, such as a stream without an end, ends now. By default it does nothing.
    fn stopping(&self) {}

    /// Takes nothing new, finishes what is in flight, and returns: by `deadline` at the latest, dropping the rest. It
    /// too has a thread of its own; where it panics, or has not returned two seconds after the deadline, it is left
    /// behind, and the stop is told to have cut something off.
    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()>;

    /// What would be cut off if the process ended now: words for the log, such as "a migration". By default nothing.
    fn unfinished(&self) -> Option<String> {
        None
    }

    /// The process ends at once, also in the middle of a start or a drain: ends what would go on elsewhere, such as
    /// statements on a server, within a second. By default it does nothing.
    fn cut_off(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Adds this tier's figures to a scrape of `/metrics`. The default adds none.
    fn metrics(&self, metrics: &mut Metrics) {
        let _none = metrics;
    }
}

/// Whether a tier welcomes new work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// It does not, for the reason given: a sentence for the operator, without secrets.
    NotReady(String),
}

impl Readiness {
    /// Not ready, for this reason.
    pub fn not(reason: impl Into<String>) -> Self {
        Self::NotReady(reason.into())
    }

    /// Whether new work is welcome.
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::NotReady(reason) => write!(f, "not ready: {reason}"),
        }
    }
}
