use std::fmt;
use std::sync::Arc;

use super::mailer::{FileMailer, Mailer};
use crate::clock::now;

/// How an application has accounts; see [`App::accounts`](crate::App::accounts).
#[derive(Clone)]
pub struct AccountOptions {
    sign_in: String,
    mailer: Arc<dyn Mailer>,
    clock: Clock,
}

/// Seconds since 1970, for codes that change with the time.
type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

impl AccountOptions {
    /// Accounts whose sign-in page is at this path, such as `/sign-in`. Messages go to the file `mail.txt` until
    /// [`with_mailer`](Self::with_mailer) says otherwise.
    pub fn new(sign_in: impl Into<String>) -> Self {
        Self { sign_in: sign_in.into(), mailer: Arc::new(FileMailer::new("mail.txt")), clock: Arc::new(now) }
    }

    /// Sends messages by this.
    #[must_use]
    pub fn with_mailer(mut self, mailer: impl Mailer) -> Self {
        self.mailer = Arc::new(mailer);
        self
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
