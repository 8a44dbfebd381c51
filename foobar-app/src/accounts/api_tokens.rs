//! Tokens by which a user's programs act for the user.

mod api_token;
pub(super) mod rows;
mod text;

use std::time::Duration;

use super::{Accounts, Refusal, User};
use crate::Error;

pub use api_token::ApiToken;

/// For whom a program acts: an argument of a handler, by the token of its `Authorization: Bearer` (RFC 6750). The user has
/// made the token: [`Accounts::create_token`].
///
/// A request without a token, with one that is unknown, revoked or expired, or with two gets 401 with
/// `WWW-Authenticate: Bearer`. A cookie is not looked at.
///
/// It is a type of its own, and a token is no [`User`]: a program reaches only what a handler offers to programs. Were a
/// token as good as a session, one that has leaked could change the password, or make another token.
///
/// ```
/// # use foobar_app as foobar;
/// use foobar::{ApiUser, Error};
///
/// async fn orders(api: ApiUser) -> Result<String, Error> {
///     api.user.require("buyer")?; // a token may do what its user may
///     Ok(format!("The orders of {}", api.user.address))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiUser {
    /// Who has made the token.
    pub user: User,
    /// The token.
    pub token: ApiToken,
}

/// How often the time of the last use is written at most, in seconds.
const TOUCH: i64 = 5 * 60;
/// How many tokens an account may have.
const MOST: i64 = 100;
/// How many characters a name may have.
const NAME: usize = 100;

const NO_NAME: Refusal = Refusal { field: "name", problem: "is missing" };
const LONG_NAME: Refusal = Refusal { field: "name", problem: "has more than 100 characters" };
const TOO_MANY: Refusal =
    Refusal { field: "name", problem: "cannot be added: you have 100 tokens, so revoke one first" };

impl Accounts {
    /// Makes a token by which a program acts for a user, as an [`ApiUser`]; show it, since only its SHA-256 is kept. It is
    /// `foobar_` and 43 characters. `name` is for the user to know it by, of 100 characters at most; `life` is how long it
    /// works, and `None` for ever.
    ///
    /// A new password, also one by a link, revokes all tokens of the user. Sign-out and
    /// [`Session::end_others_of`](crate::Session::end_others_of) revoke none: [`revoke_all_tokens`](Self::revoke_all_tokens)
    /// and [`sign_out_everywhere`](Self::sign_out_everywhere) do. 401 where the user has got another password since the
    /// [`User`] was looked up.
    pub async fn create_token(
        &self,
        user: &User,
        name: &str,
        life: Option<Duration>,
    ) -> Result<Result<String, Refusal>, Error> {
        if name.trim().is_empty() {
            return Ok(Err(NO_NAME));
        }
        if name.chars().count() > NAME {
            return Ok(Err(LONG_NAME));
        }
        let created = self.options().now();
        let seconds = |life: Duration| i64::try_from(life.as_secs()).unwrap_or(i64::MAX); // longer than anyone waits
        let expires = life.map(|life| created.saturating_add(seconds(life)));
        let new = ApiToken { id: 0, name: name.to_owned(), created, last_used: None, expires };
        let (token, hash) = text::generate();
        let user = user.clone();
        let inserted = self.db.write(move |conn| match super::rows::is_as_looked_up(conn, &user)? {
            true => rows::insert(conn, user.id, &hash, &new, MOST).map(Some),
            false => Ok(None),
        });
        let inserted = inserted.await?.ok_or_else(super::outdated)?;
        Ok(if inserted { Ok(token) } else { Err(TOO_MANY) })
    }

    /// The tokens of a user, the newest first.
    pub async fn tokens(&self, user: &User) -> Result<Vec<ApiToken>, Error> {
        let account = user.id;
        Ok(self.db.read(move |conn| rows::of_account(conn, account)).await?)
    }

    /// Revokes a token of a user, at once; `false` where the user has no such token.
    pub async fn revoke_token(&self, user: &User, id: i64) -> Result<bool, Error> {
        let account = user.id;
        Ok(self.db.write(move |conn| rows::remove(conn, account, id)).await?)
    }

    /// Revokes all tokens of a user, at once.
    pub async fn revoke_all_tokens(&self, user: &User) -> Result<(), Error> {
        let account = user.id;
        self.db.write(move |conn| rows::remove_all(conn, account)).await?;
        Ok(())
    }

    /// Whose token it is; `None` of one that is unknown, revoked or expired.
    pub(crate) async fn by_token(&self, token: &str) -> Result<Option<ApiUser>, Error> {
        let Some(hash) = text::hash(token) else { return Ok(None) };
        let now = self.options().now();
        let found = self.db.read(move |conn| {
            let Some((account, token)) = rows::find(conn, &hash, now)? else { return Ok(None) };
            Ok(super::rows::by_id(conn, account)?.map(|(user, _)| ApiUser { user, token }))
        });
        let Some(found) = found.await? else { return Ok(None) };
        let id = found.token.id;
        if found.token.last_used.is_none_or(|last| now - last >= TOUCH) {
            self.db.write(move |conn| rows::touch(conn, id, now)).await?;
        }
        Ok(Some(found))
    }
}
