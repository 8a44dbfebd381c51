//! What visitors write by the contact form.

use std::time::{Duration, SystemTime};

use diesel::prelude::*;
use foobar::{Conn, DateTime, QueryResult, garde};
use serde::Deserialize;

use crate::schema::messages;
use crate::text::{is_address, is_line, is_plain, is_written};

/// The fields of the form, and the rules that they keep.
#[derive(Clone, Deserialize, garde::Validate, Insertable)]
#[diesel(table_name = messages)]
pub(crate) struct NewMessage {
    #[garde(custom(is_written), custom(is_line), length(chars, max = 80))]
    name: String,
    #[garde(custom(is_address), custom(is_line), length(chars, max = 254))]
    address: String,
    #[garde(custom(is_written), custom(is_plain), length(chars, max = 4000))]
    body: String,
}

/// The most that are taken within an hour, of all visitors together, so that no program can fill the database.
const PER_HOUR: i64 = 100;
const HOUR: Duration = Duration::from_secs(3600);

impl NewMessage {
    /// Keeps it; false where there have been too many.
    pub(crate) fn insert(&self, conn: &mut Conn) -> QueryResult<bool> {
        let now = SystemTime::now();
        let lately = messages::table.filter(messages::sent_at.ge(DateTime::from(now - HOUR)));
        if lately.count().get_result::<i64>(conn)? >= PER_HOUR {
            return Ok(false);
        }
        let row = (self, messages::sent_at.eq(DateTime::from(now)));
        diesel::insert_into(messages::table).values(row).execute(conn).map(|_rows| true)
    }
}

/// A message as it is shown.
#[derive(Queryable, Selectable)]
#[diesel(table_name = messages)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) body: String,
    pub(crate) sent_at: DateTime,
}

impl Message {
    pub(crate) fn newest(conn: &mut Conn) -> QueryResult<Vec<Self>> {
        messages::table.order(messages::id.desc()).limit(50).select(Self::as_select()).load(conn)
    }

    /// To the minute.
    pub(crate) fn sent_at(&self) -> String {
        self.sent_at.to_string().chars().take("2026-01-31 12:00".len()).collect()
    }
}
