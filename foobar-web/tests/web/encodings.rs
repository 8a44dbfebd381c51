//! Files in content codings: siblings, and what is compressed when it is asked for.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, Read};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::support::{Answer, Server, wait_until};

/// A folder that is served.
struct Site {
    folder: TempDir,
    server: Server,
}

/// An answer whose content may be any bytes.
struct Encoded {
    answer: Answer,
    content: Vec<u8>,
}

impl Site {
    /// Serves `app.js` (40 kB of text) and these files, each written a second after the one before.
    fn with(settings: &str, files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        write(folder.path(), "app.js", text().as_bytes(), 0);
        for (second, (name, content)) in (1..).zip(files) {
            write(folder.path(), name, content, second);
        }
        let root = folder.path().display();
        let (web, site) = settings.split_once("[site]").unwrap_or((settings, "")); // nothing is said of the site
        let server = Server::start(&format!("[web]\n{web}\n[sites.a]\nroot = '{root}'\n{site}\n"));
        Self { folder, server }
    }

    fn ask(&self, request: &str, fields: &str) -> Encoded {
        let mut client = self.server.connect();
        client.send(format!("{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n"));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(client.stream.read_line(&mut head).expect("the server answers") > 0, "closed after {head:?}");
        }
        let mut content = Vec::new();
        client.stream.read_to_end(&mut content).expect("the server closes");
        Encoded { answer: Answer { head, body: String::new() }, content }
    }

    /// A figure of a scrape.
    fn figure(&self, name: &str) -> u64 {
        let metrics = self.server.metrics();
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.expect("it is counted").parse().expect("it is a number")
    }

    fn get(&self, path: &str, accept_encoding: &str) -> Encoded {
        self.ask(&format!("GET {path}"), &format!("Accept-Encoding: {accept_encoding}\r\n"))
    }
}

impl Encoded {
    fn status(&self) -> u16 {
        self.answer.status()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.answer.header(name)
    }

    fn coding(&self) -> Option<&str> {
        self.header("content-encoding")
    }

    fn tag(&self) -> String {
        self.header("etag").expect("a file has a tag").to_owned()
    }

    fn decoded(&self) -> Vec<u8> {
        let (mut content, bytes) = (Vec::new(), self.content.as_slice());
        let decoded = match self.coding() {
            None => return bytes.to_vec(),
            Some("br") => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut content),
            Some("zstd") => zstd::Decoder::new(bytes).and_then(|mut decoder| decoder.read_to_end(&mut content)),
            Some("gzip") => flate2::read::GzDecoder::new(bytes).read_to_end(&mut content),
            Some(other) => panic!("{other} is no coding that was asked for"),
        };
        decoded.expect("the content is in its coding");
        content
    }
}

fn text() -> String {
    (0..4000).map(|number| format!("line {number}\n")).collect()
}

/// Bytes that no coding makes smaller.
fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state as u8)
    };
    std::iter::from_fn(next).take(5000).collect()
}

/// Writes a file that was changed so many seconds after a time that is long gone.
fn write(folder: &Path, name: &str, content: &[u8], second: u64) {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("the folder is writable");
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000 + second, 5);
    File::options().write(true).open(&path).and_then(|file| file.set_modified(time)).expect("the file is ours");
}

