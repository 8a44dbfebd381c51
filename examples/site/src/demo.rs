//! The two accounts of a new database: a customer and an administrator, for whoever looks at the site for the first time.

use std::fs::File;
use std::io::{self, Read, Write};

use diesel::RunQueryDsl;
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::BigInt;
use foobar::{Accounts, BoxError, Db};

use crate::visitor::ADMIN;

/// Address and roles. The administrator is made first: while there is none, this is not done.
const ACCOUNTS: [(&str, &[&str]); 2] = [("admin@foobar.com", &[ADMIN]), ("customer@foobar.com", &[])];

/// Makes them where nobody has an account, and prints their passwords, this once.
pub(crate) async fn make(accounts: &Accounts, db: &Db) -> Result<(), BoxError> {
    if db.read(|conn| count().get_result::<i64>(conn)).await? > 0 {
        return Ok(());
    }
    for (address, roles) in ACCOUNTS {
        let password = password()?;
        let registered = accounts.register(address, &password).await?;
        // Refused where another process, which started with this one, was first.
        if let Ok(user) = registered {
            accounts.set_roles(&user, roles).await?;
            writeln!(io::stdout(), "an account to try  {address}  password {password}  (not shown again)")?;
        }
    }
    Ok(())
}

/// How many accounts there are, whatever their ids.
fn count() -> SqlLiteral<BigInt> {
    sql("SELECT COUNT(*) FROM foobar_accounts")
}

/// Four groups of four letters, 80 bits of the system's random numbers.
fn password() -> io::Result<String> {
    let mut random = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let groups =
        random.chunks(4).map(|group| group.iter().map(|byte| LETTERS[usize::from(byte % 32)] as char).collect());
    Ok(groups.collect::<Vec<String>>().join("-"))
}

/// 32 that are not mistaken for each other.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_passwords_are_the_same() {
        let (one, other) = (password().unwrap(), password().unwrap());
        assert_ne!(one, other);
        assert_eq!((one.len(), one.matches('-').count()), (19, 3));
    }
}
