use std::fmt;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use foobar_core::{BoxError, BoxFuture};

/// A message to the owner of an account.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address, one and without line ends.
    pub to: String,
    /// The subject, in one line.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// It may hold a link that lets somebody in.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("to", &self.to).field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// What sends the links of accounts to their owners.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot send mail",
    label = "not a `Mailer`",
    note = "implement `foobar::Mailer` for a type of your own; its method `send` is enough",
    note = "for development `foobar::FileMailer` writes messages into a file"
)]
pub trait Mailer: Send + Sync + 'static {
    /// Sends a message, or takes it over for later.
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), BoxError>>;
}

/// Appends messages to a file, for development: whoever can read it can use the links.
pub struct FileMailer {
    path: PathBuf,
}

impl FileMailer {
    /// The file, which is made where it is missing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Mailer for FileMailer {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            let mut file = File::options().create(true).append(true).mode(0o600).open(&self.path)?;
            let Mail { to, subject, text } = mail;
            Ok(file.write_all(format!("To: {to}\nSubject: {subject}\n\n{text}\n\n").as_bytes())?)
        })
    }
}
