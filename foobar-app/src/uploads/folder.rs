use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use actix_web::HttpResponse;
use actix_web::web::block;
use foobar_core::{BoxError, BoxFuture};

use super::storage::Storage;
use crate::{Context, Error, UndeclaredFolder, send_file};

/// Keeps uploads in the folder of a private route, from which the web tier sends them.
///
/// One folder serves one machine. Several application nodes need a shared one, such as a network file system that all
/// have mounted, or a [`Storage`] of your own.
///
/// Files that are still arriving are there under names that begin with `.upload-`, which are never served; those that a
/// killed process has left may be deleted.
#[derive(Clone, Debug)]
pub struct FolderStorage {
    route: String,
    folder: PathBuf,
}

impl FolderStorage {
    /// The folder of this route, as `Server::private("/uploaded/", "uploaded")` declares it. An error, which says how to declare
    /// it, where nobody has.
    pub fn new(context: &Context, route: &str) -> Result<Self, UndeclaredFolder> {
        Ok(Self { route: route.to_owned(), folder: context.private_folder(route)?.to_owned() })
    }
}

impl Storage for FolderStorage {
    fn temporary_folder(&self) -> PathBuf {
        self.folder.clone()
    }

    fn keep<'a>(&'a self, name: &'a str, file: &'a Path) -> BoxFuture<'a, Result<(), BoxError>> {
        let (folder, name, file) = (self.folder.clone(), name.to_owned(), file.to_owned());
        Box::pin(async move { Ok(block(move || rename(&folder, &name, &file)).await??) })
    }

    fn serve(&self, name: &str) -> Result<HttpResponse, Error> {
        send_file(&*self.route, name).response()
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        let path = self.folder.join(name);
        Box::pin(async move {
            match block(move || fs::remove_file(path)).await? {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            }
        })
    }
}

/// Whole under its name, or not at all, also where the power fails.
fn rename(folder: &Path, name: &str, file: &Path) -> io::Result<()> {
    File::open(file)?.sync_all()?;
    fs::rename(file, folder.join(name))?;
    File::open(folder)?.sync_all()
}
