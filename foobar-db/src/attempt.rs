use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::{Connection, TransactionManager};
use foobar_core::panics;

use crate::deadline::End;
use crate::failure::Failure;
use crate::{Conn, Query, QueryKind, deadline};

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
) -> Result<(), Failure> {
    conn.begin_call(kind);
    let run = || match kind {
        QueryKind::Write => transaction(conn, query),
        QueryKind::Read | QueryKind::Migrate => query(conn).map_err(Failure::of),
    };
    panics::catch(|| deadline::until_or(until, end, run)).unwrap_or_else(|panic| Err(Failure::Panicked(panic)))
}

/// Makes the session what it was before the call; `false` where the connection cannot be used again.
pub(crate) fn restore(conn: &mut Conn) -> bool {
    let restored = deadline::until(Instant::now() + UNDO, || conn.restore());
    restored.inspect_err(|error| tracing::debug!(%error, "a connection is replaced")).is_ok()
}

fn transaction(conn: &mut Conn, query: &mut Query) -> Result<(), Failure> {
    conn.begin().map_err(Failure::of)?;
    let outcome = query(conn);
    let outcome = has_transaction(conn).and(outcome.map_err(Failure::of)).and_then(|()| has_time());
    match outcome {
        Ok(()) => Transactions::commit_transaction(conn).map_err(Failure::of_commit),
        Err(failure) if failure.breaks_connection() => Err(failure),
        Err(failure) => {
            let rollback = || Transactions::rollback_transaction(conn);
            let _broken = deadline::until(Instant::now() + UNDO, rollback); // then Diesel calls the connection broken
            Err(failure)
        }
    }
}

/// A query may have handled the error that has ended its transaction, or made another one of it.
fn has_transaction(conn: &mut Conn) -> Result<(), Failure> {
    conn.rolled_back().map_or(Ok(()), |error| Err(Failure::of(error)))
}

fn has_time() -> Result<(), Failure> {
    if deadline::has_passed() { Err(Failure::out_of_time()) } else { Ok(()) }
}
