use std::fmt;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use foobar_core::{BoxError, BoxFuture};
use tokio::task::spawn_blocking;

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
    /// The file, which is made where it is missing. Only its owner may read it, also if it was there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Mailer for FileMailer {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), BoxError>> {
        let path = self.path.clone();
        Box::pin(async move { Ok(spawn_blocking(move || append(&path, &mail)).await??) })
    }
}

fn append(path: &Path, Mail { to, subject, text }: &Mail) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).mode(OWNER).open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(OWNER))?;
    }
    file.write_all(format!("To: {to}\nSubject: {subject}\n\n{text}\n\n").as_bytes())
}

/// Who may read and write it.
const OWNER: u32 = 0o600;
