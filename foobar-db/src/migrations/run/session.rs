//! What the statements of a migration leave open in their session: a transaction of the file's own, tables that it has
//! locked, `autocommit` that it has switched off. What is recorded after them would be lost with it.

use diesel::QueryResult;
use diesel::connection::SimpleConnection;

use crate::{Conn, Engine};

/// Whether a transaction is open on the server, whoever began it. On SQLite nothing begins or ends one but its word.
pub(super) fn has_transaction(conn: &mut Conn) -> QueryResult<bool> {
    match conn {
        #[cfg(feature = "mysql")]
        Conn::Mysql(conn) => {
            conn.batch_execute("DO 0")?; // whose answer tells
            Ok(conn.has_transaction())
        }
        #[cfg(feature = "sqlite")]
        Conn::Sqlite(_) => Ok(true),
    }
}

/// Closes what is open and keeps what was done.
pub(super) fn commit(conn: &mut Conn) -> QueryResult<()> {
    if conn.engine() == Engine::Mysql {
        return conn.batch_execute("COMMIT; UNLOCK TABLES; SET SESSION autocommit = 1");
    }
    let _is_open_already = conn.batch_execute("BEGIN"); // SQLite has no COMMIT for where nothing may be open
    conn.batch_execute("COMMIT")
}

/// Closes what is open and takes back what its transaction did.
pub(super) fn roll_back(conn: &mut Conn) -> QueryResult<()> {
    if conn.engine() == Engine::Mysql {
        conn.batch_execute("ROLLBACK")?;
        return conn.batch_execute("UNLOCK TABLES; SET SESSION autocommit = 1");
    }
    let _none_is_open = conn.batch_execute("ROLLBACK");
    Ok(())
}
