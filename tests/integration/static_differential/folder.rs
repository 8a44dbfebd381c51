use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::support::{Random, time_of_files};

/// A folder with everything that is hard to serve, made from a seed.
pub(super) struct Folder {
    place: tempfile::TempDir,
    /// What may be asked for.
    pub(super) paths: Vec<Place>,
}

/// A path under the folder, decoded, that begins with `/`; one of a directory ends with it.
pub(super) struct Place {
    pub(super) path: Vec<u8>,
    /// The length of the file; 0 where there is none.
    pub(super) size: u64,
    /// The last change of the file, in seconds since 1970.
    pub(super) modified: u64,
}

/// What stands in every file outside the folder.
pub(super) const SECRET: &str = "nobody may ever read this";

/// The links that leave the folder.
pub(super) const LEAVING: &[&str] = &["/link-out.txt", "/link-to-outside", "/link-to-magic", "/data.json.gz"];

const NAMES: &[&str] = &[
    "plain.txt",
    "page.html",
    "style.css",
    "script.js",
    "data.json",
    "feed.xml",
    "picture.svg",
    "picture.png",
    "photo.JPG",
    "movie.mp4",
    "module.wasm",
    "font.woff2",
    "paper.pdf",
    "archive.zip",
    "archive.tar.gz",
    "notes.md",
    "no-extension",
    "unknown.extension",
    "with space.txt",
    " leading and trailing ",
    "100%.txt",
    "%41.txt",
    "%2e%2e",
    "a%2Fb.txt",
    "ünïcødé.html",
    "日本語.txt",
    "😀.txt",
    "e\u{301}.txt",
    "plus+and&equals=.txt",
    "quote\"and'quote.txt",
    "<angle>.html",
    "question?.txt",
    "hash#.txt",
    "colon:semicolon;.txt",
    "back\\slash.txt",
    "brackets[1]{2}.txt",
    "pipe|caret^tick`.txt",
    "tilde~",
    "trailing.",
    "dots..inside.txt",
    "...",
    ".hidden",
    ".well-known",
    "UPPER.TXT",
    "upper.txt",
    "$DATA",
    "line\nfeed.txt",
    "delete\u{7f}.txt",
];

const DIRECTORIES: &[&str] =
    &["", "plain", "with space", "100%", "ünïcødé", "deep/er", "deep/er/still", "dots..inside", "a+b;c=d", ".git"];

const SIZES: &[u64] = &[0, 1, 2, 10, 100, 1000, 1023, 1024, 4095, 4096, 4097, 10_000, 16_384];
const LARGE: &[(&str, u64)] = &[
    ("/65535.bin", 65_535),
    ("/65536.txt", 65_536),
    ("/65537.bin", 65_537),
    ("/1MiB.html", 1 << 20),
    ("/1MiB+1.bin", (1 << 20) + 1),
    ("/3MB.bin", 3_000_000),
];

impl Folder {
    pub(super) fn generate(seed: u64) -> Self {
        let mut folder = Self { place: tempfile::tempdir().unwrap(), paths: Vec::new() };
        let random = &mut Random::new(seed, 1);
        fs::create_dir(folder.root()).unwrap();
        folder.outside();
        folder.directories(random);
        folder.bytes_of_no_text(random);
        folder.large(random);
        folder.siblings(random);
        folder.odd_times(random);
        folder.links();
        folder.no_files();
        folder.absent();
        folder
    }

    pub(super) fn root(&self) -> PathBuf {
        self.place.path().join("root")
    }

    /// Where a decoded path leads in the system.
    pub(super) fn at(&self, path: &[u8]) -> PathBuf {
        let relative = path.strip_prefix(b"/").unwrap_or(path); // a normal path begins with one
        self.root().join(OsStr::from_bytes(relative))
    }

    fn outside(&self) {
        fs::create_dir(self.place.path().join("outside")).unwrap();
        for name in ["secret.txt", "index.html", "plain.txt.gz"] {
            fs::write(self.place.path().join("outside").join(name), SECRET).unwrap();
        }
    }

    fn directories(&mut self, random: &mut Random) {
        for (number, directory) in DIRECTORIES.iter().enumerate() {
            let slash = if directory.is_empty() { "" } else { "/" };
            fs::create_dir_all(self.root().join(directory)).unwrap();
            self.place_of(format!("/{directory}{slash}").as_bytes());
            self.place_of(format!("/{directory}").as_bytes());
            if number % 3 != 2 {
                self.file(&format!("/{directory}{slash}index.html"), 700 + number as u64, random);
            }
            for name in NAMES {
                if directory.is_empty() || random.one_in(2) {
                    let size = random.pick(SIZES);
                    self.file(&format!("/{directory}{slash}{name}"), size, random);
                }
            }
        }
        self.file(&format!("/{}.txt", "long".repeat(62)), 100, random);
    }

    /// Names that are no text, by themselves and as directories.
    fn bytes_of_no_text(&mut self, random: &mut Random) {
        for directory in [&b"/caf\xe9"[..], b"/\xc0\xae\xc0\xae", b"/\xff"] {
            fs::create_dir(self.at(directory)).unwrap();
            self.place_of(directory);
            self.place_of(&[directory, b"/"].concat());
        }
        for path in [
            &b"/not\xffutf8.txt"[..],
            b"/caf\xe9.html",
            b"/caf\xe9/index.html",
            b"/caf\xe9/\xed\xa0\x80.json",
            b"/\xc0\xae\xc0\xae/index.html",
            b"/\xc0\xaf.css",
            b"/\xff/\xfe",
            b"/f\xfcr.svg",
            b"/half\xc2\x85.txt",
            b"/\xe9\nline.txt",
            &[b"/", &[0xe9; 255][..]].concat(),
        ] {
            self.bytes(path, &random.bytes(1000), random);
        }
        self.bytes(b"/caf\xe9.html.gz", b"compressed", random);
        self.set_time(SystemTime::UNIX_EPOCH + Duration::from_secs(1_710_000_000));
        (0..4).for_each(|_| self.place_of(b"/caf\xe9.html"));
    }

