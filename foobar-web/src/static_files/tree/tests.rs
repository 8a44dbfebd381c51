mod mounts;
mod slow;
mod tags;

use std::fs;
use std::io::PipeWriter;
use std::os::unix::fs::symlink;
use std::sync::atomic::AtomicUsize;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use foobar_core::{Period, Size};
use futures_util::future::{join, join_all};
use tempfile::TempDir;

use super::*;
use crate::file_source::{FileContent, FileSources, Folder, Page, Version, tells_what_is_in_memory};
use crate::static_files::Files;
use crate::static_files::resource::Encodings;
use crate::static_files::tests::options;
use crate::{Links, SiteSettings, WebSettings};

/// Says why a test is left out.
fn skipped(reason: &str) {
    println!("skipped: {reason}");
}

/// Ends a test that hangs; nothing else depends on it.
const PATIENCE: Duration = Duration::from_secs(60);
const LONG: Period = Period::new(Duration::from_secs(3600));

/// A served folder whose changes are told of, as in a running tier.
struct Fixture {
    place: TempDir,
    tree: Arc<Tree>,
    _listening: Option<PipeWriter>,
}

impl Fixture {
    fn new(change: impl FnOnce(&mut WebSettings)) -> Self {
        let mut web = WebSettings { file_cache_valid: LONG, ..WebSettings::default() };
        change(&mut web);
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("root")).unwrap();
        let store = Files::compile(&web, FileSources::default()).unwrap().store;
        let source = Arc::new(Folder::open(&place.path().join("root"), Links::Inside).unwrap());
        let tree = Tree::open(source, options(), &store).unwrap();
        let listening = store.watching().map(|watch| {
            let (until, end) = io::pipe().unwrap();
            watch.begin();
            thread::spawn(move || watch.listen(&until).unwrap());
            end
        });
        Self { place, tree: Arc::new(tree), _listening: listening }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join("root").join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    /// What is found at a path: its content, or a word for it.
    fn find(&self, path: &str) -> String {
        let entry = self.tree.try_find(path.as_bytes()).or_else(|_| self.tree.find_blocking(path.as_bytes())).unwrap();
        match &entry.found {
            Found::File(file) => match &file.identity().stored {
                Stored::Memory(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                Stored::File(_) => "open".to_owned(),
            },
            Found::Directory => "directory".to_owned(),
            Found::Listing => "listing".to_owned(),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    /// Waits until this is found.
    fn wait_for(&self, path: &str, expected: &str) {
        let begun = Instant::now();
        while self.find(path) != expected {
            assert!(begun.elapsed() < PATIENCE, "{path} is {} and not {expected}", self.find(path));
            thread::yield_now();
        }
    }

    /// One that looks again soon.
    fn quick() -> Self {
        Self::new(|web| web.file_cache_valid = Period::new(Duration::from_millis(1)))
    }

    fn metric(&self, name: &str) -> u64 {
        let mut metrics = foobar_core::Metrics::default();
        self.tree.store.metrics(&mut metrics);
        let text = metrics.into_text();
        let line = text.lines().find(|line| line.starts_with(&format!("foobar_web_file_cache_{name} "))).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn entry(&self, path: &str) -> Arc<Entry> {
        self.tree.try_find(path.as_bytes()).or_else(|_| self.tree.find_blocking(path.as_bytes())).unwrap()
    }

    fn file(&self, path: &str) -> Arc<Resource> {
        match &self.entry(path).found {
            Found::File(file) => Arc::clone(file),
            _ => panic!("{path} is no file"),
        }
    }

    /// The same, once the file is old enough to be trusted: one that is not is read again.
    fn settled(&self, path: &str) -> Arc<Resource> {
        let begun = Instant::now();
        loop {
            let found = self.file(path);
            if found.trust == Stability::Stable {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE);
            thread::yield_now();
        }
    }
}

#[test]
fn a_change_that_the_system_tells_of_is_seen_at_once() {
    let site = Fixture::new(|_| {});
    site.write("a/b/f", "one");
    site.write("index.html", "top");
    for (path, content) in
        [("a/b/f", "one"), ("a/b/new", "nothing"), ("x/y/z", "nothing"), ("", "top"), ("a", "nothing")]
    {
        assert_eq!(site.find(path), content);
    }
    site.write("a/b/f", "two");
    site.wait_for("a/b/f", "two");
    site.write("a/b/new", "new");
    site.wait_for("a/b/new", "new");
    site.write("x/y/z", "deep");
    site.wait_for("x/y/z", "deep");
    site.write("a/index.html", "");
    site.wait_for("a", "directory");
    fs::remove_file(site.path("index.html")).unwrap();
    site.wait_for("", "nothing");
    fs::remove_file(site.path("a/b/f")).unwrap();
    site.wait_for("a/b/f", "nothing");
}

#[test]
fn a_directory_that_is_moved_or_replaced_is_seen_at_once() {
    let site = Fixture::new(|_| {});
    site.write("v1/d/f", "one");
    site.write("v2/d/f", "two");
    symlink("v1", site.path("now")).unwrap();
    assert_eq!(
        (site.find("now/d/f"), site.find("v1/d/f"), site.find("v2/d/f")),
        ("one".into(), "one".into(), "two".into())
    );
    symlink("v2", site.path("next")).unwrap();
    fs::rename(site.path("next"), site.path("now")).unwrap();
    site.wait_for("now/d/f", "two");
    fs::rename(site.path("v1"), site.path("v0")).unwrap();
    site.wait_for("v1/d/f", "nothing");
    assert_eq!(site.find("v0/d/f"), "one");
    fs::rename(site.path("v2"), site.path("v1")).unwrap();
    site.wait_for("v1/d/f", "two");
    site.write("v1/d/f", "three");
    site.wait_for("v1/d/f", "three");
    site.wait_for("now/d/f", "nothing");
}

#[test]
fn without_file_cache_watch_a_change_is_seen_after_file_cache_valid() {
    let valid = Duration::from_millis(300);
    let site = Fixture::new(|web| (web.file_cache_watch, web.file_cache_valid) = (false, Period::new(valid)));
    site.write("f", "one");
    let begun = Instant::now();
    assert_eq!((site.find("f"), site.find("new")), ("one".into(), "nothing".into()));
    site.write("f", "two");
    site.write("new", "new");
    let found = (site.find("f"), site.find("new"));
    assert!(found == ("one".into(), "nothing".into()) || begun.elapsed() >= valid, "{found:?}");
    site.wait_for("f", "two");
    site.wait_for("new", "new");
}

#[test]
fn what_the_system_tells_of_is_not_looked_at_again_soon_and_what_it_cannot_tell_of_is() {
    let site = Fixture::new(|web| web.file_cache_valid = Period::new(Duration::from_millis(1)));
    site.write("f", "one");
    site.write("elsewhere/g", "one");
    symlink("elsewhere/g", site.path("link")).unwrap();
    symlink("elsewhere", site.path("folder")).unwrap();
    fs::hard_link(site.path("elsewhere/g"), site.path("twin")).unwrap();
    let is_kept = |path: &str| {
        let first = site.entry(path);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(20) {
            if !Arc::ptr_eq(&first, &site.entry(path)) {
                return false;
            }
        }
        Arc::ptr_eq(&first, &site.entry(path)) // also where this thread was held up all the time
    };
    for path in ["f", "new", "nowhere/new"] {
        let begun = Instant::now();
        while !is_kept(path) {
            assert!(begun.elapsed() < PATIENCE, "{path}"); // the system still tells of what was written above
        }
    }
    for told_of_elsewhere in ["link", "folder/g", "twin"] {
        assert_eq!(site.find(told_of_elsewhere), "one");
        assert!(!is_kept(told_of_elsewhere), "{told_of_elsewhere}");
    }
}

#[test]
fn a_root_that_is_replaced_is_seen_after_file_cache_valid() {
    let site = Fixture::new(|web| web.file_cache_valid = Period::new(Duration::from_millis(50)));
    site.write("f", "old");
    assert_eq!(site.find("f"), "old");
    fs::rename(site.path(""), site.place.path().join("former")).unwrap();
    site.wait_for("f", "nothing");
    fs::create_dir(site.place.path().join("release")).unwrap();
    fs::write(site.place.path().join("release/f"), "new").unwrap();
    symlink("release", site.place.path().join("root")).unwrap();
    site.wait_for("f", "new");
    fs::create_dir(site.place.path().join("later")).unwrap();
    fs::write(site.place.path().join("later/f"), "later").unwrap();
    symlink("later", site.place.path().join("link")).unwrap();
    fs::rename(site.place.path().join("link"), site.place.path().join("root")).unwrap();
    site.wait_for("f", "later");
}

#[test]
fn a_file_that_stays_the_same_is_looked_at_but_not_read_again() {
    let valid = Period::new(Duration::from_millis(1));
    let site = Fixture::new(|web| (web.file_cache_watch, web.file_cache_valid) = (false, valid));
    site.write("f", "content");
    let first = site.settled("f");
    let misses = site.metric("misses_total");
    let begun = Instant::now();
    while site.metric("misses_total") < misses + 3 {
        assert!(Arc::ptr_eq(&first, &site.file("f")));
        assert!(begun.elapsed() < PATIENCE);
    }
}

/// A change within the same tick of the file system's clock leaves the same state behind.
#[test]
fn a_file_is_not_trusted_until_its_time_can_tell_the_next_change() {
    let site = Fixture::new(|web| web.file_cache_valid = Period::new(Duration::from_millis(1)));
    let is_young = || {
        site.write("f", "one");
        matches!(&site.entry("f").found, Found::File(file) if file.trust == Stability::Recent)
    };
    let begun = Instant::now();
    while !is_young() {
        assert!(begun.elapsed() < PATIENCE); // it may be loaded only when it is old, on a machine that is that slow
    }
    fs::write(site.path("f"), "two").unwrap();
    site.wait_for("f", "two");
}

#[test]
fn names_that_do_not_exist_push_out_no_file() {
    let valid = Period::new(Duration::from_millis(1));
    let site = Fixture::new(|web| {
        (web.file_cache_size, web.file_cache_watch, web.file_cache_valid) = (Size::bytes(1 << 20), false, valid)
    });
    site.write("f", "content");
    let first = site.settled("f");
    for number in 0..20_000 {
        assert_eq!(site.find(&format!("missing-{number}")), "nothing");
    }
    assert!(Arc::ptr_eq(&first, &site.file("f")));
    assert!(site.metric("bytes") <= 1 << 20);
}

#[test]
fn the_cache_keeps_to_file_cache_size_and_file_cache_max_file() {
    let site = Fixture::new(|web| {
        (web.file_cache_size, web.file_cache_max_file) = (Size::bytes(1 << 20), Size::bytes(64 << 10))
    });
    for number in 0..100 {
        site.write(&format!("{number}"), vec![b'x'; 60 << 10]);
        assert_eq!(site.find(&number.to_string()).len(), 60 << 10);
        assert!(site.metric("bytes") <= 1 << 20);
    }
    assert!(site.metric("bytes") > 400 << 10, "{}", site.metric("bytes"));
    site.write("large", vec![b'x'; (64 << 10) + 1]);
    assert_eq!(site.find("large"), "open");
}

#[test]
fn no_more_files_stay_open_than_file_cache_descriptors_says() {
    let site = Fixture::new(|web| (web.file_cache_descriptors, web.file_cache_max_file) = (4, Size::bytes(0)));
    for number in 0..50 {
        site.write(&number.to_string(), "x");
        assert_eq!(site.find(&number.to_string()), "open");
    }
    assert!((1..=4).contains(&site.metric("descriptors")), "{}", site.metric("descriptors"));
}

#[test]
fn hits_and_misses_are_counted() {
    let site = Fixture::new(|_| {});
    site.write("f", "content");
    site.find("f");
    let (hits, misses) = (site.metric("hits_total"), site.metric("misses_total"));
    for _ in 0..5 {
        site.find("f");
    }
    assert_eq!((site.metric("hits_total"), site.metric("misses_total")), (hits + 5, misses));
}

#[test]
fn a_change_between_two_looks_at_a_file_is_loaded_anew() {
    let site = Fixture::new(|web| web.file_cache_size = Size::bytes(0));
    site.write("f", "12345");
    let Some(Node::File(opened)) = site.tree.source.open(Path::new("f"), Blocking::Allowed).unwrap() else {
        panic!("it is a file")
    };
    fs::write(site.path("f"), "123456789").unwrap();
    let loaded = site.tree.store.loader().load(opened, 100, Blocking::Allowed).unwrap();
    assert_eq!(loaded.state.size, 9);
    assert!(matches!(loaded.stored, Stored::Memory(bytes) if bytes == "123456789"));
}

#[test]
fn a_worker_itself_looks_at_what_the_system_has_in_memory() {
    let site = Fixture::new(|web| web.file_cache_size = Size::bytes(0));
    if !tells_what_is_in_memory(site.place.path()) {
        return;
    }
    site.write("d/f", "content");
    site.write("d/index.html", "index");
    for (path, expected) in [("d/f", "content"), ("d/", "index"), ("d", "directory"), ("d/missing", "nothing")] {
        assert_eq!(site.find(path), expected);
        assert!(site.tree.try_find(path.as_bytes()).is_ok(), "{path}");
    }
}

#[test]
fn what_clients_hold_of_files_that_the_cache_let_go_of_is_bounded_and_more_is_sent_from_open_files() {
    let site = Fixture::new(|web| web.file_cache_size = Size::bytes(1 << 20));
    let held: Vec<Arc<Entry>> = (0..30)
        .map(|number| {
            site.write(&format!("f{number}"), vec![b'x'; 100 << 10]);
            site.entry(&format!("f{number}"))
        })
        .collect();
    let in_memory = |entry: &&Arc<Entry>| matches!(&entry.found, Found::File(file) if file.descriptors() == 0);
    let many = held.iter().filter(in_memory).count();
    assert!((8..=12).contains(&many), "{many} of 100 KiB, for a cache of 1 MiB and a quarter more");
    drop(held);
    let first = (0..30).map(|number| site.find(&format!("f{number}"))).filter(|found| found == "open").count();
    assert_eq!(first, 0, "there is room again");
}

#[test]
fn workers_that_miss_the_same_file_at_the_same_moment_share_what_one_of_them_found() {
    let site = Fixture::new(|_| {});
    site.write("f", "one");
    let resource = |entry: &Entry| match &entry.found {
        Found::File(file) if file.trust == Stability::Stable => Some(Arc::clone(file)),
        _ => None,
    };
    let look = || site.tree.look(b"f", now(), Blocking::Allowed, None).unwrap();
    let begun = Instant::now();
    let first = loop {
        if let Some(resource) = resource(&look()) {
            break resource;
        }
        assert!(begun.elapsed() < PATIENCE);
        thread::yield_now();
    };
    assert!(Arc::ptr_eq(&resource(&look()).unwrap(), &first));
    site.write("f", "two");
    assert!(resource(&look()).is_none_or(|found| !Arc::ptr_eq(&found, &first)));
}
