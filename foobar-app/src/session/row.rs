use foobar_db::{Conn, QueryResult};

use super::keeping::Keeping;
use super::store::{Updated, in_database};
use super::token::New;

/// The row of a session, to be written together with something else, so that both are done or neither.
#[derive(Clone)]
pub(super) struct Row {
    /// The id that it has.
    old: Vec<u8>,
    /// The token that it gets where it goes on under another one.
    new: New,
    keeping: Keeping,
}

impl Row {
    pub(super) fn new(old: Vec<u8>, keeping: Keeping) -> Self {
        Self { old, new: New::generate(), keeping }
    }

    pub(super) fn write(&self, conn: &mut Conn) -> QueryResult<Updated> {
        in_database::keep(conn, &self.old, &self.new, &self.keeping)
    }
}
