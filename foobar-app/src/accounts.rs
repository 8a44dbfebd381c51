//! Accounts: who may sign in, and by what.

mod address;
mod api_tokens;
mod attempts;
mod links;
mod mailer;
mod next;
mod no_accounts;
mod options;
mod password;
mod rows;
mod second_factor;
mod throttle;
mod throttled;
mod user;

use std::net::IpAddr;
use std::sync::{Arc, RwLock};

use actix_web::http::StatusCode;
use foobar_core::BoxError;
use foobar_db::{Conn, Migrations, QueryResult, embed_migrations};

use crate::clock::now;
use crate::session::{SessionSettings, delete_of_user};
use crate::tasks::Tasks;
use crate::{Db, Error, Session};
use address::Address;
use api_tokens::rows as token_rows;
use password::Hasher;
use second_factor::Vault;
use second_factor::rows as second_factors;
use throttle::{Attempt, Costly};

pub use api_tokens::{ApiToken, ApiUser};
pub use mailer::{FileMailer, Mail, Mailer};
pub use next::local_path;
pub use no_accounts::NoAccounts;
pub use options::AccountOptions;
pub use second_factor::TotpEnrolment;
pub(crate) use second_factor::{base32, totp};
pub use user::User;

/// The accounts of an application: an argument of a handler, and [`Context::accounts`](crate::Context::accounts)
/// elsewhere. The application says that it has them: [`App::accounts`](crate::App::accounts).
#[derive(Clone)]
pub struct Accounts {
    db: Db,
    shared: Arc<Shared>,
    /// The client that asks.
    client: Option<IpAddr>,
}

struct Shared {
    hasher: Hasher,
    vault: RwLock<Arc<Vault>>,
    options: AccountOptions,
    /// Whether sessions are rows of the same database.
    has_session_rows: bool,
    tasks: Arc<Tasks>,
}

/// Why something is not done that somebody wants of an account: which field of a form is wrong, and how, for
/// [`Form::add_error`](crate::Form).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `"address"`, `"password"`, `"old_password"`, `"code"`, `"name"` or `"token"`.
    pub field: &'static str,
    /// Words that stand behind its name: `"is taken"`.
    pub problem: &'static str,
}

impl Refusal {
    /// Whether the password was right and a code is to follow: lead the visitor to a page that asks for it, and
    /// [finish the sign-in](Accounts::finish_sign_in) there.
    pub fn needs_code(&self) -> bool {
        *self == CODE_NEEDED
    }

    /// Whether the link is one of an account that the visitor is not signed in to: lead to the sign-in page, and
    /// [confirm](Accounts::confirm) afterwards.
    pub fn needs_sign_in(&self) -> bool {
        *self == SIGN_IN_FIRST
    }
}

/// How many expired rows one transaction removes.
const BATCH: usize = 500;
impl Accounts {
    pub(crate) fn new(db: Db, options: AccountOptions, sessions: (&SessionSettings, bool), tasks: Arc<Tasks>) -> Self {
        let (SessionSettings { keys, .. }, has_session_rows) = sessions;
        if options.has_weak_hashes() {
            tracing::warn!("passwords are hashed at the least cost, which is for tests alone");
        }
        let vault = RwLock::new(Vault::new(keys).into());
        let shared = Shared { hasher: Hasher::new(options.hash_cost()), vault, options, has_session_rows, tasks };
        Self { db, shared: Arc::new(shared), client: None }
    }

    pub(crate) fn migrations() -> Migrations {
        Migrations::none()
            .sqlite(embed_migrations!("migrations/accounts/sqlite"))
            .mysql(embed_migrations!("migrations/accounts/mysql"))
    }

    /// Makes an account. It may be used at once; whether its address is confirmed, the user says.
    ///
    /// A client that does so 50 times within a quarter of an hour gets 429 then.
    pub async fn register(&self, address: &str, password: &str) -> Result<Result<User, Refusal>, Error> {
        let Some(address) = Address::parse(address) else { return Ok(Err(NO_ADDRESS)) };
        if let Some(problem) = password::problem(password) {
            return Ok(Err(Refusal { field: "password", problem }));
        }
        self.count(Costly::Register).await?;
        let hash = self.hash(password).await?;
        let inserted = self.db.write(move |conn| rows::insert(conn, address.as_str(), &hash, now())).await?;
        Ok(inserted.ok_or(Refusal { field: "address", problem: "has an account already" }))
    }

