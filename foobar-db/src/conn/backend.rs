#[cfg(feature = "sqlite")]
use diesel::sqlite::SqliteConnection;

#[cfg(feature = "mysql")]
use crate::MysqlConnection;

/// Diesel's derive makes a backend of it: the types and the SQL that all engines share. Of its connection nothing is used,
/// since that writes the text of a statement for whatever Diesel asks of it; [`Conn`](super::Conn) is ours.
#[derive(diesel::MultiConnection)]
#[expect(dead_code, reason = "it is there for what is derived of it")]
pub(super) enum Engines {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteConnection),
    #[cfg(feature = "mysql")]
    Mysql(MysqlConnection),
}
