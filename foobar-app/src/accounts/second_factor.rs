//! The second factor: codes of an authenticator app, and recovery codes for whoever has lost it.

pub(crate) mod base32;
pub(super) mod pending;
mod recovery_code;
pub(super) mod rows;
pub(crate) mod totp;
mod vault;

use std::fmt;
use std::sync::{Arc, PoisonError};

use foobar_core::{BoxError, Chain, Secret};
use foobar_db::{Conn, QueryResult};

use super::password::{self, Verdict};
use super::throttle::Attempt;
use super::{Accounts, Refusal, User};
use crate::{Error, Session};
use pending::Pending;
use rows::Kept;

pub(super) use vault::Vault;

/// What an authenticator app is given, once: [`Accounts::enrol_totp`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TotpEnrolment {
    /// For whoever types it into the app: 32 letters and digits.
    pub secret: String,
    /// For the app to read, as a QR code or as a link on the phone itself: `otpauth://totp/…`.
    pub uri: String,
}

/// Whoever has it has the second factor.
impl fmt::Debug for TotpEnrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TotpEnrolment").finish_non_exhaustive()
    }
}

const WRONG_PASSWORD: Refusal = Refusal { field: "password", problem: "is wrong" };
const WRONG_CODE: Refusal = Refusal { field: "code", problem: "is wrong, or has been used" };
const TOO_LATE: Refusal = Refusal { field: "code", problem: "comes too late: sign in again" };
const IS_ON: Refusal = Refusal { field: "code", problem: "is asked for already: turn that off first" };
const NOT_BEGUN: Refusal = Refusal { field: "code", problem: "is of no secret that was given: begin again" };
const IS_OFF: Refusal = Refusal { field: "code", problem: "is not asked for: turn that on first" };
const NO_PROOF: Refusal = Refusal { field: "code", problem: "or password is wrong" };

/// What shows that somebody is the user.
#[derive(Clone)]
enum Proof {
    /// The code of this step.
    Step(i64),
    /// A recovery code, as it is kept.
    Recovery(Vec<u8>),
    /// The password, which has been verified.
    Password,
}

/// What somebody has typed who is to show that.
enum Typed {
    Proof(Proof),
    /// Six digits that are not the code. They are no password: it would be asked for next, and what fails there would take
    /// the attempt back, although a code has been tried.
    WrongCode,
    /// It may be a password.
    NoCode,
}

impl Proof {
    /// Whether it is one that has not been used; it has then.
    fn take(&self, conn: &mut Conn, account: i64) -> QueryResult<bool> {
        match self {
            Self::Step(step) => rows::use_step(conn, account, *step),
            Self::Recovery(id) => rows::use_recovery_code(conn, account, id),
            Self::Password => Ok(true),
        }
    }
}