#[test]
fn a_file_is_compressed_in_the_coding_that_the_client_prefers() {
    let site = Site::with("", &[]);
    let identity = site.ask("GET /app.js", "");
    assert_eq!((identity.coding(), identity.header("vary")), (None, Some("Accept-Encoding")));
    assert_eq!(identity.header("accept-ranges"), Some("bytes"));
    for (accepted, coding) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip, zstd", Some("zstd")),
        ("gzip;q=0.9, br;q=0.8", Some("gzip")),
        ("x-gzip", Some("gzip")),
        ("*;q=0.1", Some("br")),
        ("br;q=0, *", Some("zstd")),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0, deflate", None),
        ("deflate", None),
        ("", None),
    ] {
        let answer = site.get("/app.js", accepted);
        assert_eq!((answer.status(), answer.coding()), (200, coding), "{accepted}");
        assert_eq!(answer.decoded(), text().as_bytes(), "{accepted}");
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"), "{accepted}");
        assert_eq!(answer.header("content-type"), identity.header("content-type"), "{accepted}");
        assert_eq!(answer.header("content-length"), Some(answer.content.len().to_string().as_str()), "{accepted}");
        assert_eq!(answer.tag() == identity.tag(), coding.is_none(), "{accepted}");
        assert_eq!(answer.header("accept-ranges").is_some(), coding.is_none(), "{accepted}");
        assert!(coding.is_none() || answer.content.len() < text().len() / 2, "{accepted}");
    }
    let tags: BTreeSet<_> = ["br", "zstd", "gzip"].map(|coding| site.get("/app.js", coding).tag()).into();
    assert_eq!(tags.len(), 3);
}

#[test]
fn what_is_compressed_is_kept_until_the_file_changes() {
    let site = Site::with("file_cache_valid = '50ms'", &[]);
    let first = site.get("/app.js", "zstd");
    let again = site.get("/app.js", "zstd");
    assert_eq!((first.tag(), &first.content), (again.tag(), &again.content));
    let other = text().replace("line", "changed");
    write(site.folder.path(), "app.js", other.as_bytes(), 9);
    wait_until("the change is seen", || site.get("/app.js", "zstd").tag() != first.tag());
    assert_eq!(site.get("/app.js", "zstd").decoded(), other.as_bytes());
}

#[test]
fn only_types_sizes_and_names_that_gain_by_it_are_compressed() {
    let (text, noise) = (text(), noise());
    let files: [(&str, &[u8]); 5] = [
        ("short.txt", &text.as_bytes()[..1000]),
        ("photo.png", text.as_bytes()),
        ("app.js.zip", text.as_bytes()),
        ("noise.txt", &noise),
        ("unknown", text.as_bytes()),
    ];
    let site = Site::with("", &files);
    for (name, content) in files {
        let answer = site.get(&format!("/{name}"), "gzip, br, zstd");
        assert_eq!((answer.status(), answer.coding()), (200, None), "{name}");
        assert_eq!(answer.content, content, "{name}");
        assert_eq!(answer.header("vary").is_some(), name == "noise.txt", "{name}");
    }
    let site = Site::with("[site]\ncompress = ['gzip']\ncompress_min_size = '0'\ncompress_types = ['image/*']", &files);
    assert_eq!(site.get("/app.js", "gzip").coding(), None);
    assert_eq!(site.get("/photo.png", "gzip, br").coding(), None, "the name says that it is compressed");
}

#[test]
fn which_codings_are_sent_and_made_is_configured() {
    let site = Site::with(
        "[site]\nprecompressed = ['gzip']\ncompress = ['zstd']",
        &[("app.js.br", b"b"), ("app.js.gz", b"g")],
    );
    assert_eq!(site.get("/app.js", "br").coding(), None);
    assert_eq!(site.get("/app.js", "br, gzip").content, b"g");
    assert_eq!(site.get("/app.js", "br, zstd").coding(), Some("zstd"));
    let site = Site::with("[site]\nprecompressed = []\ncompress = []", &[("app.js.gz", b"g")]);
    let answer = site.get("/app.js", "gzip, br");
    assert_eq!((answer.coding(), answer.header("vary")), (None, None));
}

