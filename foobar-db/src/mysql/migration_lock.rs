use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::options::UNLIMITED;
use super::{Error, MigrationLock, MysqlConnection};

/// Takes a lock of the server that lasts until the connection is closed, and lifts the session's limit on statements.
pub(crate) fn lock_migrations(conn: &mut MysqlConnection) -> Result<Option<MigrationLock>, Error> {
    let locked = conn.batch_execute(UNLIMITED).and_then(|()| take_lock(conn));
    let locked = locked.map_err(|error| Error::MigrationState(error.into()))?;
    Ok(locked.then_some(MigrationLock::Connection))
}

fn take_lock(conn: &mut MysqlConnection) -> QueryResult<bool> {
    // Where names of databases have no case, sessions may call one database differently.
    let database: Option<String> = diesel::select(sql::<Nullable<Text>>("LOWER(DATABASE())")).get_result(conn)?;
    let name = lock_name(&database.ok_or(diesel::NotFound)?); // it has been dropped
    let lock = sql::<Nullable<BigInt>>("GET_LOCK(").bind::<Text, _>(name).sql(", 0)");
    Ok(diesel::select(lock).get_result::<Option<i64>>(conn)? == Some(1))
}

/// A lock belongs to the whole server and its name has 64 characters at most, as that of a database. It is hashed here:
/// functions of the server come and go (9.6 has no MD5). Two databases that share a hash only wait for each other.
fn lock_name(database: &str) -> String {
    format!("foobar-migrate-{:016x}", fnv1a(database.as_bytes()))
}

/// FNV-1a with 64 bits (RFC 9923), which is the same in every build.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 9923.
    #[test]
    fn the_hash_is_the_standard_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_lock_of_the_longest_name_of_a_database_has_a_name_that_servers_take() {
        assert!(lock_name(&"ä".repeat(64)).len() <= 64);
    }
}
