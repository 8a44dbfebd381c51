//! SQL that both engines have and Diesel writes for one engine alone: what [`Conn`](crate::Conn) can do beside the
//! derived `MultiConnection`.
//!
//! Diesel's own words work where its types can be named (`everyday.rs`). Its types for upserts and row locks are
//! private, so there are small nodes of our own, each of which writes the clause of the engine that runs. A backend
//! written out by hand would reach Diesel's too, and follow every patch release of it with a thousand lines.

mod date_time;
mod engines;
mod everyday;
mod insert_id;
mod locked;
mod upsert;

pub use date_time::DateTime;
pub use engines::{ExecuteOnMysql, ExecuteOnSqlite, OnMysql, OnSqlite};
pub use insert_id::{IdColumn, insert_returning_id};
pub use locked::{Locked, locked};
pub use upsert::{Incoming, Upsert, UpsertOn, UpsertSet, incoming, upsert};

#[cfg(all(feature = "sqlite", feature = "mysql"))]
#[cfg(test)]
mod tests;
