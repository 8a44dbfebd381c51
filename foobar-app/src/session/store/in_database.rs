//! Sessions in the table `foobar_sessions`. The token itself is not there, only its SHA-256.
//!
//! On SQLite the sessions of requests that come together are read in one call, and what they change is kept in one
//! transaction: two changes of threads and the way to the disk cost more than all else. A server has connections that
//! work side by side, and there a transaction with many rows would hold locks that others wait for.

mod batches;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Text};
use foobar_core::{BoxError, BoxFuture};
use foobar_db::{Conn, Engine, Error, Migrations, MultiBackend, QueryResult, embed_migrations};

use super::{SessionStore, Updated};
use crate::Db;
#[cfg(feature = "accounts")]
use crate::session::keeping::Keeping;
use crate::session::record::{SessionChange, SessionRecord};
use crate::session::token::{self, New};
use batches::{Batches, Call};

diesel::table! {
    foobar_sessions (id) {
        id -> Binary,
        user_id -> Nullable<BigInt>,
        data -> Text,
        version -> BigInt,
        created_at -> BigInt,
        seen_at -> BigInt,
        expires_at -> BigInt,
    }
}

/// For the requests of one thread: what it asks for together waits for that thread alone.
pub(crate) struct InDatabase {
    db: Db,
    loads: Batches<Vec<u8>, Option<SessionRecord>>,
    updates: Batches<Update, Updated>,
}

/// What a request has changed in the session of an id that it had loaded.
struct Update {
    id: Vec<u8>,
    loaded: SessionRecord,
    change: SessionChange,
}

impl InDatabase {
    pub(crate) fn new(db: Db) -> Self {
        let loads = Batches::new(db.clone(), Call::Read, find);
        let updates = Batches::new(db.clone(), Call::Write, update);
        Self { db, loads, updates }
    }

    pub(crate) fn migrations() -> Migrations {
        Migrations::none()
            .sqlite(embed_migrations!("migrations/sessions/sqlite"))
            .mysql(embed_migrations!("migrations/sessions/mysql"))
    }
}

impl SessionStore for InDatabase {
    fn load<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<SessionRecord>, BoxError>> {
        Box::pin(async {
            let Some(id) = token::hash(token) else { return Ok(None) };
            Ok(self.ask(&self.loads, id).await?)
        })
    }

    fn create(&self, record: SessionRecord) -> BoxFuture<'_, Result<String, BoxError>> {
        Box::pin(async {
            let New { token, id } = New::generate();
            self.db.write(move |conn| insert(conn, &id, &record)).await?;
            Ok(token)
        })
    }

    fn update<'a>(
        &'a self,
        token: &'a str,
        loaded: SessionRecord,
        change: SessionChange,
    ) -> BoxFuture<'a, Result<Updated, BoxError>> {
        Box::pin(async move {
            let Some(id) = token::hash(token) else { return Ok(Updated::Gone) };
            if change.rotate {
                let new = New::generate();
                return Ok(self.db.write(move |conn| rotate(conn, &id, &new, &change)).await?);
            }
            Ok(self.ask(&self.updates, Update { id, loaded, change }).await?)
        })
    }

    fn replace<'a>(&'a self, token: &'a str, record: SessionRecord) -> BoxFuture<'a, Result<String, BoxError>> {
        Box::pin(async move {
            let (old, new) = (token::hash(token).unwrap_or_default(), New::generate()); // no session has an empty id
            let replace = move |conn: &mut Conn| {
                delete(conn, &old)?;
                insert(conn, &new.id, &record).map(|_inserted| new.token.clone())
            };
            Ok(self.db.write(replace).await?)
        })
    }

    fn remove<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async {
            let Some(id) = token::hash(token) else { return Ok(()) };
            self.db.write(move |conn| delete(conn, &id)).await?;
            Ok(())
        })
    }

    fn remove_user<'a>(&'a self, user: i64, kept: Option<&'a str>) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            let kept = kept.and_then(token::hash).unwrap_or_default(); // no session has an empty id
            self.db.write(move |conn| delete_of_user(conn, user, &kept)).await?;
            Ok(())
        })
    }

    fn remove_expired(&self, now: i64) -> BoxFuture<'_, Result<usize, BoxError>> {
        Box::pin(async move {
            let mut removed = 0;
            loop {
                let batch = self.db.write(move |conn| remove_batch(conn, now)).await?;
                removed += batch;
                if batch < BATCH {
                    return Ok(removed);
                }
            }
        })
    }
}

/// How many expired rows one transaction removes.
const BATCH: usize = 500;

