use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::{Connection, TransactionManager};
use foobar_core::panics;

use crate::deadline::End;
use crate::failure::Failure;
use crate::statements::Observer;
use crate::{Conn, Ending, Isolation, Query, QueryKind, QueryResult, deadline, driver_error};

type Transactions = <Conn as Connection>::TransactionManager;

/// How long undoing what a call has left may take, after its deadline.
const UNDO: Duration = Duration::from_secs(1);

/// Runs `query` once, until its deadline or until `end` comes.
pub(crate) fn attempt(
    conn: &mut Conn,
    kind: QueryKind,
    query: &mut Query,
    until: Instant,
    end: &Arc<End>,
    observer: &Arc<Observer>,
) -> Result<Ending, Failure> {
    conn.begin_call(kind);
    let _observed = observer.begin_call(kind, query.origin());
    let run = || match kind {
        QueryKind::Write(isolation) => transaction(conn, isolation, query),
        QueryKind::Read | QueryKind::Migrate => ending(query.run(conn)),
    };
    panics::catch(|| deadline::until_or(until, end, run)).unwrap_or_else(|panic| Err(Failure::Panicked(panic)))
}

/// Makes the session what it was before the call; `false` where the connection cannot be used again.
pub(crate) fn restore(conn: &mut Conn) -> bool {
    is_restored(|| conn.restore(UNDO))
}

fn is_restored(restore: impl FnOnce() -> QueryResult<()>) -> bool {
    match panics::catch(restore) {
        Ok(restored) => restored.inspect_err(|error| tracing::debug!(%error, "a connection is replaced")).is_ok(),
        Err(panic) => {
            tracing::error!(%panic, "a connection is replaced, since its session could not be restored");
            false
        }
    }
}

fn transaction(conn: &mut Conn, isolation: Isolation, query: &mut Query) -> Result<Ending, Failure> {
    conn.begin(isolation).map_err(Failure::of)?;
    let outcome = query.run(conn);
    match has_transaction(conn).and_then(|()| ending(outcome)).and_then(has_time) {
        Ok(Ending::Commit) => {
            Transactions::commit_transaction(conn).map(|()| Ending::Commit).map_err(Failure::of_commit)
        }
        Err(failure) if failure.breaks_connection() => Err(failure),
        undone => {
            let rollback = || Transactions::rollback_transaction(conn);
            let _broken = deadline::until(Instant::now() + UNDO, rollback); // then Diesel calls the connection broken
            undone
        }
    }
}

/// How a query has ended. Where it gives an error of its own, the last statement may have failed for a reason of the
/// database's, and that decides: a deadlock is one, whatever the query has made of it.
fn ending(outcome: QueryResult<Ending>) -> Result<Ending, Failure> {
    match outcome.map_err(Failure::of)? {
        Ending::Commit => Ok(Ending::Commit),
        Ending::RollBack => match driver_error::last().map(Failure::of) {
            None | Some(Failure::Query(_)) => Ok(Ending::RollBack),
            Some(failure) => Err(failure),
        },
    }
}

/// A query may have handled the error that has ended its transaction, or made another one of it.
fn has_transaction(conn: &mut Conn) -> Result<(), Failure> {
    conn.rolled_back().map_or(Ok(()), |error| Err(Failure::of(error)))
}

fn has_time(ending: Ending) -> Result<Ending, Failure> {
    match ending {
        Ending::Commit if deadline::has_passed() => Err(Failure::out_of_time()),
        ending => Ok(ending),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_whose_restoring_panics_is_not_restored() {
        assert!(is_restored(|| Ok(())));
        assert!(!is_restored(|| panic!("in the driver")));
    }
}
