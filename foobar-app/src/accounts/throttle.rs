//! How often somebody may fail to sign in, and do what costs: counted in the database, so that all processes agree.

use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error::DatabaseError;
use foobar_db::{Conn, QueryResult};

diesel::table! {
    foobar_sign_in_failures (id) {
        id -> Binary,
        failures -> BigInt,
        expires_at -> BigInt,
    }
}

/// How long failures are remembered, in seconds from the first one.
pub(super) const WINDOW: i64 = 15 * 60;
/// How many failures of a client, whichever accounts it tries.
pub(super) const PER_CLIENT: i64 = 50;
/// How many failures of a client with one account.
pub(super) const PER_CLIENT_AND_ACCOUNT: i64 = 5;
/// After how many failures an account is slow for all: never closed, so that nobody can lock another out.
const PER_ACCOUNT: i64 = 10;
/// The longest that an account is slow.
const SLOWEST: Duration = Duration::from_secs(2);

/// How many wrong codes of one account, whoever tries: whoever gets as far knows the password.
pub(super) const CODES_PER_ACCOUNT: i64 = 20;

/// How many messages one address is sent, whoever asks for them.
pub(super) const MAILS: i64 = 5;

/// What else a client may do [only so often](PER_CLIENT), each counted for itself, whether it fails or not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Costly {
    Register,
    SendReset,
    Reset,
}

impl Costly {
    /// Counts it. A client whose address nobody knows, such as the program itself, is not counted.
    pub(super) fn count(self, conn: &mut Conn, client: Option<IpAddr>, now: i64) -> QueryResult<Turn> {
        let Some(client) = client.map(network) else { return Ok(Turn::After(Duration::ZERO)) };
        let (times, expires_at) = add(conn, &id(&[self.as_str(), &client]), now)?;
        Ok(if times > PER_CLIENT { refused(expires_at, now) } else { Turn::After(Duration::ZERO) })
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::SendReset => "send reset",
            Self::Reset => "reset",
        }
    }
}

/// Counts a message to an address; whether it may be sent.
pub(super) fn may_mail(conn: &mut Conn, address: &str, now: i64) -> QueryResult<bool> {
    Ok(add(conn, &id(&["mail", address]), now)?.0 <= MAILS)
}

fn refused(expires_at: i64, now: i64) -> Turn {
    Turn::Refused((expires_at - now).max(1))
}

/// Who tries to sign in, as three counters.
#[derive(Clone)]
pub(super) struct Attempt {
    client: Vec<u8>,
    client_and_account: Vec<u8>,
    account: Vec<u8>,
    /// How many failures of the account close it.
    most: i64,
}

/// What an attempt gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It may try, after this time.
    After(Duration),
    /// It may not, for so many seconds.
    Refused(i64),
}

impl Attempt {
    pub(super) fn new(client: Option<IpAddr>, address: &str) -> Self {
        let client = client.map(network).unwrap_or_default(); // a Unix socket: all of them are one
        Self {
            client: id(&["client", &client]),
            client_and_account: id(&["client and account", &client, address]),
            account: id(&["account", address]),
            most: i64::MAX,
        }
    }

    /// An attempt with a code of the second factor, counted for itself.
    pub(super) fn of_code(client: Option<IpAddr>, account: i64) -> Self {
        let (client, account) = (client.map(network).unwrap_or_default(), account.to_string()); // as above
        Self {
            client: id(&["client", &client]),
            client_and_account: id(&["code of client and account", &client, &account]),
            account: id(&["code of account", &account]),
            most: CODES_PER_ACCOUNT,
        }
    }

    /// Counts it as a failure, before it is known whether it is one: so many at once cannot slip through.
    pub(super) fn count(&self, conn: &mut Conn, now: i64) -> QueryResult<Turn> {
        let counts = [(&self.client, PER_CLIENT), (&self.client_and_account, PER_CLIENT_AND_ACCOUNT)];
        for (id, most) in counts {
            let (failures, expires_at) = add(conn, id, now)?;
            if failures > most {
                return Ok(refused(expires_at, now));
            }
        }
        let (failures, expires_at) = add(conn, &self.account, now)?;
        Ok(if failures > self.most { refused(expires_at, now) } else { Turn::After(delay(failures)) })
    }

    /// It was none: what the account's owner has failed is forgotten.
    pub(super) fn forgive(&self, conn: &mut Conn) -> QueryResult<()> {
        let own = foobar_sign_in_failures::table.find(&self.client_and_account);
        diesel::delete(own).execute(conn)?;
        for id in [&self.client, &self.account] {
            let fewer = foobar_sign_in_failures::failures.eq(foobar_sign_in_failures::failures - 1);
            diesel::update(foobar_sign_in_failures::table.find(id)).set(fewer).execute(conn)?;
        }
        Ok(())
    }
}

/// A hundredth of a second, and twice as long each time.
fn delay(failures: i64) -> Duration {
    let beyond = u32::try_from((failures - PER_ACCOUNT).clamp(0, 8)).expect("it is small");
    if beyond == 0 { Duration::ZERO } else { (Duration::from_millis(10) * 2_u32.pow(beyond)).min(SLOWEST) }
}

/// An address of version 6 is that of its network: whoever has one has all of it.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x?}", &address.segments()[..4]),
    }
}

fn id(parts: &[&str]) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    parts.iter().for_each(|part| {
        digest.update(part.as_bytes());
        digest.update(&[0]);
    });
    digest.finish().as_ref().to_vec()
}

/// Counts one more, and gives how many there are, and until when they count.
fn add(conn: &mut Conn, id: &Vec<u8>, now: i64) -> QueryResult<(i64, i64)> {
    use foobar_sign_in_failures::{expires_at, failures, table};
    let ended = table.find(id).filter(expires_at.le(now));
    diesel::update(ended).set((failures.eq(0), expires_at.eq(now + WINDOW))).execute(conn)?;
    if one_more(conn, id)? == 0 {
        let row = (foobar_sign_in_failures::id.eq(id), failures.eq(1), expires_at.eq(now + WINDOW));
        match diesel::insert_into(table).values(row).execute(conn) {
            Err(DatabaseError(UniqueViolation, _)) => one_more(conn, id), // another one was faster
            inserted => inserted,
        }?;
    }
    table.find(id).select((failures, expires_at)).first(conn)
}

fn one_more(conn: &mut Conn, id: &Vec<u8>) -> QueryResult<usize> {
    use foobar_sign_in_failures::{failures, table};
    diesel::update(table.find(id)).set(failures.eq(failures + 1)).execute(conn)
}

/// Removes failures that count no more, at most `most`; how many.
pub(super) fn remove_expired(conn: &mut Conn, now: i64, most: usize) -> QueryResult<usize> {
    use foobar_sign_in_failures::{expires_at, id, table};
    let expired = table.filter(expires_at.le(now)).select(id).limit(most as i64);
    let expired: Vec<Vec<u8>> = expired.load(conn)?;
    diesel::delete(table.filter(id.eq_any(expired))).execute(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_gets_slower_and_never_slower_than_two_seconds() {
        let delays = [1, 10, 11, 12, 15, 18, 1_000_000, i64::MAX].map(|failures| delay(failures).as_millis());
        assert_eq!(delays, [0, 0, 20, 40, 320, 2000, 2000, 2000]);
    }

    #[test]
    fn addresses_of_one_network_of_version_6_are_one_client() {
        let client = |address: &str| Attempt::new(Some(address.parse().unwrap()), "ann@shop.test").client;
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("::ffff:10.0.0.1"), client("10.0.0.1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
    }
}
