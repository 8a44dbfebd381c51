//! The types of the queries that [`locked`](crate::locked), [`upsert`](crate::upsert) and
//! [`insert_returning_id`](crate::insert_returning_id) make, for whoever has to name one.

pub use foobar_db::{
    ExecuteOnMysql, ExecuteOnSqlite, IdColumn, Incoming, Locked, OnMysql, OnSqlite, Upsert, UpsertOn, UpsertSet,
};
