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
/// How many times as often the /48 of an address of version 6 may fail as the /64: a customer may have all of it, or
/// thousands of customers share it.
const WIDE: i64 = 10;
/// The same with one account.
const WIDE_WITH_ACCOUNT: i64 = 4;
/// After how many failures an account is slow for all: never closed, so that nobody can lock another out.
const PER_ACCOUNT: i64 = 10;
/// The longest that an account is slow.
const SLOWEST: Duration = Duration::from_secs(2);

/// How many wrong codes of six digits of one account, whoever tries: whoever gets as far knows the password.
pub(super) const CODES_PER_ACCOUNT: i64 = 20;

/// A longer bound for whoever comes again and again, in seconds from the first failure.
pub(super) const DAY: i64 = 24 * 60 * 60;
/// How many failures in a day of a client with one account.
pub(super) const PER_CLIENT_AND_ACCOUNT_A_DAY: i64 = 40;
/// How many wrong codes of six digits in a day of one account: with 40 tries somebody who knows the password guesses one in
/// eight thousand.
pub(super) const CODES_PER_ACCOUNT_A_DAY: i64 = 40;

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
        let Some(client) = client else { return Ok(Turn::After(Duration::ZERO)) };
        let networks = Networks::of(client);
        let limits = networks.limits(PER_CLIENT, WIDE, WINDOW, |network| id(&[self.as_str(), network]));
        Ok(add_all(conn, &limits, now)?.unwrap_or(Turn::After(Duration::ZERO)))
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
    Ok(add(conn, &id(&["mail", address]), WINDOW, now)?.0 <= MAILS)
}

fn refused(expires_at: i64, now: i64) -> Turn {
    Turn::Refused((expires_at - now).max(1))
}

/// A counter, the most that it may have, and for how many seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Limit {
    id: Vec<u8>,
    most: i64,
    window: i64,
}

/// Who tries to sign in, as counters.
#[derive(Clone)]
pub(super) struct Attempt {
    /// Of the client and its networks, whichever accounts they try.
    client: Vec<Limit>,
    /// Of the same with this account, the narrowest network first.
    client_and_account: Vec<Limit>,
    /// Of the account, whose failures make it slow before they close it.
    account: Limit,
    /// For a day, of the client with this account, the narrowest network first, or of the account.
    day: Vec<Limit>,
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
        let attempt = Self::of(client, ["client and account", "account"], address, i64::MAX);
        let networks = client.map(Networks::of).unwrap_or_default(); // as above
        let day = |network: &str| id(&["client and account in a day", network, address]);
        Self { day: networks.limits(PER_CLIENT_AND_ACCOUNT_A_DAY, WIDE_WITH_ACCOUNT, DAY, day), ..attempt }
    }

    /// An attempt with a code of the second factor, counted for itself. Recovery codes are too long to be guessed, and are
    /// counted apart: they let the owner in while somebody who knows the password uses up the codes.
    pub(super) fn of_code(client: Option<IpAddr>, account: i64, is_recovery: bool) -> Self {
        let of = account.to_string();
        if is_recovery {
            return Self::of(
                client,
                ["recovery code of client and account", "recovery code of account"],
                &of,
                i64::MAX,
            );
        }
        let attempt = Self::of(client, ["code of client and account", "code of account"], &of, CODES_PER_ACCOUNT);
        Self { day: vec![codes_in_a_day(account)], ..attempt }
    }

    /// An attempt of somebody who is signed in to change the second factor. Whoever has only a session uses up no tries
    /// of a sign-in.
    pub(super) fn of_proof(client: Option<IpAddr>, account: i64) -> Self {
        let names = ["proof of client and account", "proof of account"];
        let attempt = Self::of(client, names, &account.to_string(), CODES_PER_ACCOUNT);
        Self { day: vec![proofs_in_a_day(account)], ..attempt }
    }

    fn of(client: Option<IpAddr>, [both, account]: [&str; 2], of: &str, most: i64) -> Self {
        let networks = client.map(Networks::of).unwrap_or_default(); // a Unix socket: all of them are one
        let client_and_account =
            networks.limits(PER_CLIENT_AND_ACCOUNT, WIDE_WITH_ACCOUNT, WINDOW, |network| id(&[both, network, of]));
        let client = networks.limits(PER_CLIENT, WIDE, WINDOW, |network| id(&["client", network]));
        let account = Limit { id: id(&[account, of]), most, window: WINDOW };
        Self { client, client_and_account, account, day: Vec::new() }
    }

    /// Counts it as a failure, before it is known whether it is one: so many at once cannot slip through.
    pub(super) fn count(&self, conn: &mut Conn, now: i64) -> QueryResult<Turn> {
        for limits in [&self.client, &self.client_and_account, &self.day] {
            if let Some(refused) = add_all(conn, limits, now)? {
                return Ok(refused);
            }
        }
        let (failures, expires_at) = add(conn, &self.account.id, self.account.window, now)?;
        if failures > self.account.most {
            one_less(conn, &self.day)?; // nothing was tried
            return Ok(refused(expires_at, now));
        }
        Ok(Turn::After(delay(failures)))
    }

    /// It was none: what the account's owner has failed is forgotten, but for the day, in which others may have tried.
    pub(super) fn forgive(&self, conn: &mut Conn) -> QueryResult<()> {
        self.take_back(conn)?;
        let own = &self.client_and_account[0].id;
        diesel::delete(foobar_sign_in_failures::table.find(own)).execute(conn).map(drop)
    }

    /// It has not been made, after all.
    pub(super) fn take_back(&self, conn: &mut Conn) -> QueryResult<()> {
        one_less(conn, self.client.iter().chain(&self.client_and_account).chain(&self.day).chain([&self.account])) // as `count`
    }
}

