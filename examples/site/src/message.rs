//! What visitors write by the contact form.

use std::net::IpAddr;
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
/// The most of one of them, so that nobody closes the form for all.
const PER_CLIENT: i64 = 10;
const HOUR: Duration = Duration::from_secs(3600);

impl NewMessage {
    /// Keeps it; false where there have been too many.
    pub(crate) fn insert(&self, conn: &mut Conn, client: Option<IpAddr>) -> QueryResult<bool> {
        let (now, sender) = (SystemTime::now(), client.map(network).unwrap_or_default()); // a Unix socket has none
        let an_hour_ago = DateTime::from(now - HOUR);
        let lately = messages::table.filter(messages::sent_at.ge(an_hour_ago));
        let of_all: i64 = lately.count().get_result(conn)?;
        let of_client: i64 = lately.filter(messages::sender.eq(&sender)).count().get_result(conn)?;
        if of_all >= PER_HOUR || (client.is_some() && of_client >= PER_CLIENT) {
            return Ok(false);
        }
        let row = (self, messages::sent_at.eq(DateTime::from(now)), messages::sender.eq(sender));
        diesel::insert_into(messages::table).values(row).execute(conn).map(|_rows| true)
    }
}

/// Forgets where messages came from that are older than the hour for which that counts.
pub(crate) fn forget_senders(conn: &mut Conn) -> QueryResult<usize> {
    let an_hour_ago = DateTime::from(SystemTime::now() - HOUR);
    let old = messages::table.filter(messages::sent_at.lt(an_hour_ago).and(messages::sender.ne("")));
    diesel::update(old).set(messages::sender.eq("")).execute(conn)
}

/// An address, or the /64 of one of version 6: whoever has one has all of that.
fn network(client: IpAddr) -> String {
    match client.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
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
