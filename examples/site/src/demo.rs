//! The two accounts of a new database: a customer and an administrator, for whoever looks at the site for the first time.
//!
//! They are made in a database without any account, and never again: nobody else's account gets a role, and one that
//! was deleted does not come back. A password is shown before its account is made. A start that is killed between the two
//! leaves what it has made, and the database is to be removed.

use std::fs::File;
use std::io::{self, Read, Write};

use diesel::prelude::*;
use foobar::{Accounts, BoxError, Conn, Db, QueryResult, User};

use crate::visitor::ADMIN;

diesel::table! { foobar_accounts (id) { id -> BigInt } }

const CUSTOMER: &str = "customer@foobar.com";
const ADMINISTRATOR: &str = "admin@foobar.com";

/// Makes them where nobody has an account, and shows their passwords, this once; the administrator only where there is
/// to be no other.
pub(crate) async fn make(
    accounts: &Accounts,
    db: &Db,
    has_administrator: bool,
    shown: &mut (impl Write + Send),
) -> Result<(), BoxError> {
    if db.read(count).await? > 0 {
        return Ok(());
    }
    if !has_administrator && let Some(made) = register(accounts, ADMINISTRATOR, shown).await? {
        accounts.set_roles(&made, &[ADMIN]).await?;
    }
    register(accounts, CUSTOMER, shown).await?;
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

fn count(conn: &mut Conn) -> QueryResult<i64> {
    foobar_accounts::table.count().get_result(conn)
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

    /// What a start does to a database; the addresses that it shows.
    async fn shown(accounts: &Accounts, db: &Db, has_administrator: bool) -> Result<Vec<String>, BoxError> {
        let mut shown = Vec::new();
        make(accounts, db, has_administrator, &mut shown).await?;
        let shown = String::from_utf8(shown)?;
        Ok(shown.lines().map(|line| line.split_whitespace().nth(4).expect("it has an address").to_owned()).collect())
    }

    async fn delete_all(db: &Db) -> Result<(), BoxError> {
        db.write(|conn| diesel::delete(foobar_accounts::table).execute(conn)).await?;
        Ok(())
    }

    /// Whose start is made again and again.
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
            assert!(make(&accounts, db, false, &mut Killed).await.is_err());
            assert_eq!(db.read(count).await?, 0, "nobody has seen the password");

            let visitor = accounts.register(ADMINISTRATOR, "correct horse").await?.unwrap();
            assert!(shown(&accounts, db, false).await?.is_empty(), "a visitor was first");
            assert!(!accounts.find(visitor.id).await?.unwrap().has_role(ADMIN));

            delete_all(db).await?;
            assert_eq!(shown(&accounts, db, true).await?, [CUSTOMER], "there is another administrator");

            delete_all(db).await?;
            assert_eq!(shown(&accounts, db, false).await?, [ADMINISTRATOR, CUSTOMER]);
            let last = |conn: &mut Conn| {
                foobar_accounts::table.select(diesel::dsl::max(foobar_accounts::id)).first::<Option<i64>>(conn)
            };
            let customer = db.read(last).await?.unwrap_or_default();
            assert!(accounts.find(customer - 1).await?.unwrap().has_role(ADMIN));
            assert!(!accounts.find(customer).await?.unwrap().has_role(ADMIN));
            let delete = move |conn: &mut Conn| diesel::delete(foobar_accounts::table.find(customer)).execute(conn);
            assert_eq!(db.write(delete).await?, 1);
            assert!(shown(&accounts, db, false).await?.is_empty(), "who was deleted does not come back");
            Ok(())
        }
    }

    #[tokio::test]
    async fn only_a_database_without_accounts_gets_them_and_no_visitor_a_role() {
        test::site(Server::new().app(Restarted)).await;
    }
}
