use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::Random;

/// Directories whose entries have names of all kinds, made from a seed.
pub(super) struct Directories {
    place: tempfile::TempDir,
    /// The directories that are listed, with a slash at both ends.
    pub(super) paths: Vec<Vec<u8>>,
}

const DIRECTORIES: usize = 80;
const ENTRIES: u64 = 24;

/// What names are put together from.
const PIECES: &[&[u8]] = &[
    b"a",
    b"B",
    b"b",
    b"Z",
    b"10",
    b"2",
    b"_",
    b"-",
    b".",
    b"..",
    b" ",
    b"+",
    b"=",
    b"%",
    b"%2F",
    b"%41",
    b"#",
    b"?",
    b":",
    b"javascript:",
    b";",
    b"~",
    b"*",
    b"'",
    b"\"",
    b"`",
    b"<b>",
    b"<a>",
    b"<script>",
    b"&",
    b"&amp;",
    b"\\",
    b"\\u0041",
    b"{}",
    b"[1]",
    b"|^",
    b"$(x)",
    "ä".as_bytes(),
    "e\u{301}".as_bytes(),
    "日本".as_bytes(),
    "😀".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{85}".as_bytes(),
    b"\xe9",
    b"\xff",
    b"\xc0\xaf",
    b"\n",
    b"\x7f",
    b"\x1b[m",
    b"0123456789012345678901234567890123456789",
];

const SIZES: &[u64] = &[0, 1, 9, 1023, 1024, 1075, 1536, 10_000, 1_048_575, 1_048_576, 5_000_000];

impl Directories {
    pub(super) fn generate(seed: u64) -> Self {
        let mut this = Self { place: tempfile::tempdir().unwrap(), paths: vec![b"/".to_vec()] };
        let random = &mut Random::new(seed, 3000);
        fs::create_dir(this.root()).unwrap();
        for width in [50, 60] {
            fs::create_dir(this.root().join("d".repeat(width))).unwrap(); // that of nginx's column, and more
        }
        fs::write(this.root().join("target.txt"), "target").unwrap();
        fs::write(this.place.path().join("outside.txt"), "outside").unwrap();
        while this.paths.len() < DIRECTORIES {
            let name = name(random);
            let path = this.root().join(OsStr::from_bytes(&name));
            // What cannot be asked for is one name more in the list of the root.
            if fs::create_dir(&path).is_ok() && !is_unasked(&name) {
                this.paths.push([b"/", &name[..], b"/"].concat());
            }
        }
        for directory in &this.paths {
            (0..random.below(ENTRIES)).for_each(|_| this.entry(&this.at(directory), random));
        }
        this
    }

    pub(super) fn root(&self) -> PathBuf {
        self.place.path().join("root")
    }

    /// Where a path leads in the system.
    pub(super) fn at(&self, path: &[u8]) -> PathBuf {
        self.root().join(OsStr::from_bytes(path.strip_prefix(b"/").unwrap_or(path))) // each begins with one
    }

    fn entry(&self, directory: &Path, random: &mut Random) {
        let path = directory.join(OsStr::from_bytes(&name(random)));
        let there = self.root().join("target.txt");
        if path.symlink_metadata().is_ok() {
            return;
        }
        match random.below(20) {
            0..12 => file(&path, random),
            12..14 => fs::create_dir(&path).unwrap(),
            14 => symlink(there, &path).unwrap(),
            15 => symlink(self.at(&random_of(&self.paths, random)), &path).unwrap(),
            16 => symlink(self.place.path().join("outside.txt"), &path).unwrap(),
            17 => symlink("nothing", &path).unwrap(),
            18 => symlink(&path, &path).unwrap(),
            _ => mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap(),
        }
    }
}

fn random_of(paths: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    paths[random.below(paths.len() as u64) as usize].clone()
}

fn file(path: &Path, random: &mut Random) {
    let file = File::create_new(path).unwrap();
    file.set_len(random.pick(SIZES)).unwrap();
    let since = Duration::from_secs(random.below(4_000_000_000));
    let day = Duration::from_secs(24 * 60 * 60);
    let time = SystemTime::UNIX_EPOCH + since;
    file.set_modified(if random.one_in(30) { SystemTime::UNIX_EPOCH - day } else { time }).unwrap();
}

/// A name of one to four pieces.
fn name(random: &mut Random) -> Vec<u8> {
    loop {
        let name: Vec<u8> = (0..1 + random.below(4)).flat_map(|_| random.pick(PIECES)).copied().collect();
        let is_one = !name.contains(&b'/') && name != b"." && name != b"..";
        if is_one && !name.ends_with(b".gz") {
            return name;
        }
    }
}

/// Whether no request asks for what has this name: it is hidden, or cannot be said.
fn is_unasked(name: &[u8]) -> bool {
    name.starts_with(b".") || has_control(name)
}

pub(super) fn has_control(name: &[u8]) -> bool {
    name.utf8_chunks().any(|chunk| chunk.valid().chars().any(char::is_control))
}