    /// The account of this address with these roles, made where there is none; without a password, which its owner gets
    /// by [`send_reset`](Self::send_reset). For the first administrator, and for tests.
    ///
    /// Whoever has registered the address and not [confirmed](Self::confirm) it may be somebody else: the roles are given
    /// to its owner, so that password, second factor, tokens, the links that were sent and the sessions are worthless from then on.
    ///
    /// ```
    /// # mod foobar { pub use {foobar_app::{*, actix_web::web}, foobar_core::BoxError}; }
    /// use foobar::{AccountOptions, App, BoxError, Context, Sessions, web};
    ///
    /// struct Shop;
    ///
    /// impl App for Shop {
    ///     fn routes(&self, _routes: &mut web::ServiceConfig) {}
    ///
    ///     fn sessions(&self) -> Sessions {
    ///         Sessions::in_database()
    ///     }
    ///
    ///     fn accounts(&self) -> Option<AccountOptions> {
    ///         Some(AccountOptions::new("/sign-in"))
    ///     }
    ///
    ///     async fn start(&self, context: &Context) -> Result<(), BoxError> {
    ///         let owner = context.accounts()?.add("owner@shop.test", &["admin"]).await?;
    ///         owner.map_err(|refusal| format!("the {} {}", refusal.field, refusal.problem))?;
    ///         Ok(())
    ///     }
    /// }
    /// ```
    pub async fn add(&self, address: &str, roles: &[&str]) -> Result<Result<User, Refusal>, Error> {
        let Some(address) = Address::parse(address) else { return Ok(Err(NO_ADDRESS)) };
        let roles = joined(roles)?;
        let has_session_rows = self.shared.has_session_rows;
        let added = self.db.write(move |conn| {
            let Some((user, _)) = insert_or_find(conn, &address)? else { return Ok(None) };
            if !user.confirmed {
                disown(conn, user.id, has_session_rows)?;
            }
            rows::set_roles(conn, user.id, &roles)?;
            Ok(rows::by_id(conn, user.id)?.map(|(user, _)| user))
        });
        Ok(added.await?.ok_or(NO_ADDRESS))
    }

    /// The same, whoever has registered the address: for tests, which are strangers to nobody.
    pub(crate) async fn add_as_it_is(&self, address: &str, roles: &[&str]) -> Result<Result<User, Refusal>, Error> {
        let Some(address) = Address::parse(address) else { return Ok(Err(NO_ADDRESS)) };
        let roles = joined(roles)?;
        let added = self.db.write(move |conn| {
            let Some((user, _)) = insert_or_find(conn, &address)? else { return Ok(None) };
            rows::set_roles(conn, user.id, &roles)?;
            Ok(rows::by_id(conn, user.id)?.map(|(user, _)| user))
        });
        Ok(added.await?.ok_or(NO_ADDRESS))
    }

    /// Signs a visitor in: from then on a handler has the [`User`]. The session goes on under a new token, and is kept in the
    /// transaction that takes the sign-in, where sessions are in the database.
    ///
    /// A wrong password and an unknown address take the same time and get the same words. Who fails too often gets 429
    /// with `Retry-After`: 5 times within a quarter of an hour with one account, 40 times within a day, or 50 times within a
    /// quarter of an hour with any. Of all clients together an account is only slowed down, to two seconds for each attempt, so nobody can lock another out.
    ///
    /// ```
    /// # mod foobar { pub use foobar_app::{*, actix_web::web}; }
    /// use foobar::actix_web::HttpResponse;
    /// use foobar::actix_web::http::header::LOCATION;
    /// use foobar::{Accounts, Error, Session, local_path, web};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Credentials {
    ///     address: String,
    ///     password: String,
    ///     next: Option<String>, // a hidden field of the page: the `next` of its query
    /// }
    ///
    /// async fn sign_in(accounts: Accounts, session: Session, form: web::Form<Credentials>) -> Result<HttpResponse, Error> {
    ///     let next = form.next.as_deref().and_then(local_path).unwrap_or("/account"); // never another site
    ///     match accounts.sign_in(&session, &form.address, &form.password).await? {
    ///         Ok(_user) => Ok(HttpResponse::SeeOther().insert_header((LOCATION, next)).finish()),
    ///         Err(refusal) => Err(Error::unprocessable(format!("The {} {}.", refusal.field, refusal.problem))),
    ///     }
    /// }
    /// ```
    ///
    /// Of a user with a [second factor](Self::enrol_totp) the refusal [needs a code](Refusal::needs_code): nobody is
    /// signed in until [`finish_sign_in`](Self::finish_sign_in) has had one.
    pub async fn sign_in(
        &self,
        session: &Session,
        address: &str,
        password: &str,
    ) -> Result<Result<User, Refusal>, Error> {
        let address = address.trim().to_lowercase();
        let attempt = Attempt::new(self.client, &address);
        self.attempt(&attempt, self.sign_in_by(session, address, password, &attempt)).await
    }

    /// Signs out, and forgets all of the session.
    pub fn sign_out(&self, session: &Session) {
        session.purge();
    }

    /// Signs a user out everywhere: ends all sessions, that of the request too, and revokes the user's
    /// [tokens](Self::create_token), in one transaction where sessions are in the database.
    ///
    /// Where they are kept elsewhere, the other sessions end first, and where they cannot, as of sessions in
    /// [cookies](crate::Sessions::in_cookie), it is an error before anything is done.
    pub async fn sign_out_everywhere(&self, session: &Session, user: &User) -> Result<(), Error> {
        let (id, has_session_rows) = (user.id, self.shared.has_session_rows);
        if !has_session_rows {
            session.end_others_of(id).await?;
        }
        let ended = session.draft(Session::purge).await;
        let draft = ended.clone();
        let end = move |conn: &mut Conn| {
            if has_session_rows {
                delete_of_user(conn, id, &Vec::new())?; // first: a session could make another token
            }
            token_rows::remove_all(conn, id)?;
            draft.write(conn)
        };
        session.write_with(&self.db, end, |session, updated| session.adopt(ended, updated)).await
    }

