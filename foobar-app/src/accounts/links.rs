//! Links that confirm an address, and those for a new password.

use foobar_core::{BoxError, Chain};
use foobar_db::{Conn, QueryResult};

use super::api_tokens::rows as token_rows;
use super::rows::{self, Purpose};
use super::second_factor::rows as second_factors;
use super::throttle::{self, Costly};
use super::{Accounts, Mail, Refusal, SIGN_IN_FIRST, User, password};
use crate::clock::now;
use crate::session::{delete_of_user, of_store, token};
use crate::{Error, Session};

/// How long a link to confirm an address may be used, in seconds.
const CONFIRM: i64 = 3 * 24 * 3600;
/// How long a link for a new password may be used.
const RESET: i64 = 3600;

const NO_LINK: Refusal = Refusal { field: "token", problem: "has been used, or is too old: ask for another link" };

impl Accounts {
    /// Sends a user a link by which the address is confirmed: `link` with a token for its `{}`, such as
    /// `https://shop.test/confirm?token={}`. It may be used once, within three days.
    ///
    /// An address is sent five messages within a quarter of an hour, whoever asks for them; nothing more is sent then, and
    /// the answer is `false`. A `link` without `{}` is an error, and nothing is sent.
    pub async fn send_confirmation(&self, user: &User, link: &str) -> Result<bool, Error> {
        has_place(link)?;
        let sent = self.send_link(user, Purpose::Confirm, CONFIRM, "Confirm your address", link);
        sent.await.map_err(of_store)
    }

    /// Confirms the address that a link was sent to, for whoever is signed in to its account; whose it is.
    ///
    /// Nobody else: a stranger may have registered the address, and its owner, who has only the link, would vouch for a
    /// password that the stranger knows. Where the refusal [needs a sign-in](Refusal::needs_sign_in), lead to the sign-in
    /// page and come back; the link has not been used up.
    pub async fn confirm(&self, session: &Session, token: &str) -> Result<Result<User, Refusal>, Error> {
        let Some(id) = token::hash(token) else { return Ok(Err(NO_LINK)) };
        let user = self.signed_in(session, false).await?;
        let confirmed = self.db.write(move |conn| {
            let now_signed_in = match &user {
                Some(user) => rows::is_as_looked_up(conn, user)?.then_some(user.id), // first: it locks the row
                None => None,
            };
            let Some(account) = rows::find_link(conn, &id, Purpose::Confirm, now())? else { return Ok(Err(NO_LINK)) };
            if now_signed_in != Some(account) {
                return Ok(Err(SIGN_IN_FIRST));
            }
            if rows::take_link(conn, &id, Purpose::Confirm, now())?.is_none() {
                return Ok(Err(NO_LINK)); // another request was faster
            }
            Ok(rows::confirm(conn, account)?.ok_or(NO_LINK))
        });
        Ok(confirmed.await?)
    }

    /// Sends the owner of an address a link for a new password, as [`send_confirmation`](Self::send_confirmation) does;
    /// it may be used once, within an hour. Nothing is sent where there is no such account, and the caller does not
    /// learn which: it is looked up and sent [in the background](crate::Context::spawn), and what fails there is logged.
    /// Answer the same in both cases.
    ///
    /// A client that asks 50 times within a quarter of an hour gets 429 then. A `link` without `{}` is an error.
    ///
    /// # Panics
    ///
    /// Before the server has begun to start.
    pub async fn send_reset(&self, address: &str, link: &str) -> Result<(), Error> {
        has_place(link)?;
        self.count(Costly::SendReset).await?;
        let (accounts, address, link) = (self.clone(), address.trim().to_lowercase(), link.to_owned());
        self.shared.tasks.spawn(async move {
            if let Err(error) = accounts.send_reset_now(address, &link).await {
                tracing::error!("{}", Chain(&*error).after("a link for a new password was not sent"));
            }
        });
        Ok(())
    }

