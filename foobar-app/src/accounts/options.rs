use std::fmt;
use std::sync::Arc;

use super::mailer::{FileMailer, Mailer};

/// How an application has accounts; see [`App::accounts`](crate::App::accounts).
#[derive(Clone)]
pub struct AccountOptions {
    sign_in: String,
    mailer: Arc<dyn Mailer>,
}

impl AccountOptions {
    /// Accounts whose sign-in page is at this path, such as `/sign-in`. Messages go to the file `mail.txt` until
    /// [`with_mailer`](Self::with_mailer) says otherwise.
    pub fn new(sign_in: impl Into<String>) -> Self {
        Self { sign_in: sign_in.into(), mailer: Arc::new(FileMailer::new("mail.txt")) }
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

    pub(super) fn mailer(&self) -> &dyn Mailer {
        &*self.mailer
    }
}

impl fmt::Debug for AccountOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountOptions").field("sign_in", &self.sign_in).finish_non_exhaustive()
    }
}
