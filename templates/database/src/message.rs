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

/// A message as it comes in.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct NewMessage {
    pub(crate) author: String,
    pub(crate) body: String,
}

impl NewMessage {
    /// What is wrong with it, in words for who wrote it.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let length = |text: &str| text.trim().chars().count();
        match (length(&self.author), length(&self.body)) {
            (0, _) => Some("Please give your name."),
            (101.., _) => Some("Please give a name of at most 100 letters."),
            (_, 0) => Some("Please write a message."),
            (_, 2001..) => Some("Please write at most 2000 letters."),
            _ => None,
        }
    }

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
