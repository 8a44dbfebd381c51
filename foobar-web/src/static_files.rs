//! Static files, by GET and HEAD, whole or in ranges (RFC 9110): from what a request asks to a reply. It must not know
//! sites, routes or connections.
//!
//! - A miss is tried on the worker without blocking (`openat2` with `RESOLVE_CACHED`, `preadv2` with `RWF_NOWAIT`);
//!   what the system would have to wait for goes to the file-reading pool.
//! - Content is never mixed: the state before and after a read must be the same, else it is read again, at most three
//!   times; then the file is served from its descriptor, and a length that changes meanwhile cuts the connection.
//! - A name with the hash of a content (`asset_name.rs`, `tree/asset.rs`) leads to the file that has it, for ever. Where
//!   the file has another content by now, that is sent with `no-cache`: a page of before the change keeps its looks.
//! - The root is looked up again at the latest every `file_cache_valid`: a replaced link is seen within one of them.

mod asset_name;
mod autoindex;
mod cache;
mod dates;
mod files;
mod hashes;
mod lister;
mod load;
mod options;
mod resource;
mod store;
mod tree;

#[cfg(fuzzing)]
pub(crate) mod fuzzing;

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use foobar_core::Chain;
use http::header::{ALLOW, LOCATION};
use http::{HeaderValue, StatusCode};

use crate::file_source::Blocking;
use crate::reply::Reply;
use crate::request::{NormalPath, RequestView, Verb};
use autoindex::Listing;
use cache::{Entry, Found};
use load::Stored;
use resource::{Precondition, Representation, Resource, Selected, Selection};
use tree::Tree;

pub(crate) use asset_name::with_hash;
pub(crate) use files::Files;
pub(crate) use options::FilesOptions;
pub(crate) use resource::{Encodings, HeaderRules, PRIVATE};
pub(crate) use store::Store;

/// One source whose files are served, by GET and HEAD, whole or in ranges (RFC 9110).
///
/// What was found is kept in the cache of the [`Store`]. What is not there is looked for on the worker as far as that
/// does not block, and on the file-reading pool where it would.
#[derive(Clone)]
pub(crate) struct StaticFiles(Arc<Tree>);

/// What is known of a path without waiting.
pub(crate) enum Lookup {
    Found(Reply),
    /// Nothing that is served lies there.
    NotFound,
    /// To be asked with [`StaticFiles::wait`].
    WouldBlock(Unready),
}

/// What a page may say of a file, to name it with its content.
pub(crate) enum Asset {
    /// The hash of its content.
    Hash(String),
    /// It is there, but its hash is not known as yet.
    Unhashed,
    /// No file is there.
    Nothing,
}

/// What has to be waited for: what lies at the path, or, where that is known, its coding or its list.
pub(crate) struct Unready(Option<Arc<Entry>>);

/// The largest error page, in bytes.
const LARGEST_PAGE: u64 = 1 << 20;

impl StaticFiles {
    /// Opens a folder, or the source that `root` names. An error if it is not there or not a directory. Blocks.
    pub(crate) fn open(files: &Files, root: &Path, options: FilesOptions) -> io::Result<Self> {
        let source = files.open(root, options.links)?;
        Ok(Self(Arc::new(Tree::open(source, options, &files.store)?)))
    }

