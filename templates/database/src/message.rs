//! What visitors have written.

use diesel::prelude::*;
use foobar::{Conn, QueryResult};
use serde::{Deserialize, Serialize};

use crate::schema::messages;

#[derive(Queryable, Selectable, Serialize)]
pub(crate) struct Message {
    pub(crate) id: i64,
    pub(crate) author: String,
    pub(crate) body: String,
}

impl Message {
    /// The latest ones, newest first.
    pub(crate) fn latest(conn: &mut Conn) -> QueryResult<Vec<Self>> {
        messages::table
            .order(messages::id.desc())
            .limit(50)
            .select(Self::as_select())
            .load(conn)
    }
}

/// A message as it comes in, and the rules that it keeps.
#[derive(Deserialize, garde::Validate)]
pub(crate) struct NewMessage {
    #[garde(custom(is_written), length(chars, max = 100))]
    author: String,
    #[garde(custom(is_written), length(chars, max = 2000))]
    body: String,
}

/// Blanks are nothing that somebody has written.
fn is_written(text: &str, _: &()) -> garde::Result {
    match text.trim() {
        "" => Err(garde::Error::new("is required")),
        _ => Ok(()),
    }
}

impl NewMessage {
    pub(crate) fn insert(&self, conn: &mut Conn) -> QueryResult<()> {
        let new = (
            messages::author.eq(self.author.trim()),
            messages::body.eq(self.body.trim()),
        );
        diesel::insert_into(messages::table)
            .values(new)
            .execute(conn)?;
        Ok(())
    }
}
