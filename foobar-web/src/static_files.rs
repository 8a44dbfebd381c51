mod content_type;
mod folder;
mod multipart;
mod range;
mod representation;
mod stream;
mod validators;

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use foobar_core::{Chain, Response, ResponseBody};
use http::header::{ACCEPT_RANGES, ALLOW, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Uri};
use tokio::task::spawn_blocking;

use crate::path::NormalPath;
use folder::{Folder, Found};
use range::Selection;
use representation::{Content, Representation};
use validators::Precondition;

/// One folder whose files are served, by GET and HEAD, whole or in ranges (RFC 9110).
///
/// A file is looked up in one visit to the blocking pool, which also reads it if it is small; nothing is kept between
/// requests.
#[derive(Clone)]
pub(crate) struct StaticFiles(Arc<Folder>);

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

    /// Answers a request for `path`, which is decoded, normalised and relative to this folder. `None` if nothing that
    /// is served lies there: the next in `try_files` has its turn.
    ///
    /// An error (403, 405, 412, 416, 500) has its headers but no body.
    pub(crate) async fn serve(&self, request: &Parts, path: &str) -> Option<Response> {
        let found = match self.find(request, path).await {
            Ok(found) => found,
            Err(error) => return Some(failure(path, &error)),
        };
        let response = match (&request.method, found) {
            (_, Found::Nothing) => return None,
            (&Method::GET | &Method::HEAD, Found::File(file)) => self.answer(request, &file),
            (&Method::GET | &Method::HEAD, Found::Directory) => add_slash(&request.uri)?,
            (&Method::OPTIONS, _) => allow(StatusCode::NO_CONTENT),
            _ => allow(StatusCode::METHOD_NOT_ALLOWED),
        };
        Some(if request.method == Method::HEAD { response.map(|_| ResponseBody::empty()) } else { response })
    }

    /// The type and the content of the file at `path`, for an error page; `None` if there is none, or if it is larger
    /// than 1 MiB or cannot be read.
    pub(crate) async fn page(&self, path: &str) -> Option<(HeaderValue, Bytes)> {
        let (folder, at) = (Arc::clone(&self.0), path.to_owned());
        match blocking(move || folder.file(&at, LARGEST_PAGE)).await {
            Ok(Some(Representation { content_type, content: Content::Memory(bytes), .. })) => {
                Some((content_type, bytes))
            }
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(path, error = %Chain(&error), "an error page cannot be read");
                None
            }
        }
    }

    /// The one way to a file: a cache of what was found belongs here.
    async fn find(&self, request: &Parts, path: &str) -> io::Result<Found> {
        let (folder, at, at_once) = (Arc::clone(&self.0), path.to_owned(), at_once(request));
        blocking(move || folder.find(&at, at_once)).await
    }

    fn answer(&self, request: &Parts, file: &Representation) -> Response {
        match file.validators.evaluate(&request.headers) {
            Precondition::Failed => status(StatusCode::PRECONDITION_FAILED),
            Precondition::NotModified => file.not_modified(),
            Precondition::Passed => match self.select(request, file) {
                Selection::Whole => self.whole(file),
                Selection::Part(range) => file.part(range),
                Selection::Parts(ranges) => file.parts(&ranges),
                Selection::Unsatisfiable => file.unsatisfiable(),
            },
        }
    }

    fn whole(&self, file: &Representation) -> Response {
        let mut response = file.whole();
        if self.0.max_ranges() > 0 {
            response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        response
    }

    /// What is asked of a file; ranges are for GET alone (RFC 9110 §14.2).
    fn select(&self, request: &Parts, file: &Representation) -> Selection {
        let range = if request.method == Method::GET { file.validators.range(&request.headers) } else { None };
        range.map_or(Selection::Whole, |range| Selection::parse(range, file.size, self.0.max_ranges()))
    }
}

/// Up to which size a file is read where it is opened: not if its content may not be needed.
fn at_once(request: &Parts) -> u64 {
    let conditional = [IF_NONE_MATCH, IF_MODIFIED_SINCE].iter().any(|name| request.headers.contains_key(name));
    if request.method == Method::GET && !conditional { SMALL } else { 0 }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|lost| Err(lost.into()))
}

/// 301 from a directory to itself with a `/`, on this origin: the path begins with exactly one `/`.
fn add_slash(uri: &Uri) -> Option<Response> {
    let path = NormalPath::parse(uri.path()).ok()?; // it was parsed before it came here
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("{}/{query}", path.encoded());
    let location = HeaderValue::try_from(location).ok()?; // a URI holds no control characters
    let mut response = status(StatusCode::MOVED_PERMANENTLY);
    response.headers_mut().insert(LOCATION, location);
    Some(response)
}

fn allow(code: StatusCode) -> Response {
    let mut response = status(code);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    response
}

fn failure(path: &str, error: &io::Error) -> Response {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return status(StatusCode::FORBIDDEN);
    }
    tracing::error!(path, error = %Chain(error), "a file cannot be read");
    status(StatusCode::INTERNAL_SERVER_ERROR)
}

fn status(code: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = code;
    response
}

#[cfg(test)]
mod tests;
