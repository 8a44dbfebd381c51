//! The ledger as it is in the database, read beside the program.

use foobar::diesel::dsl::sql;
use foobar::diesel::prelude::*;
use foobar::diesel::sql_types::Text;
use foobar::{BoxError, Conn, QueryResult, diesel};

use crate::request::{Outcome, Request};

diesel::table! {
    ledger (id) {
        id -> Integer,
        note -> Text,
    }
}

diesel::table! {
    counters (id) {
        id -> Integer,
        times -> Integer,
    }
}

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

/// All that the program has written.
pub(crate) struct Book {
    /// The ids of writes, and the beginning of their notes.
    pub(crate) rows: Vec<(i32, String)>,
    /// How often each counter has been counted up.
    pub(crate) counters: Vec<i32>,
    /// How many migrations are recorded: the program has one.
    pub(crate) migrations: i64,
}

/// What is done to the database behind the program's back, to see that the check finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// An acknowledged write is taken away.
    Lose,
    /// An acknowledged write is written again.
    Double,
    /// A refused write is written.
    Undo,
}

impl Book {
    pub(crate) fn read(conn: &mut Conn) -> QueryResult<Self> {
        Ok(Self {
            rows: ledger::table.select((ledger::id, sql::<Text>("SUBSTR(note, 1, 12)"))).load(conn)?,
            counters: counters::table.select(counters::times).load(conn)?,
            migrations: __diesel_schema_migrations::table.count().get_result(conn)?,
        })
    }
}

impl Sabotage {
    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Lose, Self::Double, Self::Undo].into_iter().find(|known| format!("{known:?}").to_lowercase() == name)
    }

    pub(crate) fn commit(self, conn: &mut Conn, requests: &[Request]) -> Result<(), BoxError> {
        let outcome = if self == Self::Undo { Outcome::Refused } else { Outcome::Done };
        let victim = requests.iter().find(|request| request.kind.writes() && request.outcome == outcome);
        let id = victim.ok_or_else(|| format!("there is nothing to {self:?}"))?.id;
        match self {
            Self::Lose => diesel::delete(ledger::table.filter(ledger::id.eq(id))).execute(conn)?,
            Self::Double | Self::Undo => {
                let row = (ledger::id.eq(id), ledger::note.eq("sabotage"));
                diesel::insert_into(ledger::table).values(row).execute(conn)?
            }
        };
        Ok(())
    }
}
