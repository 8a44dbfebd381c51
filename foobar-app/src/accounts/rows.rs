//! The tables of accounts.

use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error::DatabaseError;
use foobar_db::{Conn, QueryResult};

use super::password::fingerprint;
use super::user::User;

diesel::table! {
    foobar_accounts (id) {
        id -> BigInt,
        address -> Text,
        hash -> Text,
        roles -> Text,
        confirmed -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    foobar_account_links (id) {
        id -> Binary,
        account_id -> BigInt,
        purpose -> Text,
        expires_at -> BigInt,
    }
}

/// What a link lets its owner do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Confirm,
    Reset,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Reset => "reset",
        }
    }
}

/// A user, and what is kept of the password.
pub(super) type Account = (User, String);

pub(super) type Row = (i64, String, String, bool, String);

pub(super) fn account((id, address, roles, confirmed, hash): Row) -> Account {
    let roles = roles.split_whitespace().map(str::to_owned).collect();
    let password = fingerprint(&hash);
    (User { id, address, roles, confirmed, password }, hash)
}

pub(super) fn by_id(conn: &mut Conn, id: i64) -> QueryResult<Option<Account>> {
    use foobar_accounts as column;
    let row = column::table.find(id);
    let row = row.select((column::id, column::address, column::roles, column::confirmed, column::hash));
    Ok(row.get_result(conn).optional()?.map(account)) // at each LIMIT ? SQLite would prepare it anew
}

/// Whether a user has the password still that the account had when the user was looked up. The row is locked until the
/// end of the transaction: written first, and read then.
pub(super) fn is_as_looked_up(conn: &mut Conn, user: &User) -> QueryResult<bool> {
    let row = foobar_accounts::table.find(user.id);
    diesel::update(row).set(foobar_accounts::hash.eq(foobar_accounts::hash)).execute(conn)?;
    Ok(by_id(conn, user.id)?.is_some_and(|(now, _)| now.password == user.password))
}

pub(super) fn by_address(conn: &mut Conn, address: &str) -> QueryResult<Option<Account>> {
    use foobar_accounts as column;
    let row = column::table.filter(column::address.eq(address));
    let row = row.select((column::id, column::address, column::roles, column::confirmed, column::hash));
    Ok(row.first(conn).optional()?.map(account))
}

/// `None` where the address has an account already.
pub(super) fn insert(conn: &mut Conn, address: &str, hash: &str, now: i64) -> QueryResult<Option<User>> {
    use foobar_accounts as column;
    let row = (
        column::address.eq(address),
        column::hash.eq(hash),
        column::roles.eq(""),
        column::confirmed.eq(false),
        column::created_at.eq(now),
    );
    match diesel::insert_into(column::table).values(row).execute(conn) {
        Err(DatabaseError(UniqueViolation, _)) => Ok(None),
        inserted => {
            inserted?;
            Ok(by_address(conn, address)?.map(|(user, _)| user))
        }
    }
}

pub(super) fn set_hash(conn: &mut Conn, id: i64, hash: &str) -> QueryResult<usize> {
    diesel::update(foobar_accounts::table.find(id)).set(foobar_accounts::hash.eq(hash)).execute(conn)
}

/// Whether `known` was still the account's, and is `hash` now: a change of the password may have been faster.
pub(super) fn replace_hash(conn: &mut Conn, id: i64, known: &str, hash: &str) -> QueryResult<bool> {
    let unchanged = foobar_accounts::table.find(id).filter(foobar_accounts::hash.eq(known));
    Ok(diesel::update(unchanged).set(foobar_accounts::hash.eq(hash)).execute(conn)? == 1)
}

/// The same for a hash of the same password; another sign-in may have renewed it.
pub(super) fn renew_hash(conn: &mut Conn, id: i64, known: &str, hash: &str) -> QueryResult<bool> {
    let is_renewed = |account: Account| fingerprint(&account.1) == fingerprint(known);
    Ok(replace_hash(conn, id, known, hash)? || by_id(conn, id)?.is_some_and(is_renewed))
}

pub(super) fn set_roles(conn: &mut Conn, id: i64, roles: &str) -> QueryResult<usize> {
    diesel::update(foobar_accounts::table.find(id)).set(foobar_accounts::roles.eq(roles)).execute(conn)
}

/// A link that may be used once, until it expires.
pub(super) fn insert_link(
    conn: &mut Conn,
    id: &Vec<u8>,
    account: i64,
    purpose: Purpose,
    expires: i64,
) -> QueryResult<usize> {
    use foobar_account_links as column;
    let row = (
        column::id.eq(id),
        column::account_id.eq(account),
        column::purpose.eq(purpose.as_str()),
        column::expires_at.eq(expires),
    );
    diesel::insert_into(column::table).values(row).execute(conn)
}

/// Whose link it is, and `None` where it is none, has expired or been used.
pub(super) fn find_link(conn: &mut Conn, id: &Vec<u8>, purpose: Purpose, now: i64) -> QueryResult<Option<i64>> {
    use foobar_account_links as column;
    let alive = column::table.find(id).filter(column::purpose.eq(purpose.as_str())).filter(column::expires_at.gt(now));
    alive.select(column::account_id).first(conn).optional()
}

/// Uses a link up that [is one](find_link).
pub(super) fn take_link(conn: &mut Conn, id: &Vec<u8>, purpose: Purpose, now: i64) -> QueryResult<Option<i64>> {
    let Some(account) = find_link(conn, id, purpose, now)? else { return Ok(None) };
    let used = diesel::delete(foobar_account_links::table.find(id)).execute(conn)?; // of two at once, one removes it
    Ok((used == 1).then_some(account))
}

/// Confirms the address of an account.
pub(super) fn confirm(conn: &mut Conn, account: i64) -> QueryResult<Option<User>> {
    diesel::update(foobar_accounts::table.find(account)).set(foobar_accounts::confirmed.eq(true)).execute(conn)?;
    Ok(by_id(conn, account)?.map(|(user, _)| user))
}

/// Makes all links of an account worthless.
pub(super) fn remove_links(conn: &mut Conn, account: i64) -> QueryResult<usize> {
    let own = foobar_account_links::table.filter(foobar_account_links::account_id.eq(account));
    diesel::delete(own).execute(conn)
}

/// Removes links that have expired, at most `most`; how many.
pub(super) fn remove_expired_links(conn: &mut Conn, now: i64, most: usize) -> QueryResult<usize> {
    use foobar_account_links::{expires_at, id, table};
    let expired = table.filter(expires_at.le(now)).select(id).limit(most as i64);
    let expired: Vec<Vec<u8>> = expired.load(conn)?;
    diesel::delete(table.filter(id.eq_any(expired))).execute(conn)
}