    /// Gives a user another password, who knows the old one, ends the user's other sessions, and revokes the user's
    /// [tokens](Self::create_token).
    ///
    /// Sessions that are [kept in cookies](crate::Sessions::in_cookie) are no longer the [`User`]'s who has signed in,
    /// though [`Session::user`] has the id until they expire.
    pub async fn change_password(
        &self,
        session: &Session,
        user: &User,
        old: &str,
        new: &str,
    ) -> Result<Result<(), Refusal>, Error> {
        if let Some(problem) = password::problem(new) {
            return Ok(Err(Refusal { field: "password", problem }));
        }
        let attempt = Attempt::new(self.client, &user.address);
        self.attempt(&attempt, self.replace_password(session, user, old, new, &attempt)).await
    }

    /// Gives a user these roles, in place of those before. They count from the next request on. Each session of the
    /// user that began with a sign-in goes on under a new token from its next form on.
    ///
    /// A role is one word; an error if one is not.
    pub async fn set_roles(&self, user: &User, roles: &[&str]) -> Result<(), Error> {
        let (id, roles) = (user.id, joined(roles)?);
        self.db.write(move |conn| rows::set_roles(conn, id, &roles)).await?;
        Ok(())
    }

    /// The user of this id.
    pub async fn find(&self, id: i64) -> Result<Option<User>, Error> {
        let found = self.db.read(move |conn| rows::by_id(conn, id)).await?;
        Ok(found.map(|(user, _)| user))
    }

    /// Who is signed in, by the password that the account has now; whether the session may go on under a new token.
    pub(crate) async fn signed_in(&self, session: &Session, may_renew: bool) -> Result<Option<User>, Error> {
        let Some(id) = session.user() else { return Ok(None) };
        let found = self.db.read(move |conn| second_factors::with_rights(conn, id)).await?;
        let goes_with = |(user, rights): &(User, String)| session.goes_with(&user.password, rights, may_renew);
        Ok(found.filter(goes_with).map(|(user, _)| user))
    }

    /// Forgets links and tokens that have expired, and failures that count no more, and follows a change of keys, in
    /// batches.
    pub(crate) async fn clear(&self) -> Result<(), BoxError> {
        while self.db.write(|conn| rows::remove_expired_links(conn, now(), BATCH)).await? == BATCH {}
        while self.db.write(|conn| throttle::remove_expired(conn, now(), BATCH)).await? == BATCH {}
        let now = self.options().now();
        while self.db.write(move |conn| token_rows::remove_expired(conn, now, BATCH)).await? == BATCH {}
        self.reseal().await
    }

    pub(crate) fn options(&self) -> &AccountOptions {
        &self.shared.options
    }

    pub(crate) fn of_client(&self, client: Option<IpAddr>) -> Self {
        Self { client, ..self.clone() }
    }
}

/// The account of an address, made without a password where there is none.
fn insert_or_find(conn: &mut Conn, address: &Address) -> QueryResult<Option<rows::Account>> {
    rows::insert(conn, address.as_str(), &password::none(), now())?;
    rows::by_address(conn, address.as_str())
}

/// Takes an account from whoever has it so far.
fn disown(conn: &mut Conn, account: i64, has_session_rows: bool) -> QueryResult<()> {
    rows::set_hash(conn, account, &password::none())?;
    rows::remove_links(conn, account)?;
    second_factors::remove(conn, account)?;
    token_rows::remove_all(conn, account)?;
    if has_session_rows {
        delete_of_user(conn, account, &Vec::new())?; // no session has an empty id
    }
    Ok(())
}

/// As the column has them.
fn joined(roles: &[&str]) -> Result<String, Error> {
    if roles.iter().any(|role| role.is_empty() || role.contains(char::is_whitespace)) {
        return Err(Error::internal(format!("a role is one word, and these are not: {roles:?}")));
    }
    Ok(roles.join(" "))
}

const NO_ADDRESS: Refusal = Refusal { field: "address", problem: "is not an address that a mail can be sent to" };
const WRONG_OLD: Refusal = Refusal { field: "old_password", problem: "is wrong" };
const CODE_NEEDED: Refusal = Refusal { field: "code", problem: "of your authenticator app is needed" };
const SIGN_IN_FIRST: Refusal =
    Refusal { field: "token", problem: "is of an account that you are not signed in to: sign in first" };
const WRONG: Refusal = Refusal { field: "password", problem: "or address is wrong" };

/// Of a [`User`] that was looked up before the password changed: what the session was is nobody's now.
fn outdated() -> Error {
    Error::new(StatusCode::UNAUTHORIZED, "Your password has changed. Sign in again.")
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests;
