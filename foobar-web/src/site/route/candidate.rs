use std::cell::RefCell;
use std::num::NonZeroU64;
use std::path::Path;

use http::{HeaderValue, StatusCode};

use crate::reply::{Pace, Reply};
use crate::request::RequestView;
use crate::static_files::{
    Asset, Encodings, Files, FilesOptions, HeaderRules, Lookup, PRIVATE, StaticFiles, Unready, into_folder,
};
use crate::{Autoindex, Error, RouteSettings, SiteSettings};

/// Where a file may lie: one look of `try_files`.
pub(crate) enum Candidate {
    /// Anywhere in a folder; so many bytes of the path are cut off before.
    Folder { files: StaticFiles, cut: usize },
    /// One file, of this name in its folder.
    File { files: StaticFiles, name: String },
    /// The file whose name is the path, so much of it cut off, with this before and after it.
    Around { files: StaticFiles, cut: usize, before: String, after: String },
    /// The index of the folder whose name is the path, so much of it cut off, with this before it.
    Under { files: StaticFiles, cut: usize, before: String },
}

/// A folder, as it is served under its site or route; opened once for each way in which it is tried.
pub(crate) struct Folder<'a> {
    files: &'a Files,
    pub(crate) path: &'a Path,
    pub(crate) cut: usize,
    /// The key that names it.
    key: String,
    site: (&'a str, &'a SiteSettings),
    route: Option<(&'a str, &'a RouteSettings)>,
    opened: RefCell<Vec<((bool, bool), StaticFiles)>>,
}

impl Candidate {
    /// The answer to a request for a decoded path, if it is ready.
    pub(crate) fn try_serve(&self, asked: &RequestView<'_>, path: &[u8]) -> Lookup {
        match self {
            // The folder itself without its slash.
            Self::Folder { cut, .. } | Self::Under { cut, .. } if path.len() == *cut => {
                into_folder(asked).map_or(Lookup::NotFound, Lookup::Found)
            }
            Self::Folder { files, cut } => files.try_serve(asked, &path[*cut..]),
            Self::Under { files, cut, before } => files.try_serve(asked, &Self::name_around(before, &path[*cut..], "")),
            Self::Around { cut, .. } if path.len() == *cut => Lookup::NotFound,
            Self::File { files, name } => try_file(files, asked, name.as_bytes()),
            Self::Around { files, cut, before, after } => {
                try_file(files, asked, &Self::name_around(before, &path[*cut..], after))
            }
        }
    }

    /// The answer that [`try_serve`](Self::try_serve) would have had to wait for; `None` if nothing that is served lies
    /// here.
    pub(crate) async fn wait(&self, asked: &RequestView<'_>, path: &[u8], unready: Unready) -> Option<Reply> {
        match self {
            Self::Folder { files, cut } => files.wait(asked, &path[*cut..], unready).await,
            Self::File { files, name } => files.wait(asked, name.as_bytes(), unready).await.filter(is_file),
            Self::Around { files, cut, before, after } => {
                let name = Self::name_around(before, &path[*cut..], after);
                files.wait(asked, &name, unready).await.filter(is_file)
            }
            Self::Under { files, cut, before } => {
                files.wait(asked, &Self::name_around(before, &path[*cut..], ""), unready).await
            }
        }
    }

    /// What a page may say of the file at a decoded path, and where it was looked for; nothing where no folder is looked
    /// in. May block.
    pub(crate) fn asset(&self, path: &[u8]) -> Option<(std::io::Result<Asset>, &str)> {
        match self {
            Self::Folder { files, cut } => Some((files.asset(path.get(*cut..)?), files.place())),
            Self::File { .. } | Self::Around { .. } | Self::Under { .. } => None,
        }
    }

    /// A path with this before and after it. Slashes that meet are one.
    pub(super) fn name_around(before: &str, path: &[u8], after: &str) -> Vec<u8> {
        let path = if after.starts_with('/') { path.strip_suffix(b"/").unwrap_or(path) } else { path }; // it has none
        [before.as_bytes(), path, after.as_bytes()].concat()
    }

