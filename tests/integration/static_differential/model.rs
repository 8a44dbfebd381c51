use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

use rustix::io::Errno;

use super::folder::{Folder, LEAVING};
use super::requests::{Request, TAG, TAG_OF_GZIP, decode, normalise};
use crate::support::time_of_files;

/// What a request leads to, as Foobar's documents say: an encoded slash stays `%2F`, as a part of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A target that no request may have.
    Malformed,
    /// A name that begins with a dot.
    Hidden,
    /// A link that leaves the folder.
    Outside,
    /// No file and no directory is there.
    Nothing(PathBuf),
    /// Neither file nor directory, or a name that leads in a circle.
    Special,
    DirectoryWithoutIndex,
    DirectoryWithIndex,
    /// A regular file.
    File(PathBuf),
}

impl Found {
    pub(super) fn of(request: &Request, folder: &Folder) -> Self {
        let escaped = String::from_utf8_lossy(request.raw_path()).replace("%2f", "%252F").replace("%2F", "%252F");
        let decoded = decode(escaped.as_bytes()).filter(|path| !has_control(path));
        let path = decoded.and_then(|path| normalise(&path));
        let Some(path) = path.filter(|_| is_sent(&request.target)) else {
            return Self::Malformed;
        };
        if is_hidden(&path) {
            return Self::Hidden;
        }
        if LEAVING.iter().any(|link| path.starts_with(link.as_bytes())) {
            return Self::Outside;
        }
        Self::at(folder.at(&path), path.ends_with(b"/"))
    }

    /// Where the tags in a request come from.
    pub(super) fn place(request: &Request, folder: &Folder) -> Self {
        let path = &folder.paths[request.place].path;
        Self::at(folder.at(path), path.ends_with(b"/"))
    }

    fn at(path: PathBuf, slash: bool) -> Self {
        let index = path.join("index.html");
        match path.metadata() {
            Ok(found) if found.is_dir() && slash && index.is_file() => Self::File(index),
            Ok(found) if found.is_dir() && index.is_file() => Self::DirectoryWithIndex,
            Ok(found) if found.is_dir() => Self::DirectoryWithoutIndex,
            Ok(found) if found.is_file() && !slash => Self::File(path),
            Err(error) if Errno::from_io_error(&error) != Some(Errno::LOOP) => Self::Nothing(path),
            _ => Self::Special,
        }
    }
}

fn has_control(path: &[u8]) -> bool {
    path.utf8_chunks().any(|chunk| chunk.valid().chars().any(char::is_control))
}

/// Whether clients send such a target: as browsers do, or the same without escapes where it has none of another meaning.
fn is_sent(target: &[u8]) -> bool {
    str::from_utf8(target).is_ok() && target.iter().all(|byte| *byte > b' ' && !b"#\x7f".contains(byte))
}

fn is_hidden(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"/.well-known/").unwrap_or(path); // the one name that may
    path.split(|byte| *byte == b'/').any(|segment| segment.starts_with(b"."))
}

/// What is sent of a file: its content, or that of its compressed sibling.
pub(super) struct Representation {
    pub(super) file: PathBuf,
    pub(super) coding: Option<&'static str>,
    size: u64,
    /// `None` where the time tells nothing of a change.
    modified: Option<u64>,
    /// What stands in requests for its entity tag.
    tags: &'static [&'static str],
}

impl Representation {
    /// What is to be sent of a file; `asked` says whether the tags in the request are those of this file.
    pub(super) fn chosen(request: &Request, file: &Path, asked: bool) -> Self {
        let sibling = sibling(file);
        let (file, coding, tags): (_, _, &[&str]) = match usable(&sibling, file) {
            true if wants_gzip(request) => (sibling, Some("gzip"), &[TAG_OF_GZIP]),
            true => (file.to_owned(), None, &[TAG]),
            false => (file.to_owned(), None, &[TAG, TAG_OF_GZIP]),
        };
        let (size, modified) = state(&file);
        let modified = Some(modified).filter(|modified| *modified >= FIRST);
        Self { file, coding, size, modified, tags: if asked { tags } else { &[] } }
    }

