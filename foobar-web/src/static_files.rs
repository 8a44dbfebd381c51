mod content_type;
mod folder;
mod multipart;
mod range;
mod reply;
mod representation;
mod stream;
mod validators;

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use foobar_core::Chain;
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use tokio::task::spawn_blocking;

use crate::asked::{Asked, Verb};
use crate::redirect;
use folder::{Folder, Found};
use range::Selection;
use representation::{Representation, Stored};
use validators::Precondition;

pub(crate) use reply::Reply;

/// One folder whose files are served, by GET and HEAD, whole or in ranges (RFC 9110).
///
/// A file is looked up in one visit to the blocking pool, which also reads it if it is small; nothing is kept between
/// requests.
#[derive(Clone)]
pub(crate) struct StaticFiles(Arc<Folder>);

/// What is known of a path at once.
#[expect(dead_code, reason = "the wire will ask")]
pub(crate) enum Now {
    Reply(Reply),
    /// Nothing that is served lies there.
    Nothing,
    /// To be asked with [`StaticFiles::serve`].
    Later,
}

/// How a folder is served.
pub(crate) struct FilesOptions {
    /// The names that are tried, in order, where a directory is asked for.
    pub(crate) index: Vec<String>,
    /// The charset that text is announced with; an empty one announces none.
    pub(crate) charset: String,
    /// The most ranges that are served to one request; 0 turns ranges off.
    pub(crate) max_ranges: usize,
    /// Whether a path may name a file (`file` in `try_files`).
    pub(crate) file: bool,
    /// Whether a path may name a directory with an index (`index` in `try_files`).
    pub(crate) directory_index: bool,
}

/// A file of at most this many bytes is read where it is opened.
const SMALL: u64 = 64 << 10;
/// The largest error page, in bytes.
const LARGEST_PAGE: u64 = 1 << 20;

impl StaticFiles {
    /// Opens a folder. An error if it is not there or not a directory, or if the charset is not a token.
    pub(crate) fn open(root: &Path, options: FilesOptions) -> io::Result<Self> {
        Folder::open(root, options).map(Arc::new).map(Self)
    }

    /// Opens the folder that `file` lies in, and gives its name there. An error if it is no file that can be served.
    pub(crate) fn open_file(file: &Path, options: FilesOptions) -> io::Result<(Self, String)> {
        let file = std::path::absolute(file)?;
        let name = file.file_name().and_then(OsStr::to_str);
        let (Some(folder), Some(name)) = (file.parent(), name) else { return Err(io::ErrorKind::NotFound.into()) };
        let files = Self::open(folder, options)?;
        match files.0.file(name, 0)? {
            Some(_) => Ok((files, name.to_owned())),
            None => {
                Err(io::Error::new(io::ErrorKind::NotFound, "it is no file, or hidden, or a link out of its folder"))
            }
        }
    }

    /// Answers like [`serve`](Self::serve), but only from what is at hand: it never waits and never blocks.
    #[expect(dead_code, reason = "the wire will call it")]
    pub(crate) fn serve_now(&self, _asked: &Asked<'_>, _path: &str) -> Now {
        Now::Later
    }

    /// Answers a request for `path`, which is decoded, normalised and relative to this folder. `None` if nothing that
    /// is served lies there: the next in `try_files` has its turn.
    ///
    /// An error (403, 405, 412, 416, 500) has its fields but no content.
    pub(crate) async fn serve(&self, asked: &Asked<'_>, path: &str) -> Option<Reply> {
        let found = match self.find(asked, path).await {
            Ok(found) => found,
            Err(error) => return Some(failure(path, &error)),
        };
        let reply = match (asked.verb, found) {
            (_, Found::Nothing) => return None,
            (Verb::Get | Verb::Head, Found::File(file)) => self.answer(asked, &file),
            (Verb::Get | Verb::Head, Found::Directory) => redirect::into_folder(asked)?,
            (Verb::Options, _) => allow(StatusCode::NO_CONTENT),
            (Verb::Other, _) => allow(StatusCode::METHOD_NOT_ALLOWED),
        };
        Some(if asked.verb == Verb::Head { reply.without_content() } else { reply })
    }

    /// The type and the content of the file at `path`, for an error page; `None` if it cannot be
    /// [read](Self::read_page).
    pub(crate) async fn page(&self, path: &str) -> Option<(HeaderValue, Bytes)> {
        let (files, at) = (self.clone(), path.to_owned());
        let page = blocking(move || files.read_page(&at)).await;
        page.inspect_err(|error| tracing::warn!(path, error = %Chain(error), "an error page cannot be read")).ok()
    }

    /// Blocks. An error if there is no file at `path`, or if it is larger than 1 MiB or cannot be read.
    pub(crate) fn read_page(&self, path: &str) -> io::Result<(HeaderValue, Bytes)> {
        let page = self.0.file(path, LARGEST_PAGE)?.ok_or(io::ErrorKind::NotFound)?;
        match &page.stored {
            Stored::Memory(bytes) => Ok((page.content_type().clone(), bytes.clone())),
            Stored::File(_) => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB")),
        }
    }

    /// The one way to a file: a cache of what was found belongs here.
    async fn find(&self, asked: &Asked<'_>, path: &str) -> io::Result<Found> {
        let (folder, at, at_once) = (Arc::clone(&self.0), path.to_owned(), at_once(asked));
        blocking(move || folder.find(&at, at_once)).await
    }

    fn answer(&self, asked: &Asked<'_>, file: &Representation) -> Reply {
        match file.validators.evaluate(&asked.fields) {
            Precondition::Failed => Reply::empty(StatusCode::PRECONDITION_FAILED, Vec::new()),
            Precondition::NotModified => file.not_modified(),
            Precondition::Passed => match self.select(asked, file) {
                Selection::Whole => file.whole(),
                Selection::Part(range) => file.part(range),
                Selection::Parts(ranges) => file.parts(&ranges),
                Selection::Unsatisfiable => file.unsatisfiable(),
            },
        }
    }

    /// What is asked of a file; ranges are for GET alone (RFC 9110 §14.2).
    fn select(&self, asked: &Asked<'_>, file: &Representation) -> Selection {
        let range = if asked.verb == Verb::Get { file.validators.range(&asked.fields) } else { None };
        range.map_or(Selection::Whole, |range| Selection::parse(range, file.size, self.0.max_ranges()))
    }
}

/// Up to which size a file is read where it is opened: not if its content may not be needed.
fn at_once(asked: &Asked<'_>) -> u64 {
    let conditional = asked.fields.if_none_match.is_some() || asked.fields.if_modified_since.is_some();
    if asked.verb == Verb::Get && !conditional { SMALL } else { 0 }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|lost| Err(lost.into()))
}

fn allow(status: StatusCode) -> Reply {
    Reply::empty(status, vec![(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"))])
}

fn failure(path: &str, error: &io::Error) -> Reply {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Reply::empty(StatusCode::FORBIDDEN, Vec::new());
    }
    tracing::error!(path, error = %Chain(error), "a file cannot be read");
    Reply::empty(StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
}

#[cfg(test)]
mod tests;
