use std::fmt;
use std::sync::Arc;

use super::mailer::{FileMailer, Mailer};
use super::password::{COST, Cost, LEAST_COST};
use crate::clock::now;

/// How an application has accounts; see [`App::accounts`](crate::App::accounts).
#[derive(Clone)]
pub struct AccountOptions {
    sign_in: String,
    mailer: Arc<dyn Mailer>,
    hash_cost: Cost,
    clock: Clock,
}

/// Seconds since 1970, for codes that change with the time.
type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

impl AccountOptions {
    /// Accounts whose sign-in page is at this path, such as `/sign-in`. Messages go to the file `mail.txt` until
    /// [`with_mailer`](Self::with_mailer) says otherwise.
    pub fn new(sign_in: impl Into<String>) -> Self {
        let mailer = Arc::new(FileMailer::new("mail.txt"));
        Self { sign_in: sign_in.into(), mailer, hash_cost: COST, clock: Arc::new(now) }
    }

    /// Sends messages by this.
    #[must_use]
    pub fn with_mailer(mut self, mailer: impl Mailer) -> Self {
        self.mailer = Arc::new(mailer);
        self
    }

    /// Hashes passwords at the least cost, so that tests take less time. Whoever steals such hashes finds the passwords soon:
    /// a start with it is warned of in the log.
    #[must_use]
    pub const fn with_weak_hashes_for_tests(mut self) -> Self {
        self.hash_cost = LEAST_COST;
        self
    }

    pub(super) fn has_weak_hashes(&self) -> bool {
        self.hash_cost == LEAST_COST
    }

    /// What the hash of a password costs.
    pub(super) const fn hash_cost(&self) -> Cost {
        self.hash_cost
    }

    pub(crate) fn sign_in(&self) -> &str {
        &self.sign_in
    }

    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }

    pub(super) fn mailer(&self) -> &dyn Mailer {
        &*self.mailer
    }
}

#[cfg(test)]
impl AccountOptions {
    pub(crate) fn with_clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl fmt::Debug for AccountOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountOptions").field("sign_in", &self.sign_in).finish_non_exhaustive()
    }
}
