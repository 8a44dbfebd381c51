//! The two accounts of a new database: a customer and an administrator, for whoever looks at the site for the first time.
//!
//! A start may be killed at any moment. So a password is shown before its account is made, and the next start goes on with
//! what is missing.

use std::fs::File;
use std::io::{self, Read, Write};

use diesel::prelude::*;
use foobar::{Accounts, BoxError, Conn, Db, QueryResult, User};

use crate::visitor::ADMIN;

diesel::table! { foobar_accounts (id) { id -> BigInt, address -> Text } }

const ADMINISTRATOR: &str = "admin@foobar.com";

/// Address and roles, in the order in which they are made. Once there is any account but the first, this is done.
const ACCOUNTS: [(&str, &[&str]); 2] = [(ADMINISTRATOR, &[ADMIN]), ("customer@foobar.com", &[])];

/// Makes them where nobody else has an account, and shows their passwords, this once.
pub(crate) async fn make(accounts: &Accounts, db: &Db, shown: &mut (impl Write + Send)) -> Result<(), BoxError> {
    if db.read(others).await? > 0 {
        return Ok(());
    }
    for (address, roles) in ACCOUNTS {
        let user = match find(accounts, db, address).await? {
            Some(of_a_start_before) => Some(of_a_start_before),
            None => register(accounts, address, shown).await?,
        };
        if let Some(user) = user {
            accounts.set_roles(&user, roles).await?;
        }
    }
    Ok(())
}

/// `None` where another process, which started with this one, was first.
async fn register(
    accounts: &Accounts,
    address: &str,
    shown: &mut (impl Write + Send),
) -> Result<Option<User>, BoxError> {
    let password = password()?;
    writeln!(shown, "an account to try  {address}  password {password}  (not shown again)")?;
    let registered = accounts.register(address, &password).await?;
    if registered.is_err() {
        writeln!(shown, "  which another process has made meanwhile: its password is what that one shows")?;
    }
    Ok(registered.ok())
}

async fn find(accounts: &Accounts, db: &Db, address: &'static str) -> Result<Option<User>, BoxError> {
    match db.read(move |conn| id_of(conn, address)).await? {
        Some(id) => Ok(accounts.find(id).await?),
        None => Ok(None),
    }
}

fn id_of(conn: &mut Conn, address: &str) -> QueryResult<Option<i64>> {
    let with_address = foobar_accounts::table.filter(foobar_accounts::address.eq(address));
    with_address.select(foobar_accounts::id).first(conn).optional()
}

/// How many accounts there are beside the administrator's.
fn others(conn: &mut Conn) -> QueryResult<i64> {
    foobar_accounts::table.filter(foobar_accounts::address.ne(ADMINISTRATOR)).count().get_result(conn)
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
    use foobar::{AccountOptions, App, Context, Server, Sessions, test, web};

    use super::*;

    #[test]
    fn no_two_passwords_are_the_same() {
        let (one, other) = (password().unwrap(), password().unwrap());
        assert_ne!(one, other);
        assert_eq!((one.len(), one.matches('-').count()), (19, 3));
    }

    /// Shows nothing: the process is killed while it does.
    struct Killed;

    impl Write for Killed {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Whose start is cut off where it hurts most, and made again.
    struct Restarted;

    impl App for Restarted {
        fn routes(&self, _routes: &mut web::ServiceConfig) {}

        fn sessions(&self) -> Sessions {
            Sessions::in_database()
        }

        fn accounts(&self) -> Option<AccountOptions> {
            Some(AccountOptions::new("/sign-in"))
        }

        async fn start(&self, context: &Context) -> Result<(), BoxError> {
            let (accounts, db) = (context.accounts()?, context.db()?);
            assert!(make(&accounts, db, &mut Killed).await.is_err());
            assert!(find(&accounts, db, ADMINISTRATOR).await?.is_none(), "nobody has seen the password");

            let mut shown = Vec::new();
            let administrator = register(&accounts, ADMINISTRATOR, &mut shown).await?.unwrap();
            assert!(!administrator.has_role(ADMIN), "here a start was killed");
            make(&accounts, db, &mut shown).await?;
            assert!(find(&accounts, db, ADMINISTRATOR).await?.unwrap().has_role(ADMIN));
            make(&accounts, db, &mut shown).await?;
            let shown = String::from_utf8(shown)?;
            let words = shown.lines().map(|line| line.split_whitespace().nth(4).unwrap());
            assert_eq!(words.collect::<Vec<_>>(), ["admin@foobar.com", "customer@foobar.com"], "{shown}");
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_start_that_is_killed_leaves_no_account_whose_password_nobody_has_seen_and_the_next_one_goes_on() {
        test::site(Server::new().app(Restarted)).await;
    }
}
