use std::time::{Duration, Instant};

use diesel::connection::{Connection, TransactionManager};
use foobar_core::panics;

use crate::failure::Failure;
use crate::{Access, Conn, Query, deadline};

type Transactions = <Conn as Connection>::TransactionManager;

/// How long undoing a failed transaction may take, after its deadline.
const ROLLBACK: Duration = Duration::from_secs(1);

/// Runs `query` once.
pub(crate) fn attempt(conn: &mut Conn, access: Access, query: &mut Query, until: Instant) -> Result<(), Failure> {
    let run = || match access {
        Access::Write => transaction(conn, query),
        Access::Read | Access::Migrate => query(conn).map_err(Failure::of),
    };
    panics::catch(|| deadline::until(until, run)).unwrap_or_else(|panic| Err(Failure::Panicked(panic)))
}

fn transaction(conn: &mut Conn, query: &mut Query) -> Result<(), Failure> {
    conn.begin().map_err(Failure::of)?;
    let in_time = |()| if deadline::has_passed() { Err(Failure::Deadline) } else { Ok(()) };
    match query(conn).map_err(Failure::of).and_then(in_time) {
        Ok(()) => Transactions::commit_transaction(conn).map_err(Failure::of_commit),
        Err(failure) if failure.breaks_connection() => Err(failure),
        Err(failure) => {
            let rollback = || Transactions::rollback_transaction(conn);
            let _broken = deadline::until(Instant::now() + ROLLBACK, rollback); // then Diesel calls the connection broken
            Err(failure)
        }
    }
}