/// Whoever knew the password before has given the account another one: who tried codes with that has to guess this first,
/// and whoever had a session has none.
pub(super) fn forget_day(conn: &mut Conn, account: i64) -> QueryResult<()> {
    for Limit { id, .. } in [codes_in_a_day(account), proofs_in_a_day(account)] {
        diesel::delete(foobar_sign_in_failures::table.find(id)).execute(conn)?;
    }
    Ok(())
}

fn codes_in_a_day(account: i64) -> Limit {
    let id = id(&["code of account in a day", &account.to_string()]);
    Limit { id, most: CODES_PER_ACCOUNT_A_DAY, window: DAY }
}

fn proofs_in_a_day(account: i64) -> Limit {
    let id = id(&["proof of account in a day", &account.to_string()]);
    Limit { id, most: CODES_PER_ACCOUNT_A_DAY, window: DAY }
}

/// A hundredth of a second, and twice as long each time.
fn delay(failures: i64) -> Duration {
    let beyond = u32::try_from((failures - PER_ACCOUNT).clamp(0, 8)).expect("it is small");
    if beyond == 0 { Duration::ZERO } else { (Duration::from_millis(10) * 2_u32.pow(beyond)).min(SLOWEST) }
}

/// What a client is counted by. An address of version 6 is that of its /64: whoever has one has all of it. Many have a
/// /48 of them, so that counts as well.
#[derive(Default)]
struct Networks {
    narrow: String,
    wide: Option<String>,
}

impl Networks {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self { narrow: address.to_string(), wide: None },
            IpAddr::V6(address) => {
                let [narrow, wide] = [4, 3].map(|segments| format!("{:x?}", &address.segments()[..segments]));
                Self { narrow, wide: Some(wide) }
            }
        }
    }

    /// The counters of `id`; the wide one has `times` as many as `most`.
    fn limits(&self, most: i64, times: i64, window: i64, id: impl Fn(&str) -> Vec<u8>) -> Vec<Limit> {
        let wide = self.wide.iter().map(|wide| Limit { id: id(wide), most: most * times, window });
        [Limit { id: id(&self.narrow), most, window }].into_iter().chain(wide).collect()
    }
}

/// Counts one more of each, up to the one that has too many.
fn add_all(conn: &mut Conn, limits: &[Limit], now: i64) -> QueryResult<Option<Turn>> {
    for Limit { id, most, window } in limits {
        let (failures, expires_at) = add(conn, id, *window, now)?;
        if failures > *most {
            return Ok(Some(refused(expires_at, now)));
        }
    }
    Ok(None)
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
fn add(conn: &mut Conn, id: &Vec<u8>, window: i64, now: i64) -> QueryResult<(i64, i64)> {
    use foobar_sign_in_failures::{expires_at, failures, table};
    let ended = table.find(id).filter(expires_at.le(now));
    diesel::update(ended).set((failures.eq(0), expires_at.eq(now + window))).execute(conn)?;
    if one_more(conn, id)? == 0 {
        let row = (foobar_sign_in_failures::id.eq(id), failures.eq(1), expires_at.eq(now + window));
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

fn one_less<'a>(conn: &mut Conn, limits: impl IntoIterator<Item = &'a Limit>) -> QueryResult<()> {
    use foobar_sign_in_failures::{failures, table};
    for limit in limits {
        diesel::update(table.find(&limit.id)).set(failures.eq(failures - 1)).execute(conn)?;
    }
    Ok(())
}

/// Removes failures that count no more, at most `most`; how many.
pub(super) fn remove_expired(conn: &mut Conn, now: i64, most: usize) -> QueryResult<usize> {
    use foobar_sign_in_failures::{expires_at, id, table};
    let expired = table.filter(expires_at.le(now)).select(id).limit(most as i64);
    let expired: Vec<Vec<u8>> = expired.load(conn)?;
    remove_ended(conn, expired, now)
}

/// Removes those of them that count no more still: another failure may have begun one anew meanwhile.
pub(super) fn remove_ended(conn: &mut Conn, ids: Vec<Vec<u8>>, now: i64) -> QueryResult<usize> {
    use foobar_sign_in_failures::{expires_at, id, table};
    diesel::delete(table.filter(id.eq_any(ids)).filter(expires_at.le(now))).execute(conn)
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
        assert_ne!(client("2001:db8:1:2::1")[0], client("2001:db8:1:3::1")[0]);
        assert_eq!(client("2001:db8:1:2::1")[1], client("2001:db8:1:3::1")[1], "their /48");
        assert_ne!(client("2001:db8:1:2::1")[1], client("2001:db8:2:2::1")[1]);
        assert_eq!(client("10.0.0.1").len(), 1);
        assert_eq!(client("::ffff:10.0.0.1"), client("10.0.0.1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
    }
}
