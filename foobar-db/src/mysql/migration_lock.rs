//! One process of many runs migrations. A lock of the server keeps the others out, and ends with its connection. A row
//! does so where sessions are on several servers of one database: it never expires by time, since a process that was
//! stopped may go on. It is taken over where the connection of its holder is certainly gone, which is on its server.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error::DatabaseError;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::server_error::rolls_back;
use super::session::Server;
use super::{Error, MysqlConnection};
use crate::checksum::Checksum;
use crate::driver_error::{self, Origin};
use crate::migration_lock::{Claim, MigrationLock};

/// Takes a lock of the server that lasts until the connection is closed, and sets the limits that migrations have.
pub(crate) fn lock_migrations(conn: &mut MysqlConnection) -> Result<Option<MigrationLock>, Error> {
    let limits = conn.session().limits_of_migrations().to_owned();
    let locked = conn.batch_execute(&limits).and_then(|()| take_lock(conn));
    let of_server = match locked.map_err(|error| Error::MigrationState(error.into()))? {
        Lock::Taken => true,
        Lock::Held => return Ok(None),
        Lock::Unknown => false,
    };
    Ok(Some(MigrationLock::Connection { of_server, token: None }))
}

enum Lock {
    Taken,
    Held,
    /// The server has no such locks.
    Unknown,
}

fn take_lock(conn: &mut MysqlConnection) -> QueryResult<Lock> {
    // Where names of databases have no case, sessions may call one database differently.
    let database: Option<String> = diesel::select(sql::<Nullable<Text>>("LOWER(DATABASE())")).get_result(conn)?;
    let name = lock_name(&database.ok_or(diesel::NotFound)?); // it has been dropped
    let lock = sql::<Nullable<BigInt>>("GET_LOCK(").bind::<Text, _>(name).sql(", 0)");
    match diesel::select(lock).get_result::<Option<i64>>(conn) {
        Ok(Some(1)) => Ok(Lock::Taken),
        Ok(_) => Ok(Lock::Held),
        Err(error) if is_number(&error, &NO_LOCKS) => Ok(Lock::Unknown),
        Err(error) => Err(error),
    }
}

/// "Unknown error" of clusters that forbid them, "not supported", "function does not exist".
const NO_LOCKS: [u16; 3] = [1105, 1235, 1305];
const NO_SUCH_TABLE: [u16; 1] = [1146];

fn is_number(error: &diesel::result::Error, numbers: &[u16]) -> bool {
    matches!(driver_error::origin(error), Some(Origin::Mysql { number, .. }) if numbers.contains(&number))
}