    /// Opens the folder that `file` lies in, and gives its name there. An error if it is no file that can be served.
    /// Blocks.
    pub(crate) fn open_file(files: &Files, file: &Path, options: FilesOptions) -> io::Result<(Self, String)> {
        let (source, name) = files.open_for(file, options.links)?;
        let tree = Tree::open(source, options, &files.store)?;
        match &tree.find_blocking(name.as_bytes())?.found {
            Found::File(_) => Ok((Self(Arc::new(tree)), name)),
            _ if files.are_unopened() => Ok((Self(Arc::new(tree)), name)),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, "it is no file, or hidden, or a link out of its folder")),
        }
    }

    /// Answers a request for `path`, which is decoded, normalised and relative to this folder, if the answer is ready: it
    /// never waits and never blocks.
    ///
    /// An error (403, 405, 412, 416, 500) has its fields but no content.
    pub(crate) fn try_serve(&self, asked: &RequestView<'_>, path: &[u8]) -> Lookup {
        match self.0.try_find(path) {
            Ok(entry) => self.ready(asked, &entry),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Lookup::WouldBlock(Unready(None)),
            Err(error) => Lookup::Found(self.failure(path, &error)),
        }
    }

    /// The answer that [`try_serve`](Self::try_serve) would have had to wait for; `None` if nothing that is served lies
    /// there: the next in `try_files` has its turn.
    pub(crate) async fn wait(&self, asked: &RequestView<'_>, path: &[u8], unready: Unready) -> Option<Reply> {
        let entry = match unready.0 {
            Some(entry) => entry,
            None => match self.0.find_on_pool(path).await {
                Ok(entry) => entry,
                Err(error) => return Some(self.failure(path, &error)),
            },
        };
        match (self.ready(asked, &entry), &entry.found) {
            (Lookup::Found(reply), _) => Some(reply),
            (Lookup::NotFound, _) => None,
            (Lookup::WouldBlock(_), Found::File(file)) => Some(self.encode(asked, path, file).await),
            (Lookup::WouldBlock(_), _) => self.list(asked, path).await,
        }
    }

    /// The type and the content of the file at `path`, for an error page; `None` if it cannot be
    /// [read](Self::read_page).
    pub(crate) async fn page(&self, path: &[u8]) -> Option<(HeaderValue, Bytes)> {
        if let Ok(entry) = self.0.try_find(path)
            && let Found::File(file) = &entry.found
            && let Stored::Memory(bytes) = &file.identity().stored
            && bytes.len() as u64 <= LARGEST_PAGE
        {
            return Some((file.identity().content_type().clone(), bytes.clone()));
        }
        let (files, at) = (self.clone(), path.to_owned());
        let page = self.0.store.pool().run(move || files.read_page(&at)).await.and_then(|page| page);
        let path = &*String::from_utf8_lossy(path);
        page.inspect_err(|error| tracing::warn!(path, error = %Chain(error), "an error page cannot be read")).ok()
    }

    /// An error if there is no file at `path`, or if it is larger than 1 MiB or cannot be read. Blocks.
    pub(crate) fn read_page(&self, path: &[u8]) -> io::Result<(HeaderValue, Bytes)> {
        let entry = self.0.find_blocking(path)?;
        let Found::File(file) = &entry.found else { return Err(io::ErrorKind::NotFound.into()) };
        let page = file.identity();
        if page.size > LARGEST_PAGE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
        }
        let content = match &page.stored {
            Stored::Memory(bytes) => bytes.clone(),
            Stored::File(file) => {
                let mut content = vec![0; page.size as usize];
                file.read(&mut content, 0, Blocking::Allowed)?;
                content.into()
            }
        };
        Ok((page.content_type().clone(), content))
    }

    /// What a page may say of the file at a path. A small file that is not in memory is read here and now, which blocks
    /// once: a page cannot wait for it, and is to say the same each time.
    pub(crate) fn asset(&self, path: &[u8]) -> io::Result<Asset> {
        let entry = match self.0.try_find(path) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.0.find_blocking(path)?,
            found => found?,
        };
        Ok(match &entry.found {
            Found::File(file) if self.0.options.file && path.ends_with(&file.path) => {
                self.0.content_hash(file).map_or(Asset::Unhashed, Asset::Hash)
            }
            _ => Asset::Nothing, // or it is found by a name that has its hash already
        })
    }

    /// The folder, and the setting that names it.
    pub(crate) fn place(&self) -> &str {
        &self.0.options.place
    }

    fn ready(&self, asked: &RequestView<'_>, entry: &Arc<Entry>) -> Lookup {
        let would_block = || Lookup::WouldBlock(Unready(Some(Arc::clone(entry))));
        match (asked.verb, &entry.found) {
            (_, Found::Nothing) => Lookup::NotFound,
            (Verb::Get | Verb::Head, Found::File(file)) => match file.select(&asked.fields) {
                Selected::Ready(representation) => Lookup::Found(self.answer(asked, representation)),
                Selected::Unmade(_) => would_block(),
            },
            (Verb::Get | Verb::Head, Found::Directory) => into_folder(asked).map_or(Lookup::NotFound, Lookup::Found),
            (Verb::Get | Verb::Head, Found::Listing) => would_block(),
            (Verb::Options, _) => Lookup::Found(allow(StatusCode::NO_CONTENT)),
            (Verb::Other, _) => Lookup::Found(allow(StatusCode::METHOD_NOT_ALLOWED)),
        }
    }

    /// Answers in a coding that has to be made before.
    async fn encode(&self, asked: &RequestView<'_>, path: &[u8], resource: &Arc<Resource>) -> Reply {
        let representation = match resource.select(&asked.fields) {
            Selected::Ready(representation) => representation,
            Selected::Unmade(coding) => {
                let (tree, at, made) = (Arc::clone(&self.0), path.to_owned(), Arc::clone(resource));
                let reweigh = move || tree.reweigh(&at, &made);
                resource.make(coding, self.0.store.compressor(), reweigh).await
            }
        };
        self.answer(asked, representation)
    }

    /// Lists a directory.
    async fn list(&self, asked: &RequestView<'_>, path: &[u8]) -> Option<Reply> {
        let offered = |media_type: &_| self.0.options.encodings.compress(b"", media_type, autoindex::LARGEST);
        let listing = Listing::of(asked, self.0.options.autoindex, offered)?;
        let (tree, at, wanted) = (Arc::clone(&self.0), path.to_owned(), listing.clone());
        let list = move || {
            let offered = |media_type: &_, size| tree.options.encodings.compress(b"", media_type, size);
            let entries = tree.list(&at, wanted.first(), autoindex::LISTED)?;
            Ok(entries.and_then(|entries| wanted.make(entries, offered)))
        };
        let reply = match self.0.store.lister().run((self.0.number, path.into(), listing.clone()), list).await {
            Ok(list) => {
                let added = self.0.options.announce.added(path, Some(listing.media_type()));
                listing.reply(list?, &self.0.options.list_caching, added)
            }
            Err(error) => self.failure(path, &error),
        };
        Some(if asked.verb == Verb::Head { reply.without_content() } else { reply })
    }

    /// The answer where a file cannot be read; the log says why.
    fn failure(&self, path: &[u8], error: &io::Error) -> Reply {
        if error.kind() == io::ErrorKind::PermissionDenied {
            self.0.refusals.note(&String::from_utf8_lossy(path), error);
        }
        failure(path, error)
    }

    fn answer(&self, asked: &RequestView<'_>, file: &Representation) -> Reply {
        let reply = match file.validators.evaluate(&asked.fields) {
            Precondition::Failed => Reply::empty(StatusCode::PRECONDITION_FAILED, Vec::new()),
            Precondition::NotModified => file.not_modified(),
            Precondition::Passed => match self.select(asked, file) {
                Selection::Whole => file.whole(),
                Selection::Part(range) => file.part(range),
                Selection::Parts(ranges) => file.parts(&ranges),
                Selection::Unsatisfiable => file.unsatisfiable(),
            },
        };
        let reply = Reply { pace: self.0.options.pace, ..reply };
        if asked.verb == Verb::Head { reply.without_content() } else { reply }
    }

    /// What is asked of a file; ranges are for GET alone (RFC 9110 §14.2).
    fn select(&self, asked: &RequestView<'_>, file: &Representation) -> Selection {
        let range = if asked.verb == Verb::Get { file.validators.range(&asked.fields) } else { None };
        range.map_or(Selection::Whole, |range| Selection::parse(range, file.size, self.0.options.max_ranges))
    }
}

/// From a folder without its last slash to the folder; on this origin, as the path begins with exactly one `/`.
pub(crate) fn into_folder(asked: &RequestView<'_>) -> Option<Reply> {
    let path = NormalPath::parse(asked.path).ok()?; // it was parsed before it came here
    let query = asked.query.map(|query| format!("?{query}")).unwrap_or_default(); // no query, no mark
    let location = HeaderValue::try_from(format!("{}/{query}", path.encoded())).ok()?; // a URI has no control bytes
    Some(Reply::empty(StatusCode::MOVED_PERMANENTLY, vec![(LOCATION, location)]))
}

fn allow(status: StatusCode) -> Reply {
    Reply::empty(status, vec![(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"))])
}

fn failure(path: &[u8], error: &io::Error) -> Reply {
    match error.kind() {
        io::ErrorKind::PermissionDenied => return Reply::empty(StatusCode::FORBIDDEN, Vec::new()),
        io::ErrorKind::OutOfMemory => return Reply::empty(StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
        _ => {}
    }
    let path = &*String::from_utf8_lossy(path);
    tracing::error!(path, error = %Chain(error), "a file cannot be read");
    Reply::empty(StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
}

#[cfg(test)]
mod tests;
