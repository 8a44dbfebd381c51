//! What is counted before it is done: a password or a code that may be wrong, and what costs.

use std::future::Future;

use foobar_core::{BoxError, Chain};
use foobar_db::Conn;

use super::api_tokens::rows as token_rows;
use super::password::{self, KeptError, Verdict};
use super::rows;
use super::second_factor::pending::Pending;
use super::second_factor::rows as second_factors;
use super::throttle::{self, Attempt, Costly, Turn};
use super::throttled::{Busy, Throttled};
use super::{Accounts, CODE_NEEDED, Refusal, User, WRONG, WRONG_OLD};
use crate::clock::now;
use crate::session::{delete_of_user, of_store};
use crate::{Error, Session};

impl Accounts {
    /// Does the work of an attempt, which counts as a failure until it is forgiven. It was none where too many passwords
    /// wait, or the database fails and says that nothing was done.
    pub(super) async fn attempt<T>(
        &self,
        attempt: &Attempt,
        work: impl Future<Output = Result<T, BoxError>>,
    ) -> Result<T, Error> {
        self.wait_for_turn(attempt.clone()).await?;
        let done = work.await;
        if done.as_ref().is_err_and(was_no_attempt) {
            let none = attempt.clone();
            if let Err(error) = self.db.write(move |conn| none.take_back(conn)).await {
                tracing::warn!("{}", Chain(&error).after("what was not tried counts as a failure")); // as what went before
            }
        }
        done.map_err(failed)
    }

    /// Counts what a client may do only so often.
    pub(super) async fn count(&self, costly: Costly) -> Result<(), Error> {
        let client = self.client;
        match self.db.write(move |conn| costly.count(conn, client, now())).await? {
            Turn::Refused(seconds) => Err(Error::respond(Throttled { seconds })),
            Turn::After(_) => Ok(()),
        }
    }

    async fn wait_for_turn(&self, attempt: Attempt) -> Result<(), Error> {
        match self.db.write(move |conn| attempt.count(conn, now())).await? {
            Turn::Refused(seconds) => return Err(Error::respond(Throttled { seconds })),
            Turn::After(delay) => tokio::time::sleep(delay).await,
        }
        Ok(())
    }

    pub(super) async fn hash(&self, password: &str) -> Result<String, Error> {
        self.shared.hasher.hash(password).await.map_err(failed)
    }

    /// A hash of today in place of `kept`; none where too many wait for that, and then the next sign-in renews it.
    pub(super) async fn renew(&self, password: &str, kept: &str) -> Result<Option<String>, BoxError> {
        match self.shared.hasher.renew(password, kept).await {
            Err(error) if error.is::<Busy>() => Ok(None),
            renewed => renewed.map(Some),
        }
    }

    /// Holds a password against that of an account.
    pub(super) async fn verify(&self, password: &str, found: Option<&rows::Account>) -> Result<Verdict, BoxError> {
        let kept = found.map(|(_, hash)| &hash[..]).filter(|hash| !password::is_none(hash));
        let verdict = self.shared.hasher.verify(password, kept).await;
        match (verdict, found) {
            (Err(error), Some((user, _))) if error.is::<KeptError>() => {
                tracing::error!("{}", Chain(&*error).after(&format!("nobody signs in to account {}", user.id)));
                Ok(Verdict::Wrong) // as for an address without an account
            }
            (verdict, _) => verdict,
        }
    }
}

