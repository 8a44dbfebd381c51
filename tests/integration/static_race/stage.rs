use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use super::coded::{gunzip, gzip};
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// A folder in which everything changes, and a secret beside it.
pub(super) struct Stage(tempfile::TempDir);

/// What changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// A directory and a link to the secret's change places.
    Directory,
    /// A file and a link to the secret change places.
    Leaf,
    /// A directory that a link leads out of leaves the root and comes back.
    Parent,
    /// A file is replaced by its next version.
    Replace(&'static str),
    /// A file is truncated or grown where it is.
    Resize(&'static str),
    /// A file comes or goes.
    Remove,
    /// A file and its sibling are replaced, one after the other or only one of them, or the sibling goes.
    Pair,
    /// A file and its sibling are replaced, and the sibling is always the older one.
    Outdated,
}

pub(super) const SECRET: &str = "a secret! ";
/// The length of its file: no other has it.
pub(super) const SECRET_LENGTH: &str = "12340";
/// The length of a line that tells its version.
pub(super) const RECORD: usize = 16;

const SWAPPED: &str = "/swapped/file.txt";
const SWAPPING: &str = "/swapping/file.txt";
const LEAF: &str = "/leaf.txt";
const OTHER_LEAF: &str = "/other-leaf.txt";
const ABSOLUTE: &str = "/absolute/file.txt";
const UPWARD: &str = "/moving/inner/upward.txt";
const SMALL: &str = "/small.txt";
const MEDIUM: &str = "/medium.txt";
const HUGE: &str = "/huge.txt";
const REMOVED: &str = "/removed.txt";
const RESIZED: &str = "/resized.txt";
const RESIZED_HUGE: &str = "/resized-huge.txt";
/// The only one whose sibling may be served.
pub(super) const PAIRED: &str = "/paired.txt";
const OUTDATED: &str = "/outdated.txt";

pub(super) const PATHS: &[&str] =
    &[SWAPPED, SWAPPING, LEAF, OTHER_LEAF, ABSOLUTE, UPWARD, SMALL, REMOVED, RESIZED, PAIRED, OUTDATED];
pub(super) const LARGE: &[&str] = &[MEDIUM, HUGE, RESIZED_HUGE];
/// Those that are truncated and grown: what is being sent of them may end early, and then the connection does.
pub(super) const RESIZING: &[&str] = &[RESIZED, RESIZED_HUGE];
/// Those that are not there at times.
pub(super) const COMING_AND_GOING: &[&str] = &[SWAPPED, SWAPPING, LEAF, OTHER_LEAF, ABSOLUTE, REMOVED];

/// What one thread changes, and in which of its rounds.
pub(super) const SWAPS: &[(Change, u64)] = &[(Change::Directory, 1), (Change::Leaf, 1), (Change::Parent, 1)];
/// What another does; large files take longer than a round should.
pub(super) const WRITES: &[(Change, u64)] = &[
    (Change::Replace(SMALL), 1),
    (Change::Resize(RESIZED), 1),
    (Change::Remove, 1),
    (Change::Pair, 4),
    (Change::Outdated, 4),
    (Change::Replace(MEDIUM), 16),
    (Change::Replace(HUGE), 256),
    (Change::Resize(RESIZED_HUGE), 64),
];

impl Stage {
    pub(super) fn new() -> Self {
        let stage = Self(tempfile::tempdir().unwrap());
        let (place, root) = (stage.place(), stage.root());
        fs::create_dir_all(root.join("swapped")).unwrap();
        fs::create_dir_all(root.join("moving/inner")).unwrap();
        fs::create_dir_all(place.join("outside/inner")).unwrap();
        let secret = SECRET.repeat(1234);
        assert_eq!(secret.len().to_string(), SECRET_LENGTH);
        for at in ["outside/file.txt", "upward.txt"] {
            fs::write(place.join(at), &secret).unwrap();
        }
        for path in [SWAPPED, LEAF, SMALL, MEDIUM, HUGE, REMOVED, PAIRED, OUTDATED, "/upward.txt"] {
            fs::write(stage.at(path), versioned(path, 0)).unwrap();
        }
        for path in RESIZING {
            fs::write(stage.at(path), resized(5000)).unwrap();
        }
        symlink("../outside", root.join("swapping")).unwrap();
        symlink(root.join("swapped"), root.join("absolute")).unwrap();
        symlink("../outside/file.txt", root.join("other-leaf.txt")).unwrap();
        symlink("../../upward.txt", stage.at(UPWARD)).unwrap();
        stage
    }

    pub(super) fn place(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn root(&self) -> PathBuf {
        self.place().join("root")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root().join(&path[1..])
    }

    /// What is to be served at a path now; `None` for nothing.
    pub(super) fn state(&self, path: &str) -> Option<Vec<u8>> {
        let file = self.at(path).canonicalize().ok()?; // nothing is there
        file.starts_with(self.root().canonicalize().unwrap()).then(|| fs::read(file).unwrap())
    }

    /// The same for a client that takes gzip.
    pub(super) fn state_for_gzip(&self, path: &str) -> Option<Vec<u8>> {
        let modified = |path: &str| fs::metadata(self.at(path)).and_then(|file| file.modified());
        let sibling = format!("{path}.gz");
        match (modified(&sibling), modified(path)) {
            (Ok(of_sibling), Ok(of_file)) if of_sibling >= of_file => {
                Some(gunzip(&fs::read(self.at(&sibling)).unwrap()))
            }
            _ => self.state(path),
        }
    }

    /// Makes a change for the nth time.
    pub(super) fn change(&self, change: Change, times: u64) {
        match change {
            Change::Directory => swap(&self.root().join("swapped"), &self.root().join("swapping")),
            Change::Leaf => swap(&self.at(LEAF), &self.at(OTHER_LEAF)),
            Change::Parent => swap(&self.root().join("moving/inner"), &self.place().join("outside/inner")),
            Change::Replace(path) => self.replace(path, &versioned(path, times), None),
            Change::Resize(path) => {
                let file = File::options().write(true).open(self.at(path)).unwrap();
                if times.is_multiple_of(2) {
                    file.set_len(1000 + times * 31 % 4000).unwrap();
                } else {
                    let most = if path == RESIZED_HUGE { 6_000_000 } else { 300_000 };
                    file.write_all_at(&resized(5000 + (times * 7919 * 13 % most) as usize), 0).unwrap();
                }
            }
            Change::Remove => {
                if times.is_multiple_of(2) {
                    self.replace(REMOVED, &versioned(REMOVED, times), None);
                } else {
                    fs::remove_file(self.at(REMOVED)).unwrap();
                }
            }
            Change::Pair => {
                let replace_file = || self.replace(PAIRED, &versioned(PAIRED, times), Some(time(times)));
                match times % 4 {
                    0 => replace_file(),
                    1 => self.replace_sibling(times),
                    2 => {
                        replace_file();
                        self.replace_sibling(times);
                    }
                    _ => fs::remove_file(self.at(SIBLING)).unwrap(),
                }
            }
            Change::Outdated => {
                self.replace(OUTDATED, &versioned(OUTDATED, times), None);
                self.replace("/outdated.txt.gz", &OUT_OF_DATE, Some(time(times)));
            }
        }
    }

    fn replace_sibling(&self, version: u64) {
        self.replace(SIBLING, &sibling(version), Some(time(version) + Duration::from_secs(1)));
    }

    fn replace(&self, path: &str, content: &[u8], modified: Option<SystemTime>) {
        let next = self.at("/.next"); // in the same folder: from another it would wait for the swaps
        fs::write(&next, content).unwrap();
        if let Some(time) = modified {
            File::options().write(true).open(&next).unwrap().set_modified(time).unwrap();
        }
        fs::rename(next, self.at(path)).unwrap();
    }
}

const SIBLING: &str = "/paired.txt.gz";
static OUT_OF_DATE: LazyLock<Vec<u8>> = LazyLock::new(|| gzip(b"out of date\n"));

/// When a version of the pair's file was last changed. It has a fraction: without one it would stand for a whole second.
fn time(version: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(EPOCH * 1000 + version * 10_000 + 1)
}

/// In the year 2001, in seconds.
const EPOCH: u64 = 1_000_000_000;

/// The version of a sibling that was last changed at this time.
pub(super) fn version_at(modified: SystemTime) -> u64 {
    (modified.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() - EPOCH) / 10
}

/// The bytes of a version of the pair's sibling.
pub(super) fn sibling(version: u64) -> Vec<u8> {
    gzip(&versioned(PAIRED, version))
}

fn swap(one: &Path, two: &Path) {
    renameat_with(CWD, one, CWD, two, RenameFlags::EXCHANGE).unwrap();
}

/// The version that some of the content of a file tells.
pub(super) fn version(path: &str, part: &[u8]) -> u64 {
    if RESIZING.contains(&path) {
        return 0;
    }
    let start = part.iter().position(|byte| *byte == b'\n').expect("a whole line") + 1;
    let line = str::from_utf8(&part[start..start + RECORD]).expect("a line of text");
    line["version ".len()..RECORD - 1].parse().unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

/// The whole content of a version; for a file that is resized, of so many bytes.
pub(super) fn content(path: &str, version: u64, size: usize) -> Vec<u8> {
    if RESIZING.contains(&path) { resized(size) } else { versioned(path, version) }
}

/// Each version has a length of its own.
fn versioned(path: &str, version: u64) -> Vec<u8> {
    let least = match path {
        MEDIUM => 200_000,
        HUGE => 3_000_000,
        _ => 2000,
    };
    repeated(&format!("version {version:07}\n"), least + (version % 997) as usize)
}

/// The same bytes at the same place, whatever the length; none of them is 0.
fn resized(length: usize) -> Vec<u8> {
    repeated("0123456789abcdefghijklmnopqrstuvwxyz\n", length)
}

fn repeated(line: &str, length: usize) -> Vec<u8> {
    let mut bytes = line.repeat(length / line.len() + 1).into_bytes();
    bytes.truncate(length);
    bytes
}