impl InDatabase {
    async fn ask<I: Send + Sync + 'static, O: Send + 'static>(
        &self,
        batches: &Batches<I, O>,
        item: I,
    ) -> Result<O, Error> {
        match self.db.engine() {
            Engine::Sqlite => batches.together(item).await,
            Engine::Mysql => batches.alone(item).await,
        }
    }
}

/// Keeps the session of the id `old` in a transaction of the caller's, as a store does; it goes on under `new`.
#[cfg(feature = "accounts")]
pub(in crate::session) fn keep(conn: &mut Conn, old: &Vec<u8>, new: &New, keeping: &Keeping) -> QueryResult<Updated> {
    let record = match keeping {
        Keeping::Nothing => return Ok(Updated::Kept),
        Keeping::Change { loaded, change, or_begin } => match (change_row(conn, old, new, loaded, change)?, or_begin) {
            (Updated::Gone, Some(record)) => record,
            (updated, _) => return Ok(updated),
        },
        Keeping::Begin { record, .. } => {
            delete(conn, old)?;
            record
        }
    };
    if record.is_empty() {
        return Ok(Updated::Ended);
    }
    insert(conn, &new.id, record)?;
    Ok(Updated::Renewed(new.token.clone()))
}

#[cfg(feature = "accounts")]
fn change_row(
    conn: &mut Conn,
    id: &Vec<u8>,
    new: &New,
    loaded: &SessionRecord,
    change: &SessionChange,
) -> QueryResult<Updated> {
    match change.rotate {
        true => rotate(conn, id, new, change),
        false => update(conn, &Update { id: id.clone(), loaded: loaded.clone(), change: change.clone() }),
    }
}

fn rotate(conn: &mut Conn, id: &Vec<u8>, new: &New, change: &SessionChange) -> QueryResult<Updated> {
    let Some(mut record) = lock(conn, id)? else { return Ok(Updated::Gone) };
    change.apply(&mut record);
    delete(conn, id)?;
    if record.is_empty() {
        return Ok(Updated::Ended);
    }
    insert(conn, &new.id, &record)?;
    Ok(Updated::Renewed(new.token.clone()))
}

type Row = (Option<i64>, String, i64, i64, i64, i64);

fn find(conn: &mut Conn, id: &Vec<u8>) -> QueryResult<Option<SessionRecord>> {
    use foobar_sessions::{created_at, data, expires_at, seen_at, user_id, version};
    let row = foobar_sessions::table.find(id).select((user_id, data, version, created_at, seen_at, expires_at));
    row.get_result(conn).optional()?.map(record).transpose() // at each LIMIT ? SQLite would prepare it anew
}

fn record((user, data, version, created, seen, expires): Row) -> QueryResult<SessionRecord> {
    let values =
        serde_json::from_str(&data).map_err(|error| diesel::result::Error::DeserializationError(error.into()))?;
    Ok(SessionRecord { values, user, created, seen, expires, version })
}

/// The session as it is now, locked until the end of the transaction: written first, and read then.
fn lock(conn: &mut Conn, id: &Vec<u8>) -> QueryResult<Option<SessionRecord>> {
    let next = foobar_sessions::version.eq(foobar_sessions::version + 1);
    diesel::update(foobar_sessions::table.find(id)).set(next).execute(conn)?;
    find(conn, id)
}

fn insert(conn: &mut Conn, id: &Vec<u8>, record: &SessionRecord) -> QueryResult<usize> {
    use foobar_sessions as column;
    let row = (
        column::id.eq(id),
        column::user_id.eq(record.user),
        column::data.eq(json(record)?),
        column::version.eq(0),
        column::created_at.eq(record.created),
        column::seen_at.eq(record.seen),
        column::expires_at.eq(record.expires),
    );
    let inserted = diesel::insert_into(foobar_sessions::table).values(row).execute(conn)?;
    if let Some(user) = record.user {
        delete_oldest(conn, user, id)?;
    }
    Ok(inserted)
}

/// How many sessions a user has: each sign-in adds a row, which nothing else removes for days.
const MOST: i64 = 100;

/// Ends what a user who has just got the session `new` has beyond [`MOST`]: what was used the longest ago.
fn delete_oldest(conn: &mut Conn, user: i64, new: &Vec<u8>) -> QueryResult<usize> {
    use foobar_sessions::{created_at, id, seen_at, user_id};
    let others = foobar_sessions::table.filter(user_id.eq(user)).filter(id.ne(new));
    let beyond = others.order((seen_at.desc(), created_at.desc())).offset(MOST - 1).limit(BATCH as i64);
    let beyond: Vec<Vec<u8>> = beyond.select(id).load(conn)?;
    if beyond.is_empty() {
        return Ok(0);
    }
    diesel::delete(foobar_sessions::table.filter(id.eq_any(beyond))).execute(conn)
}