    fn large(&mut self, random: &mut Random) {
        for (name, size) in LARGE {
            self.file(name, *size, random);
        }
    }

    /// Beside some files the same, compressed: most of them smaller and newer, one larger, one older.
    fn siblings(&mut self, random: &mut Random) {
        for (of, size) in [
            ("/plain.txt", 500),
            ("/style.css", 502),
            ("/index.html", 300),
            ("/plain/index.html", 301),
            ("/picture.png", 503),
            ("/larger.txt", 2000),
            ("/older.txt", 504),
        ] {
            self.file(of, 1000, random);
            self.file(&format!("{of}.gz"), size, random);
            let time = if of == "/older.txt" { 1_500_000_000 } else { 1_710_000_000 + size };
            self.set_time(SystemTime::UNIX_EPOCH + Duration::from_secs(time));
            for _ in 0..4 {
                self.place_of(of.as_bytes()); // they are worth more requests than others
            }
        }
        self.file("/without-its-file.txt.gz", 100, random);
        fs::create_dir(self.root().join("script.js.gz")).unwrap();
        symlink("../outside/plain.txt.gz", self.root().join("data.json.gz")).unwrap();
        for path in ["/without-its-file.txt", "/data.json.gz", "/script.js.gz"] {
            self.place_of(path.as_bytes());
        }
    }

    fn odd_times(&mut self, random: &mut Random) {
        let day = Duration::from_secs(24 * 60 * 60);
        for (name, time) in [
            ("/future.txt", time_of_files() + 365 * day),
            ("/epoch.txt", SystemTime::UNIX_EPOCH),
            ("/ancient.txt", SystemTime::UNIX_EPOCH - 365 * day),
        ] {
            self.file(name, 30_000, random);
            self.set_time(time);
        }
    }

    fn links(&mut self) {
        let root = self.root();
        for (name, target) in [
            ("link-to-file.txt", "plain.txt"),
            ("plain/link-up.txt", "../plain.txt"),
            ("link-to-directory", "plain"),
            ("link-out.txt", "../outside/secret.txt"),
            ("link-to-outside", "../outside"),
            ("link-out-and-in.txt", "../root/plain.txt"),
            ("link-in-a-circle", "link-in-a-circle"),
            ("link-to-nothing", "nothing"),
            ("link-to-magic", "/proc/self/environ"),
        ] {
            symlink(target, root.join(name)).unwrap();
            self.place_of(format!("/{name}").as_bytes());
        }
        symlink(root.join("plain.txt"), root.join("link-absolute.txt")).unwrap();
        for path in ["/link-absolute.txt", "/link-to-directory/", "/link-to-directory/page.html"] {
            self.place_of(path.as_bytes());
        }
        for path in ["/link-to-outside/", "/link-to-outside/secret.txt", "/link-out-and-in.txt"] {
            self.place_of(path.as_bytes());
        }
    }

    /// What can be named and opened but is no file that is served.
    fn no_files(&mut self) {
        let root = self.root();
        rustix::fs::mknodat(rustix::fs::CWD, root.join("fifo"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
            .unwrap();
        drop(UnixListener::bind(root.join("socket")).unwrap());
        fs::write(root.join("unreadable.txt"), "unreadable").unwrap();
        fs::set_permissions(root.join("unreadable.txt"), fs::Permissions::from_mode(0o000)).unwrap();
        fs::create_dir_all(root.join("index-is-a-directory/index.html")).unwrap();
        for path in
            ["/fifo", "/socket", "/unreadable.txt", "/index-is-a-directory/", "/index-is-a-directory/index.html"]
        {
            self.place_of(path.as_bytes());
        }
    }

    fn absent(&mut self) {
        let long = format!("/{}", "x".repeat(256));
        let deep = "/a".repeat(1500);
        for path in ["/absent", "/absent/", "/absent.html", "/plain/absent/deeper", "/plain.txt/below", &long, &deep] {
            self.place_of(path.as_bytes());
        }
    }

    fn file(&mut self, path: &str, size: u64, random: &mut Random) {
        let content = random.bytes(size as usize);
        self.bytes(path.as_bytes(), &content, random);
    }

    fn bytes(&mut self, path: &[u8], content: &[u8], random: &mut Random) {
        fs::write(self.at(path), content).unwrap();
        self.paths.push(Place { path: path.to_owned(), size: content.len() as u64, modified: 0 });
        let time = Duration::new(1_600_000_000 + random.below(100_000_000), random.below(1_000_000_000) as u32);
        self.set_time(SystemTime::UNIX_EPOCH + time);
    }

    /// When the file that was made last is said to have changed.
    fn set_time(&mut self, time: SystemTime) {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let place = self.paths.last_mut().unwrap();
        place.modified = since.unwrap_or_default().as_secs(); // HTTP has no dates before 1970
        let path = self.paths.last().unwrap().path.clone();
        File::options().write(true).open(self.at(&path)).unwrap().set_modified(time).unwrap();
    }

    fn place_of(&mut self, path: &[u8]) {
        self.paths.push(Place { path: path.to_owned(), size: 0, modified: 0 });
    }
}
