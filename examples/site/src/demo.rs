//! The two accounts of a new database: a customer and an administrator, for whoever looks at the site for the first time.

use std::fs::File;
use std::io::{self, Read, Write};

use diesel::prelude::*;
use foobar::{Accounts, BoxError, Db, User};

use crate::visitor::ADMIN;
use foobar_accounts::dsl;

/// Address and roles. While the first one is alone, this is not done.
const ACCOUNTS: [(&str, &[&str]); 2] = [("admin@foobar.com", &[ADMIN]), ("customer@foobar.com", &[])];

/// Makes them where nobody else has an account, and prints their passwords, this once. A start that was cut off is gone on
/// with: a password is printed before its account is made, and the roles of one that is there are given again.
pub(crate) async fn make(accounts: &Accounts, db: &Db) -> Result<(), BoxError> {
    let [(first, _), _] = ACCOUNTS;
    let known: Vec<(i64, String)> =
        db.read(|conn| dsl::foobar_accounts.select((dsl::id, dsl::address)).load(conn)).await?;
    if known.iter().any(|(_, address)| address != first) {
        return Ok(());
    }
    for (address, roles) in ACCOUNTS {
        let user = match known.iter().find(|(_, known)| known == address) {
            Some((id, _)) => accounts.find(*id).await?,
            None => register(accounts, address).await?,
        };
        if let Some(user) = user {
            accounts.set_roles(&user, roles).await?;
        }
    }
    Ok(())
}

/// `None` where another process, which started with this one, was first.
async fn register(accounts: &Accounts, address: &str) -> Result<Option<User>, BoxError> {
    let password = password()?;
    writeln!(io::stdout(), "an account to try  {address}  password {password}  (not shown again)")?;
    let registered = accounts.register(address, &password).await?;
    if registered.is_err() {
        writeln!(io::stdout(), "{address} has the password that another process has printed")?;
    }
    Ok(registered.ok()) // refused, which has been said
}

diesel::table! {
    foobar_accounts (id) {
        id -> BigInt,
        address -> Text,
    }
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