/// Whether another has been quicker, as a cluster says it of two servers; or has locked the table.
fn is_collision(error: &diesel::result::Error) -> bool {
    let is_collision = |number, state| rolls_back(number, state) || number == 1205;
    matches!(driver_error::origin(error), Some(Origin::Mysql { number, state }) if is_collision(number, state))
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS __foobar_migration_lock (
    id INTEGER NOT NULL PRIMARY KEY,
    token CHAR(36) NOT NULL,
    holder VARCHAR(255) NOT NULL,
    `connection` BIGINT NOT NULL,
    `server` VARCHAR(1024),
    started BIGINT,
    since TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE = InnoDB CHARACTER SET utf8mb4";

/// Whoever has the row.
#[derive(QueryableByName)]
struct Holder {
    #[diesel(sql_type = Text)]
    token: String,
    #[diesel(sql_type = Text)]
    holder: String,
    #[diesel(sql_type = BigInt)]
    connection: i64,
    #[diesel(sql_type = Nullable<Text>)]
    server: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    started: Option<i64>,
    #[diesel(sql_type = Text)]
    since: String,
}

impl Holder {
    fn read(conn: &mut MysqlConnection) -> QueryResult<Option<Self>> {
        let columns = "token, holder, `connection`, `server`, started, CAST(since AS CHAR) AS since";
        let read = sql_query(format!("SELECT {columns} FROM __foobar_migration_lock")).get_result(conn).optional();
        read.or_else(|error| if is_number(&error, &NO_SUCH_TABLE) { Ok(None) } else { Err(error) })
    }

    fn describe(&self) -> String {
        format!("{}, connection {} since {} UTC", self.holder, self.connection, self.since)
    }

    /// Whether its connection is gone, as far as `here` knows; whoever asks has the lock of that server where
    /// `of_server`.
    fn is_gone(&self, here: Option<&Server>, of_server: bool) -> bool {
        let Some(((name, started), here)) = self.server.clone().zip(self.started).zip(here) else { return false };
        let then = Server { name, started };
        here.is_same_as(&then) && of_server || here.is_later_run_of(&then)
    }
}

/// Takes the row for the connection, whose session has the lock of the server where `of_server`.
pub(crate) fn claim_migrations(conn: &mut MysqlConnection, of_server: bool) -> QueryResult<Claim> {
    conn.batch_execute(TABLE)?;
    let token: String = diesel::select(sql::<Text>("UUID()")).get_result(conn)?;
    match write(conn, &token, &Replaces::Nothing) {
        Ok(_) => return Ok(Claim::Ours(token)),
        Err(DatabaseError(UniqueViolation, _)) => {}
        Err(error) if is_collision(&error) => return Ok(Claim::Held("a process that begins just now".to_owned())),
        Err(error) => return Err(error),
    }
    let Some(holder) = Holder::read(conn)? else { return Ok(Claim::Held("a process that has just ended".to_owned())) };
    if !holder.is_gone(conn.session().server.as_ref(), of_server) {
        return Ok(Claim::Held(holder.describe()));
    }
    if write(conn, &token, &Replaces::Holder(&holder.token))? == 0 {
        return Ok(Claim::Held(holder.describe())); // another was quicker
    }
    let holder = holder.describe();
    tracing::warn!(holder, "taking over from a process that ran migrations and whose connection is gone");
    Ok(Claim::Ours(token))
}

enum Replaces<'a> {
    Nothing,
    /// The one with this token.
    Holder(&'a str),
}

fn write(conn: &mut MysqlConnection, token: &str, replaces: &Replaces<'_>) -> QueryResult<usize> {
    let session = conn.session();
    let (id, server) = (session.id, session.server.as_ref());
    let (name, started) = (server.map(|server| server.name.clone()), server.map(|server| server.started));
    let set = "token = ?, holder = CONCAT('process ', ?, ' as ', USER()), `connection` = ?, `server` = ?, started = ?,                since = CURRENT_TIMESTAMP";
    let statement = match replaces {
        Replaces::Nothing => format!("INSERT INTO __foobar_migration_lock SET id = 1, {set}"),
        Replaces::Holder(_) => format!("UPDATE __foobar_migration_lock SET {set} WHERE id = 1 AND token = ?"),
    };
    let written = sql_query(statement)
        .bind::<Text, _>(token)
        .bind::<BigInt, _>(i64::from(std::process::id()))
        .bind::<BigInt, _>(i64::from(id))
        .bind::<Nullable<Text>, _>(name)
        .bind::<Nullable<BigInt>, _>(started);
    match replaces {
        Replaces::Nothing => written.execute(conn),
        Replaces::Holder(token) => written.bind::<Text, _>(*token).execute(conn),
    }
}

/// Gives the row back.
pub(crate) fn release_migrations(conn: &mut MysqlConnection, token: &str) -> QueryResult<usize> {
    sql_query("DELETE FROM __foobar_migration_lock WHERE token = ?").bind::<Text, _>(token).execute(conn)
}

/// Takes the row from whoever has it, and says who had it; an error where its connection certainly is there.
pub(crate) fn unlock_migrations(conn: &mut MysqlConnection) -> Result<Option<String>, Error> {
    let failed = |error: diesel::result::Error| Error::MigrationState(error.into());
    let Some(holder) = Holder::read(conn).map_err(failed)? else { return Ok(None) };
    if let Lock::Held = take_lock(conn).map_err(failed)? {
        return Err(Error::MigrationsRun { holder: holder.describe(), connection: holder.connection });
    }
    release_migrations(conn, &holder.token).map_err(failed)?;
    Ok(Some(holder.describe()))
}

/// A lock belongs to the whole server and its name has 64 characters at most, as that of a database. It is hashed here:
/// functions of the server come and go (9.6 has no MD5). Two databases that share a hash only wait for each other.
fn lock_name(database: &str) -> String {
    format!("foobar-migrate-{}", Checksum::new().of(database.as_bytes()).hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_of_the_longest_name_of_a_database_has_a_name_that_servers_take() {
        assert!(lock_name(&"ä".repeat(64)).len() <= 64);
    }
}
