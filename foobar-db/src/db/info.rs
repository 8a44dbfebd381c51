use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::Db;
use crate::{Conn, DatabaseInfo, Engine, Error, QueryResult};

impl Db {
    /// What the database says of itself, without a start and without any change, as [`check`](Self::check) does; `None` where
    /// there is no database yet.
    pub async fn info(&self) -> Result<Option<DatabaseInfo>, Error> {
        let (version, time, set) = match self.engine() {
            Engine::Sqlite => ("sqlite_version()", "CAST(strftime('%s', 'now') AS INTEGER)", "NULL"),
            Engine::Mysql => ("VERSION()", "UNIX_TIMESTAMP()", "CAST(@@character_set_database AS CHAR)"),
        };
        let ask = move |conn: &mut Conn| -> QueryResult<(String, i64, Option<String>)> {
            diesel::select((sql::<Text>(version), sql::<BigInt>(time), sql::<Nullable<Text>>(set))).get_result(conn)
        };
        match self.peek(ask).await? {
            Some(told) => {
                let info = |(version, time, character_set)| Some(DatabaseInfo { version, time, character_set });
                told.map(info).map_err(Error::Query)
            }
            None => Ok(None),
        }
    }
}