    /// Both.
    pub(crate) async fn serve(&self, asked: &RequestView<'_>, path: &[u8]) -> Option<Reply> {
        match self.try_serve(asked, path) {
            Lookup::Found(reply) => Some(reply),
            Lookup::NotFound => None,
            Lookup::WouldBlock(unready) => self.wait(asked, path, unready).await,
        }
    }
}

fn try_file(files: &StaticFiles, asked: &RequestView<'_>, name: &[u8]) -> Lookup {
    match files.try_serve(asked, name) {
        Lookup::Found(reply) if !is_file(&reply) => Lookup::NotFound,
        lookup => lookup,
    }
}

/// Whether this is no redirect into a directory, which lies where a file is meant.
pub(crate) fn is_file(reply: &Reply) -> bool {
    reply.status != StatusCode::MOVED_PERMANENTLY
}

impl<'a> Folder<'a> {
    /// `site` is the site and its section, `route` the route and its section, if it is not the site's own root.
    pub(crate) fn new(
        files: &'a Files,
        path: &'a Path,
        cut: usize,
        site: (&'a str, &'a SiteSettings),
        route: Option<(&'a str, &'a RouteSettings)>,
    ) -> Self {
        let key = route.map_or_else(|| format!("{}.root", site.0), |(key, _)| format!("{key}.files"));
        Self { files, path, cut, key, site, route, opened: RefCell::default() }
    }

    /// Its files, tried as `file` and `index` of `try_files` say.
    pub(crate) fn files(&self, file: bool, index: bool) -> Result<StaticFiles, Error> {
        let mut opened = self.opened.borrow_mut();
        if let Some((_, files)) = opened.iter().find(|(how, _)| *how == (file, index)) {
            return Ok(files.clone());
        }
        let files = StaticFiles::open(self.files, self.path, self.options(file, index)?);
        let files = files.map_err(|source| self.error(source))?;
        opened.push(((file, index), files.clone()));
        Ok(files)
    }

    /// The one file that this path names, in place of a folder.
    pub(crate) fn file(&self) -> Result<Candidate, Error> {
        if self.path.is_dir() {
            return Err(Error::setting(&self.key, "an exact path takes one file, and this is a folder"));
        }
        let opened = StaticFiles::open_file(self.files, self.path, self.options(true, false)?);
        opened.map(|(files, name)| Candidate::File { files, name }).map_err(|source| self.error(source))
    }

    pub(crate) fn options(&self, file: bool, directory_index: bool) -> Result<FilesOptions, Error> {
        let (key, site) = self.site;
        let route = self.route.map(|(_, route)| route);
        let internal = route.is_some_and(|route| route.internal);
        Ok(FilesOptions {
            place: format!("{} (`{}`)", self.path.display(), self.key),
            assets: !internal,
            links: route.and_then(|route| route.links).unwrap_or(site.links),
            index: site.index.to_vec(),
            announce: HeaderRules::compile(key, site, self.route)?,
            encodings: Encodings::compile(key, site)?,
            autoindex: autoindex(site, route),
            list_caching: if internal { PRIVATE } else { HeaderValue::from_static("no-cache") },
            pace: pace(site, route),
            max_ranges: site.max_ranges,
            file,
            directory_index,
        })
    }

    fn error(&self, source: std::io::Error) -> Error {
        Error::Open { key: self.key.clone(), path: self.path.to_owned(), source }
    }
}

/// The route's where it has its own. What is private has its names listed only by a word of its own.
fn autoindex(site: &SiteSettings, route: Option<&RouteSettings>) -> Autoindex {
    match route.map(|route| (route.autoindex, route.internal)) {
        Some((Some(own), _)) => own,
        Some((None, true)) => Autoindex::Off,
        Some((None, false)) | None => site.autoindex,
    }
}

/// The route's where it has its own.
fn pace(site: &SiteSettings, route: Option<&RouteSettings>) -> Option<Pace> {
    let rate = route.and_then(|route| route.limit_rate).unwrap_or(site.limit_rate);
    let after = route.and_then(|route| route.limit_rate_after).unwrap_or(site.limit_rate_after);
    NonZeroU64::new(rate.as_u64()).map(|rate| Pace { rate, after: after.as_u64() })
}
