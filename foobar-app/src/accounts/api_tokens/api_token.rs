/// A token that a user's programs have, as it is listed: [`Accounts::tokens`](crate::Accounts::tokens). Times are seconds
/// since 1970, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiToken {
    /// By which it is [revoked](crate::Accounts::revoke_token).
    pub id: i64,
    /// What its user calls it.
    pub name: String,
    /// When it was made.
    pub created: i64,
    /// When it was used last, to about five minutes; `None` if it never was.
    pub last_used: Option<i64>,
    /// When it ends; `None` if it does not.
    pub expires: Option<i64>,
}
