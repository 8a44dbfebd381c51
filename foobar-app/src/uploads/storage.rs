use std::path::{Path, PathBuf};

use actix_web::HttpResponse;
use foobar_core::{BoxError, BoxFuture};

use crate::Error;

/// Where the files of visitors are kept, and how they get back to them: a [folder](super::FolderStorage) or a place of your own, such
/// as an object store that several application nodes share.
///
/// A name is random: 32 letters and digits, a dot and an extension.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot keep uploads",
    label = "not a `Storage`",
    note = "`foobar::FolderStorage` keeps them in a folder; for another place implement `foobar::Storage`"
)]
pub trait Storage: Send + Sync + 'static {
    /// The folder in which a file is written while it arrives; best one of the same disk. The default is that of the
    /// system for temporary files.
    fn temporary_folder(&self) -> PathBuf {
        std::env::temp_dir()
    }

    /// Keeps the file that is complete at this path under a name that no other one has. It may be moved away.
    fn keep<'a>(&'a self, name: &'a str, file: &'a Path) -> BoxFuture<'a, Result<(), BoxError>>;

    /// The answer that brings a file to a client. Where it is not there, an error of 404.
    fn serve(&self, name: &str) -> Result<HttpResponse, Error>;

    /// Forgets a file; nothing where it is not there.
    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), BoxError>>;
}