impl Accounts {
    /// The work of a [sign-in](Self::sign_in).
    pub(super) async fn sign_in_by(
        &self,
        session: &Session,
        address: String,
        password: &str,
        attempt: &Attempt,
    ) -> Result<Result<User, Refusal>, BoxError> {
        let found = self.db.read(move |conn| rows::by_address(conn, &address)).await?;
        let verdict = self.verify(password, found.as_ref()).await?;
        let (Some((user, kept)), Verdict::Right | Verdict::Outdated) = (found, verdict) else { return Ok(Err(WRONG)) };
        let renewed = if verdict == Verdict::Outdated { self.renew(password, &kept).await? } else { None };
        let (id, attempt) = (user.id, attempt.clone());
        let signed_in = session.draft(|session| session.sign_in(id, &user.password, &user.rights(false))).await;
        let now = self.options().now();
        let half_way = session.draft(|session| Pending::begin(session, id, &user.password, now)).await;
        let drafts = [signed_in.clone(), half_way.clone()];
        let welcome = move |conn: &mut Conn| {
            if let Some(hash) = &renewed
                && !rows::renew_hash(conn, id, &kept, hash)?
            {
                return Ok(None); // the account has another password meanwhile
            }
            attempt.forgive(conn)?;
            let needs_code = second_factors::is_active(conn, id)?;
            Ok(Some((needs_code, drafts[usize::from(needs_code)].write(conn)?)))
        };
        let welcomed = session.write_with(&self.db, welcome, |session, welcomed| {
            let (needs_code, updated) = welcomed.ok_or(WRONG)?;
            session.adopt(if needs_code { half_way } else { signed_in }, updated);
            if needs_code { Err(CODE_NEEDED) } else { Ok(user) }
        });
        Ok(welcomed.await?)
    }

    /// The work of a [change of the password](Self::change_password).
    pub(super) async fn replace_password(
        &self,
        session: &Session,
        user: &User,
        old: &str,
        new: &str,
        attempt: &Attempt,
    ) -> Result<Result<(), Refusal>, BoxError> {
        let (id, attempt) = (user.id, attempt.clone());
        let find = move |conn: &mut Conn| Ok((rows::by_id(conn, id)?, second_factors::is_active(conn, id)?));
        let (found, is_asked_for_code) = self.db.read(find).await?;
        let verdict = self.verify(old, found.as_ref()).await?;
        let (Some((_, kept)), Verdict::Right | Verdict::Outdated) = (found, verdict) else { return Ok(Err(WRONG_OLD)) };
        let hash = self.shared.hasher.hash(new).await?;
        let (fingerprint, rights) = (password::fingerprint(&hash), user.rights(is_asked_for_code));
        let signed_in = session.draft(|session| session.sign_in(id, &fingerprint, &rights)).await;
        let (has_session_rows, own, draft) = (self.shared.has_session_rows, session.row_id(), signed_in.clone());
        let change = move |conn: &mut Conn| {
            if !rows::replace_hash(conn, id, &kept, &hash)? {
                return Ok(None); // the account has another password meanwhile
            }
            rows::remove_links(conn, id)?;
            token_rows::remove_all(conn, id)?;
            second_factors::remove_begun(conn, id)?;
            throttle::forget_day(conn, id)?;
            if has_session_rows {
                delete_of_user(conn, id, &own)?;
            }
            attempt.forgive(conn)?;
            draft.write(conn).map(Some)
        };
        let adopt = |session: &Session, updated: Option<_>| updated.map(|updated| session.adopt(signed_in, updated));
        let changed = session.write_with(&self.db, change, adopt).await?;
        if changed.is_some() && !has_session_rows {
            session.end_outdated(id).await;
        }
        Ok(changed.ok_or(WRONG_OLD))
    }
}

/// Whether nothing has come of an attempt, neither right nor wrong.
pub(super) fn was_no_attempt(error: &BoxError) -> bool {
    match error.downcast_ref() {
        Some(foobar_db::Error::OutcomeUnknown { .. }) => false, // it may be forgiven already
        Some(_nothing_done) => true,
        None => error.is::<Busy>(),
    }
}

/// What a handler gives for it: 503 where too many passwords wait, or the database is down.
fn failed(error: BoxError) -> Error {
    match error.downcast::<Busy>() {
        Ok(busy) => Error::respond(*busy),
        Err(error) => of_store(error),
    }
}