    /// The status that RFC 9110 gives to a GET or HEAD (§13.2.2, §14.2).
    pub(super) fn status(&self, request: &Request) -> u16 {
        let failed = match (request.field("If-Match"), request.field("If-Unmodified-Since").and_then(date)) {
            (Some(list), _) => !self.is_named(list, false),
            (None, Some(date)) => self.modified.is_some_and(|modified| modified > date),
            (None, None) => false,
        };
        let known = match (request.field("If-None-Match"), request.field("If-Modified-Since").and_then(date)) {
            (Some(list), _) => self.is_named(list, true),
            (None, Some(date)) => self.modified.is_some_and(|modified| modified <= date),
            (None, None) => false,
        };
        let dated = |condition: &str| self.modified.is_some() && date(condition) == self.modified;
        let current = |condition: &str| self.tags.contains(&condition) || dated(condition);
        let asked = request.field("Range").filter(|_| request.method == "GET");
        match asked.filter(|_| request.field("If-Range").is_none_or(current)).map(|range| specs(range, self.size)) {
            _ if failed => 412,
            _ if known => 304,
            Some(Specs::Satisfiable) => 206,
            Some(Specs::Unsatisfiable) => 416,
            _ => 200,
        }
    }

    /// Whether a list has one of the tags, which stand as names in it.
    fn is_named(&self, list: &str, weak: bool) -> bool {
        let has = |tag: &&str| list.match_indices(*tag).any(|(at, _)| weak || !list[..at].ends_with("W/"));
        list.trim() == "*" || self.tags.iter().any(has)
    }
}

/// 3 January 1980: tools that know no time, or hide it, say an earlier one.
const FIRST: u64 = 315_705_600;

/// The precompressed file beside a file.
pub(super) fn sibling(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".gz");
    name.into()
}

/// Whether a sibling is smaller than its file and not older, and no link, and worth to be looked for.
pub(super) fn usable(sibling: &Path, file: &Path) -> bool {
    let plain = sibling.is_file() && !sibling.is_symlink() && file.extension() != Some(OsStr::new("png"));
    plain && {
        let ((size, modified), (whole, changed)) = (state(sibling), state(file));
        size < whole && modified >= changed
    }
}

/// When the test began.
static NOW: LazyLock<SystemTime> = LazyLock::new(time_of_files);

/// Size, and last change in seconds since 1970, as HTTP can say it.
fn state(file: &Path) -> (u64, u64) {
    let metadata = file.metadata().unwrap();
    let modified = metadata.modified().unwrap().min(*NOW); // RFC 9110 §8.8.2.1
    (metadata.len(), modified.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// Whether gzip has at least the weight of the plain content (RFC 9110 §12.5.3).
fn wants_gzip(request: &Request) -> bool {
    let elements = request.field("Accept-Encoding").unwrap_or("").split(',').filter_map(|element| {
        let (name, weight) = element.split_once(';').unwrap_or((element, "q=1"));
        let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?; // malformed: as if it were not there
        (0.0..=1.0).contains(&weight).then(|| (name.trim().to_ascii_lowercase(), weight))
    });
    let weights: HashMap<String, f32> = elements.collect();
    let weight = |names: &[&str]| names.iter().find_map(|name| weights.get(*name)).copied().unwrap_or(0.0);
    let gzip = weight(&["gzip", "x-gzip", "*"]);
    gzip > 0.0 && gzip >= weight(&["identity", "*"])
}

/// In seconds since 1970; `None` for what is no date, which a server must ignore.
pub(super) fn date(text: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(text).ok()?; // most are none on purpose
    Some(date.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// What the value of a `Range` is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Specs {
    Malformed,
    /// Not asked for in earnest: too many, more than the file, of nothing.
    Ignored,
    Unsatisfiable,
    Satisfiable,
}

pub(super) fn specs(range: &str, size: u64) -> Specs {
    let Some((unit, set)) = range.split_once('=').filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes")) else {
        return Specs::Ignored;
    };
    debug_assert_eq!(unit.len(), 5);
    let specs = set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty());
    let Some(lengths) = specs.map(|spec| length(spec, size)).collect::<Option<Vec<_>>>() else {
        return Specs::Malformed;
    };
    match (lengths.len(), lengths.iter().sum::<u64>()) {
        (0, _) => Specs::Malformed,
        (257.., _) => Specs::Ignored,
        _ if size == 0 => Specs::Ignored,
        (_, 0) => Specs::Unsatisfiable,
        (_, all) if all > size => Specs::Ignored,
        _ => Specs::Satisfiable,
    }
}

/// How many bytes of the file a spec names; `None` for a malformed one.
fn length(spec: &str, size: u64) -> Option<u64> {
    let (first, last) = spec.split_once('-')?;
    if !first.bytes().chain(last.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |digits: &str| digits.parse::<u64>().unwrap_or(u64::MAX).min(1 << 60); // only too large
    match (first, last) {
        ("", "") => None,
        ("", last) => Some(number(last).min(size)),
        (first, "") => Some(size.saturating_sub(number(first))),
        (first, last) if number(first) > number(last) => None,
        (first, last) => Some((number(last) + 1).min(size).saturating_sub(number(first).min(size))),
    }
}