#[test]
fn a_sibling_is_sent_with_its_own_tag_and_the_type_of_the_file() {
    let site = Site::with("", &[("app.js.br", b"brotli"), ("app.js.gz", b"gzipped")]);
    let answers = [("br", 200, Some("br"), &b"brotli"[..]), ("gzip, br;q=0.5", 200, Some("gzip"), b"gzipped")];
    for (accepted, status, coding, content) in answers {
        let answer = site.get("/app.js", accepted);
        assert_eq!((answer.status(), answer.coding(), answer.content.as_slice()), (status, coding, content));
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        assert_ne!(answer.header("last-modified"), site.get("/app.js", "").header("last-modified"));
    }
    assert_ne!(site.get("/app.js", "br").tag(), site.get("/app.js", "gzip").tag());
    assert_eq!(site.get("/app.js", "zstd").decoded(), text().as_bytes());
    let itself = site.get("/app.js.gz", "gzip");
    assert_eq!((itself.coding(), itself.header("vary"), itself.content.as_slice()), (None, None, &b"gzipped"[..]));
    assert_eq!(itself.header("content-type"), Some("application/gzip"));
}

#[test]
fn a_sibling_that_is_stale_empty_or_out_of_reach_is_not_sent() {
    let outside = tempfile::tempdir().expect("the temporary folder is writable");
    write(outside.path(), "secret", b"secret", 9);
    let site = Site::with("[site]\ncompress = []", &[("old.js.gz", b"old"), ("old.js", b"new"), ("app.js.br", b"")]);
    symlink(outside.path().join("secret"), site.folder.path().join("app.js.gz")).expect("the folder is writable");
    std::fs::create_dir(site.folder.path().join("app.js.zst")).expect("the folder is writable");
    let answer = site.get("/app.js", "gzip, br, zstd");
    assert_eq!((answer.coding(), answer.header("vary")), (None, None));
    assert_eq!(answer.content, text().as_bytes());
    let old = site.get("/old.js", "gzip");
    assert_eq!((old.coding(), old.content.as_slice()), (None, &b"new"[..]));
}

#[test]
fn a_sibling_may_be_a_link_within_the_folder_and_as_old_as_its_file() {
    let site = Site::with("", &[]);
    write(site.folder.path(), "real", b"zipped", 0);
    symlink("real", site.folder.path().join("app.js.gz")).expect("the folder is writable");
    assert_eq!(site.get("/app.js", "gzip").content, b"zipped");
}

#[test]
fn siblings_that_come_and_go_are_seen() {
    let site = Site::with("file_cache_valid = '20ms'\n[site]\ncompress = []", &[]);
    let until = |coding: Option<&str>| {
        wait_until(&format!("{coding:?} is seen"), || site.get("/app.js", "gzip").coding() == coding);
    };
    until(None);
    write(site.folder.path(), "app.js.gz", b"gzipped", 1);
    until(Some("gzip"));
    write(site.folder.path(), "app.js", b"a new app", 2);
    until(None);
    write(site.folder.path(), "app.js.gz", b"anew", 2);
    until(Some("gzip"));
    assert_eq!(site.get("/app.js", "gzip").content, b"anew");
    std::fs::remove_file(site.folder.path().join("app.js.gz")).expect("it is there");
    until(None);
}

#[test]
fn the_tag_of_the_chosen_coding_alone_makes_304() {
    let site = Site::with("", &[("app.js.gz", b"gzipped")]);
    let tags = ["", "br", "gzip"].map(|accepted| (accepted, site.get("/app.js", accepted).tag()));
    for (accepted, tag) in &tags {
        for (other, known) in &tags {
            let fields = format!("Accept-Encoding: {accepted}\r\nIf-None-Match: {known}\r\n");
            let answer = site.ask("GET /app.js", &fields);
            assert_eq!(answer.status(), if accepted == other { 304 } else { 200 }, "{accepted:?} {other:?}");
            assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
            assert_eq!(&answer.tag(), tag);
            assert!(answer.status() == 200 || (answer.coding().is_none() && answer.content.is_empty()));
        }
    }
}