/// Done twice it is as done once.
fn update(conn: &mut Conn, Update { id, loaded, change }: &Update) -> QueryResult<Updated> {
    use foobar_sessions::{expires_at, seen_at};
    if change.is_touch() {
        let times = (seen_at.eq(change.seen), expires_at.eq(change.expires));
        let touched = diesel::update(foobar_sessions::table.find(id)).set(times).execute(conn)?;
        return Ok(if touched == 1 { Updated::Kept } else { Updated::Gone });
    }
    if let Some(updated) = put(conn, id, loaded.clone(), change)? {
        return Ok(updated);
    }
    let Some(changed_meanwhile) = lock(conn, id)? else { return Ok(Updated::Gone) };
    Ok(put(conn, id, changed_meanwhile, change)?.unwrap_or(Updated::Gone))
}

/// Writes `record` with `change`, or removes the session where nothing is left in it; `None` where it is no longer what
/// `record` says.
fn put(
    conn: &mut Conn,
    id: &Vec<u8>,
    mut record: SessionRecord,
    change: &SessionChange,
) -> QueryResult<Option<Updated>> {
    use foobar_sessions as column;
    let before = (record.seen, record.expires);
    change.apply(&mut record);
    let as_loaded = foobar_sessions::table.find(id).filter(column::version.eq(record.version));
    if record.is_empty() {
        return Ok((diesel::delete(as_loaded).execute(conn)? == 1).then_some(Updated::Ended));
    }
    let data = json(&record)?;
    if change.user.is_none() && (record.seen, record.expires) == before {
        let written = PutData { id, data, version: record.version }.execute(conn)?;
        return Ok((written == 1).then_some(Updated::Kept));
    }
    let row = (
        column::user_id.eq(record.user),
        column::data.eq(data),
        column::version.eq(record.version + 1),
        column::created_at.eq(record.created),
        column::seen_at.eq(record.seen),
        column::expires_at.eq(record.expires),
    );
    Ok((diesel::update(as_loaded).set(row).execute(conn)? == 1).then_some(Updated::Kept))
}

/// Writes the values of a session whose version is this. Diesel prepares an `update(..)` anew each time, and SQLite writes
/// the indexes of all columns that one names.
struct PutData<'a> {
    id: &'a Vec<u8>,
    data: String,
    version: i64,
}

impl QueryFragment<MultiBackend> for PutData<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        out.push_sql("UPDATE foobar_sessions SET version = version + 1, data = ");
        out.push_bind_param::<Text, _>(&self.data)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<Binary, _>(self.id)?;
        out.push_sql(" AND version = ");
        out.push_bind_param::<BigInt, _>(&self.version)
    }
}

impl QueryId for PutData<'_> {
    type QueryId = PutData<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<Conn> for PutData<'_> {}

fn json(record: &SessionRecord) -> QueryResult<String> {
    serde_json::to_string(&record.values).map_err(|error| diesel::result::Error::SerializationError(error.into()))
}

fn delete(conn: &mut Conn, id: &Vec<u8>) -> QueryResult<usize> {
    diesel::delete(foobar_sessions::table.find(id)).execute(conn)
}

/// Ends all sessions of a user, but that of the id `kept`.
pub(crate) fn delete_of_user(conn: &mut Conn, user: i64, kept: &Vec<u8>) -> QueryResult<usize> {
    let others = foobar_sessions::table.filter(foobar_sessions::user_id.eq(user));
    diesel::delete(others.filter(foobar_sessions::id.ne(kept))).execute(conn)
}

fn remove_batch(conn: &mut Conn, now: i64) -> QueryResult<usize> {
    use foobar_sessions::{expires_at, id};
    let expired = foobar_sessions::table.filter(expires_at.le(now)).select(id).limit(BATCH as i64);
    let expired: Vec<Vec<u8>> = expired.load(conn)?;
    remove_ended(conn, expired, now)
}

/// Removes those of them that have ended still: another request may have used one meanwhile.
pub(in crate::session) fn remove_ended(conn: &mut Conn, ids: Vec<Vec<u8>>, now: i64) -> QueryResult<usize> {
    use foobar_sessions::{expires_at, id};
    diesel::delete(foobar_sessions::table.filter(id.eq_any(ids)).filter(expires_at.le(now))).execute(conn)
}
