use serde::{Deserialize, Serialize};

use crate::session::state::SECOND_FACTOR;
use crate::{Error, Session};

/// How long the second step of a sign-in is waited for, in seconds.
const PATIENCE: i64 = 10 * 60;

/// Somebody whose password was right: the session knows it, and is nobody's yet.
#[derive(Serialize, Deserialize)]
pub(in crate::accounts) struct Pending {
    pub(super) account: i64, // the session knows this name
    /// The fingerprint of that password.
    pub(super) password: String,
    /// Until when the code is taken.
    until: i64,
}

impl Pending {
    /// Whoever was signed in is not any more, and what another user has left is forgotten; the session goes on under a new
    /// token.
    pub(in crate::accounts) fn begin(session: &Session, account: i64, password: &str, now: i64) {
        session.pass_to(account);
        session.set_user(None);
        let pending = Self { account, password: password.to_owned(), until: now + PATIENCE };
        session.insert(SECOND_FACTOR, pending).expect("it has a form in JSON");
    }

    /// `None` where nobody has begun, or it was too long ago.
    pub(super) fn of(session: &Session, now: i64) -> Result<Option<Self>, Error> {
        let pending: Option<Self> = session.get(SECOND_FACTOR)?;
        Ok(pending.filter(|pending| now < pending.until))
    }
}