    /// Sets the password of whom a link was sent to, confirms the address, and ends all of the user's sessions, as
    /// [`change_password`](Self::change_password) does; then the user signs in. If the address was not confirmed before,
    /// the [second factor](Self::enrol_totp) goes as well: whoever has registered the address may be somebody else.
    ///
    /// The wrong [codes of a day](Self::finish_sign_in) stay counted: whoever reads the owner's mail would get more of them by
    /// each link.
    pub async fn reset(&self, session: &Session, token: &str, password: &str) -> Result<Result<User, Refusal>, Error> {
        if let Some(problem) = password::problem(password) {
            return Ok(Err(Refusal { field: "password", problem }));
        }
        self.count(Costly::Reset).await?;
        let Some(id) = token::hash(token) else { return Ok(Err(NO_LINK)) };
        let looked_up = id.clone();
        let link = self.db.read(move |conn| rows::find_link(conn, &looked_up, Purpose::Reset, now())).await?;
        if link.is_none() {
            return Ok(Err(NO_LINK)); // before the costly part
        }
        let (hash, has_session_rows) = (self.hash(password).await?, self.shared.has_session_rows);
        let ended = session.draft(Session::purge).await;
        let draft = ended.clone();
        let reset = move |conn: &mut Conn| {
            let Some(account) = rows::take_link(conn, &id, Purpose::Reset, now())? else { return Ok(None) };
            rows::set_hash(conn, account, &hash)?;
            forget_factor(conn, account)?;
            token_rows::remove_all(conn, account)?;
            rows::remove_links(conn, account)?;
            if has_session_rows {
                delete_of_user(conn, account, &Vec::new())?; // no session has an empty id
            }
            let updated = draft.write(conn)?;
            Ok(rows::confirm(conn, account)?.map(|user| (user, updated)))
        };
        let adopt = |session: &Session, reset: Option<(User, _)>| {
            reset.map(|(user, updated)| {
                session.adopt(ended, updated);
                user
            })
        };
        let Some(user) = session.write_with(&self.db, reset, adopt).await? else { return Ok(Err(NO_LINK)) };
        if !has_session_rows {
            session.end_outdated(user.id).await;
        }
        Ok(Ok(user))
    }
}

/// Without one the mail would lead to a page that knows no token.
fn has_place(link: &str) -> Result<(), Error> {
    match link.contains("{}") {
        true => Ok(()),
        false => Err(Error::internal(format!("a link to be mailed lacks `{{}}`, where its token is to stand: {link}"))),
    }
}

/// What does not outlive a reset: a secret that is not active yet, and the second factor of whoever has registered an
/// address without showing that it is theirs.
fn forget_factor(conn: &mut Conn, account: i64) -> QueryResult<()> {
    let is_owners = rows::by_id(conn, account)?.is_some_and(|(user, _)| user.confirmed);
    if is_owners {
        second_factors::remove_begun(conn, account).map(drop)
    } else {
        second_factors::remove(conn, account)
    }
}

impl Accounts {
    async fn send_reset_now(&self, address: String, link: &str) -> Result<(), BoxError> {
        match self.db.read(move |conn| rows::by_address(conn, &address)).await? {
            Some((user, _)) => self.send_link(&user, Purpose::Reset, RESET, "A new password", link).await.map(drop),
            None => Ok(()),
        }
    }

    async fn send_link(
        &self,
        user: &User,
        purpose: Purpose,
        life: i64,
        subject: &str,
        link: &str,
    ) -> Result<bool, BoxError> {
        let token = token::generate();
        let (id, account, address) = (token::hash(&token).expect("it is a token"), user.id, user.address.clone());
        let may_be_sent = self.db.write(move |conn| {
            if !throttle::may_mail(conn, &address, now())? {
                return Ok(false);
            }
            rows::insert_link(conn, &id, account, purpose, now() + life)?;
            Ok(true)
        });
        if !may_be_sent.await? {
            return Ok(false);
        }
        let mail = Mail { to: user.address.clone(), subject: subject.to_owned(), text: link.replace("{}", &token) };
        self.options().mailer().send(mail).await.map(|()| true)
    }
}
