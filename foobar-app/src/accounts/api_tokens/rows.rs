//! The table of tokens.

use diesel::prelude::*;
use foobar_db::{Conn, QueryResult};

use super::api_token::ApiToken;

diesel::table! {
    foobar_api_tokens (id) {
        id -> BigInt,
        hash -> Binary,
        account_id -> BigInt,
        name -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
    }
}

type Row = (i64, String, i64, Option<i64>, Option<i64>);

fn token((id, name, created, last_used, expires): Row) -> ApiToken {
    ApiToken { id, name, created, last_used, expires }
}

/// `false` where the account has `most` already.
pub(super) fn insert(conn: &mut Conn, account: i64, hash: &Vec<u8>, new: &ApiToken, most: i64) -> QueryResult<bool> {
    use foobar_api_tokens as column;
    let own = column::table.filter(column::account_id.eq(account));
    if own.count().get_result::<i64>(conn)? >= most {
        return Ok(false);
    }
    let row = (
        column::hash.eq(hash),
        column::account_id.eq(account),
        column::name.eq(&new.name),
        column::created_at.eq(new.created),
        column::expires_at.eq(new.expires),
    );
    diesel::insert_into(column::table).values(row).execute(conn).map(|_| true)
}

/// The token of this hash, and whose it is; `None` where it is none, or has expired.
pub(super) fn find(conn: &mut Conn, hash: &Vec<u8>, now: i64) -> QueryResult<Option<(i64, ApiToken)>> {
    use foobar_api_tokens as column;
    let alive = column::table.filter(column::hash.eq(hash));
    let alive = alive.filter(column::expires_at.is_null().or(column::expires_at.gt(now)));
    let columns = (column::id, column::name, column::created_at, column::last_used_at, column::expires_at);
    let found: Option<(i64, Row)> = alive.select((column::account_id, columns)).get_result(conn).optional()?;
    Ok(found.map(|(account, row)| (account, token(row))))
}

pub(super) fn touch(conn: &mut Conn, id: i64, now: i64) -> QueryResult<usize> {
    use foobar_api_tokens as column;
    diesel::update(column::table.find(id)).set(column::last_used_at.eq(now)).execute(conn)
}

/// The tokens of an account, the newest first.
pub(super) fn of_account(conn: &mut Conn, account: i64) -> QueryResult<Vec<ApiToken>> {
    use foobar_api_tokens as column;
    let own = column::table.filter(column::account_id.eq(account)).order(column::id.desc());
    let columns = (column::id, column::name, column::created_at, column::last_used_at, column::expires_at);
    let rows: Vec<Row> = own.select(columns).load(conn)?;
    Ok(rows.into_iter().map(token).collect())
}

/// `false` where the account has no such token.
pub(super) fn remove(conn: &mut Conn, account: i64, id: i64) -> QueryResult<bool> {
    use foobar_api_tokens as column;
    let own = column::table.find(id).filter(column::account_id.eq(account));
    Ok(diesel::delete(own).execute(conn)? == 1)
}

pub(in crate::accounts) fn remove_all(conn: &mut Conn, account: i64) -> QueryResult<usize> {
    use foobar_api_tokens as column;
    diesel::delete(column::table.filter(column::account_id.eq(account))).execute(conn)
}

/// Removes tokens that have expired, at most `most`; how many.
pub(in crate::accounts) fn remove_expired(conn: &mut Conn, now: i64, most: usize) -> QueryResult<usize> {
    use foobar_api_tokens::{expires_at, id, table};
    let expired: Vec<i64> = table.filter(expires_at.le(now)).select(id).limit(most as i64).load(conn)?;
    diesel::delete(table.filter(id.eq_any(expired))).execute(conn)
}