impl Accounts {
    /// Begins a second factor for a user, who gives the password once more: a secret for an authenticator app (TOTP,
    /// RFC 6238). `issuer` is the name of the site there. Nothing changes until [`activate_totp`](Self::activate_totp)
    /// has had a first code; whoever begins again gets another secret, and a new password ends what has begun.
    ///
    /// Wrong passwords count with wrong codes of who is signed in, not with failed sign-ins: 429 after 5 of a client, or 20
    /// of anybody, within a quarter of an hour, or 40 in a day.
    ///
    /// 401 from it and from `activate_totp` where the user has got another password since the [`User`] was looked up.
    pub async fn enrol_totp(
        &self,
        user: &User,
        password: &str,
        issuer: &str,
    ) -> Result<Result<TotpEnrolment, Refusal>, Error> {
        let attempt = Attempt::of_proof(self.client, user.id);
        match self.attempt(&attempt, self.begin_totp(user, password, &attempt)).await?.ok_or_else(super::outdated)? {
            Ok(secret) => {
                let uri = totp::uri(&secret, issuer, &user.address);
                Ok(Ok(TotpEnrolment { secret: base32::encode(&secret), uri }))
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Asks a user for a code at each sign-in from now on, by a first code of the secret that
    /// [`enrol_totp`](Self::enrol_totp) has given. What comes back are ten recovery codes, each of which takes the place
    /// of one code: show them, since only their hashes are kept.
    pub async fn activate_totp(&self, user: &User, code: &str) -> Result<Result<Vec<String>, Refusal>, Error> {
        let attempt = Attempt::of_proof(self.client, user.id);
        self.attempt(&attempt, self.activate_by(user, code, &attempt)).await?.ok_or_else(super::outdated)
    }

    /// The second step of a sign-in whose [first one](Self::sign_in) has said [`Refusal::needs_code`]: with a code of the
    /// authenticator app, or a recovery code, the visitor is signed in, and the session goes on under a new token. Each
    /// code works once. The step may be taken within ten minutes of the first one.
    ///
    /// Who fails 5 times within a quarter of an hour with one account gets 429 with `Retry-After`, and so do all, after 20
    /// failures with it: whoever gets this far knows the password. After 40 within a day only a recovery code is taken, until
    /// the day is over or the user has [changed the password](Self::change_password); a new one by a link ends no wait.
    /// Wrong recovery codes, which nobody guesses, are counted for each client alone.
    pub async fn finish_sign_in(&self, session: &Session, code: &str) -> Result<Result<User, Refusal>, Error> {
        let Some(pending) = Pending::of(session, self.options().now())? else { return Ok(Err(TOO_LATE)) };
        let (id, is_recovery) = (pending.account, recovery_code::hash(pending.account, code).is_some());
        let attempt = Attempt::of_code(self.client, id, is_recovery);
        self.attempt(&attempt, self.finish_by(session, pending, code, &attempt)).await
    }

    /// Asks a user for no code any more. `proof` is a code, a recovery code or the password.
    pub async fn disable_totp(&self, user: &User, proof: &str) -> Result<Result<(), Refusal>, Error> {
        let id = user.id;
        let disabled = self.with_proof(user, proof, move |conn| rows::remove(conn, id));
        disabled.await
    }

    /// Ten recovery codes in place of those before. `proof` is a code, a recovery code or the password.
    pub async fn renew_recovery_codes(&self, user: &User, proof: &str) -> Result<Result<Vec<String>, Refusal>, Error> {
        if self.recovery_codes_left(user).await?.is_none() {
            return Ok(Err(IS_OFF));
        }
        let (id, (codes, hashes)) = (user.id, recovery_codes(user.id));
        let renewed = self.with_proof(user, proof, move |conn| rows::set_recovery_codes(conn, id, &hashes));
        Ok(renewed.await?.map(|()| codes))
    }

    /// How many recovery codes a user has left; `None` of one who is asked for no code.
    pub async fn recovery_codes_left(&self, user: &User) -> Result<Option<usize>, Error> {
        let id = user.id;
        let left = self.db.read(move |conn| {
            let left = rows::recovery_codes(conn, id)?;
            Ok(rows::is_active(conn, id)?.then_some(left))
        });
        Ok(left.await?.map(|left| usize::try_from(left).expect("it is a count")))
    }

    /// Secrets that no key or an older one has sealed are sealed by the first one, in batches. One that does not open
    /// stays as it is, and is in the log.
    pub(super) async fn reseal(&self) -> Result<(), BoxError> {
        let (old, mut after) = (self.vault().old_keys(), i64::MIN);
        loop {
            let keys = old.clone();
            let batch = self.db.read(move |conn| rows::sealed_by(conn, &keys, after, super::BATCH)).await?;
            let Some(last) = batch.last() else { return Ok(()) };
            after = last.account_id;
            let renewed: Vec<_> = batch.into_iter().filter_map(|old| self.renewed(old)).collect();
            let write =
                move |conn: &mut Conn| renewed.iter().try_for_each(|(old, new)| rows::reseal(conn, old, new).map(drop));
            self.db.write(write).await?;
        }
    }

    fn renewed(&self, old: Kept) -> Option<(Kept, Kept)> {
        let vault = self.vault();
        match vault.open(&old).and_then(|secret| vault.seal(old.account_id, secret)) {
            Ok(new) => Some((old, new)),
            Err(error) => {
                tracing::error!("{}", Chain(&*error).after("a second factor keeps its old key"));
                None
            }
        }
    }
}

/// The work of attempts; `None` of a user who has another password since the user was looked up.
impl Accounts {
    async fn begin_totp(
        &self,
        user: &User,
        password: &str,
        attempt: &Attempt,
    ) -> Result<Option<Result<Vec<u8>, Refusal>>, BoxError> {
        if !self.has_password(user.id, password).await? {
            return Ok(Some(Err(WRONG_PASSWORD)));
        }
        let secret = totp::generate();
        let kept = self.vault().seal(user.id, secret.clone())?;
        let (user, attempt) = (user.clone(), attempt.clone());
        let begin = move |conn: &mut Conn| {
            if !super::rows::is_as_looked_up(conn, &user)? {
                return Ok(None);
            }
            attempt.forgive(conn)?;
            rows::begin(conn, &kept).map(Some)
        };
        let begun = self.db.write(begin).await?;
        Ok(begun.map(|is_begun| if is_begun { Ok(secret) } else { Err(IS_ON) }))
    }

    async fn activate_by(
        &self,
        user: &User,
        code: &str,
        attempt: &Attempt,
    ) -> Result<Option<Result<Vec<String>, Refusal>>, BoxError> {
        let id = user.id;
        let Some(kept) = self.db.read(move |conn| rows::find(conn, id)).await?.filter(|kept| !kept.active) else {
            return Ok(Some(Err(NOT_BEGUN)));
        };
        let secret = self.vault().open(&kept)?;
        let Some(step) = totp::matching_step(&secret, code, self.options().now()) else {
            return Ok(Some(Err(WRONG_CODE)));
        };
        let (user, attempt, (codes, hashes)) = (user.clone(), attempt.clone(), recovery_codes(id));
        let activate = move |conn: &mut Conn| {
            if !super::rows::is_as_looked_up(conn, &user)? {
                return Ok(None);
            }
            let activated = rows::activate(conn, &kept, step)?;
            if activated {
                rows::set_recovery_codes(conn, id, &hashes)?;
                attempt.forgive(conn)?;
            }
            Ok(Some(activated))
        };
        let activated = self.db.write(activate).await?;
        Ok(activated.map(|activated| if activated { Ok(codes) } else { Err(NOT_BEGUN) }))
    }

    async fn finish_by(
        &self,
        session: &Session,
        pending: Pending,
        code: &str,
        attempt: &Attempt,
    ) -> Result<Result<User, Refusal>, BoxError> {
        let (id, attempt) = (pending.account, attempt.clone());
        let Typed::Proof(proof) = self.proof(id, code).await? else { return Ok(Err(WRONG_CODE)) };
        let Some(user) = self.find(id).await? else { return Ok(Err(TOO_LATE)) };
        let signed_in = session.draft(|session| session.sign_in(id, &pending.password, &user.rights(true))).await;
        let draft = signed_in.clone();
        let take = move |conn: &mut Conn| {
            let found = super::rows::by_id(conn, id)?;
            let own = found.filter(|(_, hash)| password::fingerprint(hash) == pending.password);
            let Some((user, _)) = own else { return Ok(Err(TOO_LATE)) }; // the account has another password meanwhile
            if !proof.take(conn, id)? {
                return Ok(Err(WRONG_CODE));
            }
            attempt.forgive(conn)?;
            Ok(Ok((user, draft.write(conn)?)))
        };
        let adopt = |session: &Session, taken: Result<(User, _), Refusal>| {
            taken.map(|(user, updated)| {
                session.adopt(signed_in, updated);
                user
            })
        };
        Ok(session.write_with(&self.db, take, adopt).await?)
    }
}

impl Accounts {
    /// Does `change` to the second factor of a user who shows something that only the user has.
    async fn with_proof(
        &self,
        user: &User,
        typed: &str,
        change: impl Fn(&mut Conn) -> QueryResult<()> + Send + 'static,
    ) -> Result<Result<(), Refusal>, Error> {
        let (id, attempt) = (user.id, Attempt::of_proof(self.client, user.id));
        let work = async {
            let proof = match self.proof(id, typed).await? {
                Typed::Proof(Proof::Step(step)) => Proof::Step(step),
                Typed::WrongCode => return Ok(Some(Err(NO_PROOF))),
                _ if self.has_password(id, typed).await? => Proof::Password,
                Typed::Proof(proof) => proof,
                Typed::NoCode => return Ok(Some(Err(NO_PROOF))),
            };
            let (user, attempt) = (user.clone(), attempt.clone());
            let done = self.db.write(move |conn| {
                if !super::rows::is_as_looked_up(conn, &user)? {
                    return Ok(None);
                }
                if !proof.take(conn, id)? {
                    return Ok(Some(Err(NO_PROOF)));
                }
                attempt.forgive(conn)?;
                change(conn).map(|()| Some(Ok(())))
            });
            Ok::<_, BoxError>(done.await?)
        };
        self.attempt(&attempt, work).await?.ok_or_else(super::outdated)
    }

    /// What was typed, as far as it may be a code of a user with a second factor.
    async fn proof(&self, account: i64, typed: &str) -> Result<Typed, BoxError> {
        let Some(kept) = self.db.read(move |conn| rows::find(conn, account)).await?.filter(|kept| kept.active) else {
            return Ok(Typed::NoCode);
        };
        if let Some(code) = recovery_code::hash(account, typed) {
            return Ok(Typed::Proof(Proof::Recovery(code)));
        }
        if !totp::may_be_code(typed) {
            return Ok(Typed::NoCode); // a password too is taken where the secret cannot be opened
        }
        let secret = self.vault().open(&kept)?;
        let step = totp::matching_step(&secret, typed, self.options().now());
        Ok(step.map_or(Typed::WrongCode, |step| Typed::Proof(Proof::Step(step))))
    }

    /// Other keys have taken the place of those of `session.keys`.
    pub(crate) fn set_keys(&self, keys: &[Secret]) {
        *self.shared.vault.write().unwrap_or_else(PoisonError::into_inner) = Vault::new(keys).into();
    }

    pub(super) fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.shared.vault.read().unwrap_or_else(PoisonError::into_inner)) // it is whole at any time
    }

    async fn has_password(&self, account: i64, password: &str) -> Result<bool, BoxError> {
        let found = self.db.read(move |conn| super::rows::by_id(conn, account)).await?;
        let verdict = self.verify(password, found.as_ref()).await?;
        Ok(matches!(verdict, Verdict::Right | Verdict::Outdated))
    }
}

/// New ones, and what is kept of them.
fn recovery_codes(account: i64) -> (Vec<String>, Vec<Vec<u8>>) {
    let codes: Vec<_> = (0..recovery_code::COUNT).map(|_| recovery_code::generate()).collect();
    let hashes = codes.iter().map(|code| recovery_code::hash(account, code).expect("it is a code")).collect();
    (codes, hashes)
}
