use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::Db;
use crate::{Conn, DatabaseInfo, Engine, Error, QueryResult};

impl Db {
    /// What the database says of itself, without a start and without any change, as [`check`](Self::check) does; `None` where
    /// there is no database yet.
    pub async fn info(&self) -> Result<Option<DatabaseInfo>, Error> {
        let (version, time) = match self.engine() {
            Engine::Sqlite => ("sqlite_version()", "CAST(strftime('%s', 'now') AS INTEGER)"),
            Engine::Mysql => ("VERSION()", "UNIX_TIMESTAMP()"),
        };
        let ask = move |conn: &mut Conn| -> QueryResult<(String, i64)> {
            diesel::select((sql::<Text>(version), sql::<BigInt>(time))).get_result(conn)
        };
        match self.peek(ask).await? {
            Some(told) => told.map(|(version, time)| Some(DatabaseInfo { version, time })).map_err(Error::Query),
            None => Ok(None),
        }
    }
}
