use http::HeaderValue;

use super::resource::{Encodings, HeaderRules};
use crate::reply::Pace;
use crate::{Autoindex, Links};

/// How a folder is served.
pub(crate) struct FilesOptions {
    /// The folder, and the setting that names it; for messages.
    pub(crate) place: String,
    /// Whether a name with the hash of a content leads to the file that has it.
    pub(crate) assets: bool,
    /// Which links are followed.
    pub(crate) links: Links,
    /// The names that are tried, in order, where a directory is asked for.
    pub(crate) index: Vec<String>,
    /// What a file is announced with, by its name.
    pub(crate) announce: HeaderRules,
    /// Which codings it is sent in.
    pub(crate) encodings: Encodings,
    /// How a directory without an index is listed, where `directory_index` allows it.
    pub(crate) autoindex: Autoindex,
    /// What `Cache-Control` says of such a list.
    pub(crate) list_caching: HeaderValue,
    /// How fast a file may be sent; as fast as it goes without one.
    pub(crate) pace: Option<Pace>,
    /// The most ranges that are served to one request; 0 turns ranges off.
    pub(crate) max_ranges: usize,
    /// Whether a path may name a file (`file` in `try_files`).
    pub(crate) file: bool,
    /// Whether a path may name a directory with an index (`index` in `try_files`).
    pub(crate) directory_index: bool,
}