#[test]
fn a_range_is_of_the_file_or_of_its_sibling_but_never_of_what_was_compressed() {
    let site = Site::with("", &[("app.js.gz", b"gzipped")]);
    let identity = site.get("/app.js", "").tag();
    let made = site.get("/app.js", "br");
    assert_eq!(made.coding(), Some("br"));
    let range = |accepted, condition: &str| {
        let fields = format!("Accept-Encoding: {accepted}\r\nRange: bytes=0-3\r\n{condition}");
        let answer = site.ask("GET /app.js", &fields);
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        (answer.status(), answer.coding().map(str::to_owned), answer.tag(), answer.content)
    };
    assert_eq!(range("br", ""), (206, None, identity.clone(), b"line".to_vec()));
    let sibling = site.get("/app.js", "gzip").tag();
    let gzip = Some("gzip".to_owned());
    assert_eq!(range("br, gzip", ""), (206, gzip.clone(), sibling.clone(), b"gzip".to_vec()));
    let same = format!("If-Range: {sibling}\r\n");
    assert_eq!(range("gzip", &same), (206, gzip.clone(), sibling.clone(), b"gzip".to_vec()));
    let other = format!("If-Range: {identity}\r\n");
    assert_eq!(range("gzip", &other), (200, gzip, sibling, b"gzipped".to_vec()));
    let of_made = format!("If-Range: {}\r\n", made.tag());
    assert_eq!(range("br", &of_made), (200, None, identity, text().into_bytes()));
}

#[test]
fn head_has_the_fields_of_get_in_every_coding() {
    let site = Site::with("", &[("app.js.gz", b"gzipped")]);
    for accepted in ["", "br", "gzip"] {
        let head = site.ask("HEAD /app.js", &format!("Accept-Encoding: {accepted}\r\n"));
        let get = site.get("/app.js", accepted);
        for name in ["content-encoding", "content-length", "content-type", "etag", "vary", "last-modified"] {
            assert_eq!(head.header(name), get.header(name), "{accepted:?} {name}");
        }
        assert_eq!(head.content, b"", "{accepted:?}");
    }
}

#[test]
fn without_a_cache_siblings_are_sent_but_nothing_is_compressed() {
    let text = text();
    let site = Site::with("file_cache_size = '0'", &[("app.js.gz", b"gzipped"), ("b.js", text.as_bytes())]);
    assert_eq!(site.get("/app.js", "gzip, br").content, b"gzipped");
    let answer = site.get("/b.js", "gzip, br");
    assert_eq!((answer.coding(), answer.header("vary")), (None, None));
}

#[test]
fn a_list_of_ten_thousand_codings_is_answered() {
    let site = Site::with("max_header_size = '64KiB'", &[]);
    let answer = site.get("/app.js", &format!("br,{}", "a;q=0,".repeat(10_000)));
    assert_eq!((answer.status(), answer.coding()), (200, Some("br")));
}

#[test]
fn many_that_ask_at_once_get_what_is_made_once() {
    let site = Site::with("workers = 2\nfile_cache_valid = '1h'\nfile_cache_watch = false", &[]);
    site.get("/app.js", ""); // else each worker finds the file for itself
    let answers: Vec<Encoded> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..16).map(|_| scope.spawn(|| site.get("/app.js", "br"))).collect();
        asking.into_iter().map(|one| one.join().expect("it was answered")).collect()
    });
    for answer in &answers {
        assert_eq!((answer.coding(), answer.tag()), (Some("br"), answers[0].tag()));
        assert_eq!(answer.content, answers[0].content);
    }
    assert_eq!(site.figure("foobar_web_files_compressed_total"), 1);
}

#[test]
fn what_is_made_counts_in_the_memory_of_the_cache() {
    let site = Site::with("", &[]);
    site.get("/app.js", "");
    let before = site.figure("foobar_web_file_cache_bytes");
    let make = || ["br", "zstd", "gzip"].map(|coding| site.get("/app.js", coding).content.len() as u64);
    // RequestView again, for a file that has just been written may be loaded once more.
    wait_until("the cache counts what it holds", || {
        site.figure("foobar_web_file_cache_bytes") >= before + make().iter().sum::<u64>()
    });
}
