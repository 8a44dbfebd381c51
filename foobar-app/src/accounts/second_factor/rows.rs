//! The tables of second factors.

use std::fmt;

use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error::DatabaseError;
use foobar_db::{Conn, QueryResult};

use crate::accounts::rows::{Row, account as account_of, foobar_accounts};
use crate::accounts::user::User;

diesel::table! {
    foobar_second_factors (account_id) {
        account_id -> BigInt,
        secret -> Binary,
        sealed_by -> Text,
        active -> Bool,
        last_step -> BigInt,
    }
}

diesel::table! {
    foobar_recovery_codes (id) {
        id -> Binary,
        account_id -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(foobar_accounts, foobar_second_factors);

/// The user of this id, and the [rights](User::rights).
pub(in crate::accounts) fn with_rights(conn: &mut Conn, id: i64) -> QueryResult<Option<(User, String)>> {
    use foobar_accounts as column;
    let factor = foobar_second_factors::table.on(foobar_second_factors::account_id.eq(column::id));
    let row = column::table.left_join(factor).filter(column::id.eq(id));
    let account = (column::id, column::address, column::roles, column::confirmed, column::hash);
    let row = row.select((account, foobar_second_factors::active.nullable()));
    let found: Option<(Row, Option<bool>)> = row.get_result(conn).optional()?;
    Ok(found.map(|(row, is_active)| {
        let (user, _hash) = account_of(row);
        let rights = user.rights(is_active.unwrap_or_default()); // there is no second factor
        (user, rights)
    }))
}

/// The secret of an account as it is kept.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = foobar_second_factors)]
pub(in crate::accounts) struct Kept {
    pub(in crate::accounts) account_id: i64,
    pub(in crate::accounts) secret: Vec<u8>,
    /// The name of the key, or nothing.
    pub(in crate::accounts) sealed_by: String,
    /// Whether a first code of it was right.
    pub(in crate::accounts) active: bool,
}

/// Without a key the secret is kept as it is.
impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

pub(in crate::accounts) fn find(conn: &mut Conn, account: i64) -> QueryResult<Option<Kept>> {
    foobar_second_factors::table.find(account).select(Kept::as_select()).first(conn).optional()
}

pub(in crate::accounts) fn is_active(conn: &mut Conn, account: i64) -> QueryResult<bool> {
    Ok(find(conn, account)?.is_some_and(|kept| kept.active))
}

/// Keeps a secret that is not active yet, in place of another such; `false` where one is active.
pub(in crate::accounts) fn begin(conn: &mut Conn, kept: &Kept) -> QueryResult<bool> {
    use foobar_second_factors as column;
    remove_begun(conn, kept.account_id)?;
    let row = (
        column::account_id.eq(kept.account_id),
        column::secret.eq(&kept.secret),
        column::sealed_by.eq(&kept.sealed_by),
        column::active.eq(false),
        column::last_step.eq(0),
    );
    match diesel::insert_into(column::table).values(row).execute(conn) {
        Err(DatabaseError(UniqueViolation, _)) => Ok(false),
        inserted => inserted.map(|_| true),
    }
}

/// Forgets a secret that is not active yet.
pub(in crate::accounts) fn remove_begun(conn: &mut Conn, account: i64) -> QueryResult<usize> {
    use foobar_second_factors as column;
    diesel::delete(column::table.find(account).filter(column::active.eq(false))).execute(conn)
}

/// Makes this very secret the account's second factor by its first code; `false` where it is not there any more.
pub(super) fn activate(conn: &mut Conn, kept: &Kept, step: i64) -> QueryResult<bool> {
    use foobar_second_factors as column;
    let begun = column::table.find(kept.account_id).filter(column::active.eq(false));
    let begun = begun.filter(column::secret.eq(&kept.secret));
    let activated = diesel::update(begun).set((column::active.eq(true), column::last_step.eq(step))).execute(conn)?;
    Ok(activated == 1)
}

/// Uses the code of a step up, and those before it; `false` where that has been done.
pub(super) fn use_step(conn: &mut Conn, account: i64, step: i64) -> QueryResult<bool> {
    use foobar_second_factors as column;
    let unused = column::table.find(account).filter(column::active).filter(column::last_step.lt(step));
    Ok(diesel::update(unused).set(column::last_step.eq(step)).execute(conn)? == 1)
}

/// Uses a recovery code up; `false` where it is none, or was used.
pub(super) fn use_recovery_code(conn: &mut Conn, account: i64, id: &Vec<u8>) -> QueryResult<bool> {
    use foobar_recovery_codes as column;
    let own = column::table.find(id).filter(column::account_id.eq(account));
    Ok(diesel::delete(own).execute(conn)? == 1)
}

/// Gives an account these recovery codes in place of those before.
pub(super) fn set_recovery_codes(conn: &mut Conn, account: i64, ids: &[Vec<u8>]) -> QueryResult<()> {
    use foobar_recovery_codes as column;
    diesel::delete(column::table.filter(column::account_id.eq(account))).execute(conn)?;
    for id in ids {
        let row = (column::id.eq(id), column::account_id.eq(account));
        diesel::insert_into(column::table).values(row).execute(conn)?;
    }
    Ok(())
}

pub(super) fn recovery_codes(conn: &mut Conn, account: i64) -> QueryResult<i64> {
    use foobar_recovery_codes as column;
    column::table.filter(column::account_id.eq(account)).count().get_result(conn)
}

/// Removes secret and recovery codes of an account.
pub(in crate::accounts) fn remove(conn: &mut Conn, account: i64) -> QueryResult<()> {
    set_recovery_codes(conn, account, &[])?;
    diesel::delete(foobar_second_factors::table.find(account)).execute(conn)?;
    Ok(())
}

/// Secrets that were sealed by these keys, of accounts `after` this one, at most `most`.
pub(super) fn sealed_by(conn: &mut Conn, keys: &[String], after: i64, most: usize) -> QueryResult<Vec<Kept>> {
    use foobar_second_factors as column;
    let old = column::table.filter(column::sealed_by.eq_any(keys)).filter(column::account_id.gt(after));
    let old = old.order(column::account_id).limit(most as i64);
    old.select(Kept::as_select()).load(conn)
}

/// Keeps the same secret under another key, unless it is another one meanwhile.
pub(super) fn reseal(conn: &mut Conn, old: &Kept, new: &Kept) -> QueryResult<usize> {
    use foobar_second_factors as column;
    let same = column::table.find(old.account_id).filter(column::secret.eq(&old.secret));
    diesel::update(same).set((column::secret.eq(&new.secret), column::sealed_by.eq(&new.sealed_by))).execute(conn)
}
