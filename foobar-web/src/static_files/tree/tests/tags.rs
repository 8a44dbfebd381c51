use super::*;
use crate::request::Fields;
use crate::static_files::resource::Selected;

const LARGE: usize = (1 << 20) + 1;
/// The times of files in Nix's store, and of one that was changed.
const NIX: u64 = 1;
const TIME: u64 = 1_700_000_000;

/// The entity tag and the date of what is found.
fn told_by(entry: &Entry) -> (Option<String>, bool) {
    let Found::File(file) = &entry.found else { panic!("it is a file") };
    let validators = &file.identity().validators;
    (validators.etag.as_deref().map(str::to_owned), validators.is_dated())
}

impl Fixture {
    /// Writes a file that says that it was last changed then, in seconds.
    fn write_at(&self, name: &str, content: impl AsRef<[u8]>, seconds: u64) {
        self.write(name, content);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        fs::File::options().write(true).open(self.path(name)).unwrap().set_modified(time).unwrap();
    }

    /// The tag of a file, once it has one.
    fn tag(&self, path: &str) -> String {
        let begun = Instant::now();
        loop {
            if let (Some(tag), _) = told_by(&self.entry(path)) {
                return tag;
            }
            assert!(begun.elapsed() < PATIENCE, "{path} has no tag");
            thread::yield_now();
        }
    }
}

#[test]
fn two_contents_of_one_size_and_time_have_two_tags_and_one_content_has_one_on_every_server() {
    let sites = [Fixture::quick(), Fixture::quick()];
    for (site, time) in sites.iter().zip([TIME, TIME + 1]) {
        site.write_at("a", "one", time);
        site.write_at("b", "two", time);
    }
    let [first, second] = sites.each_ref().map(|site| (site.tag("a"), site.tag("b")));
    assert_ne!(first.0, first.1);
    assert_eq!(first, second);
}

#[test]
fn a_large_file_whose_time_tells_nothing_has_the_tag_of_its_content_once_that_is_read() {
    for uncached in [false, true] {
        let site = Fixture::new(|web| {
            web.file_cache_valid = Period::new(Duration::from_millis(1));
            if uncached {
                web.file_cache_size = Size::bytes(0);
            }
        });
        site.write_at("a", vec![b'a'; LARGE], NIX);
        site.write_at("b", vec![b'b'; LARGE], NIX);
        site.write_at("twin", vec![b'a'; LARGE], NIX + 1);
        assert_eq!(told_by(&site.entry("a")), (None, false), "nobody waits for it");
        assert_ne!(site.tag("a"), site.tag("b"));
        assert_eq!(site.tag("a"), site.tag("twin"));
        assert_eq!(site.find("a"), "open");
    }
}

#[test]
fn the_tag_of_a_large_file_is_seen_as_soon_as_it_is_there() {
    let site = Fixture::new(|_| {});
    site.write_at("d/index.html", vec![b'a'; LARGE], NIX);
    let state = |site: &Fixture| site.tree.source.state(Path::new("d/index.html"), Blocking::Allowed).unwrap().unwrap();
    let begun = Instant::now();
    while state(&site).is_young() {
        assert!(begun.elapsed() < PATIENCE);
        thread::yield_now();
    }
    let tags = (site.tag("d/"), site.tag("d/index.html"));
    assert_eq!(tags.0, tags.1);
}

#[test]
fn a_time_that_all_files_of_the_root_have_is_no_validator() {
    let (common, usual) = (Fixture::quick(), Fixture::quick());
    for number in 0..8 {
        common.write_at(&format!("d/{number}"), "x", TIME);
        usual.write_at(&format!("d/{number}"), "x", TIME + number);
    }
    for site in [&common, &usual] {
        site.write_at("large", vec![b'x'; LARGE], TIME);
    }
    assert_eq!(told_by(&usual.entry("large")), (Some(format!("\"{:x}-{LARGE:x}\"", TIME * 1_000_000_000)), true));
    assert!(told_by(&usual.entry("d/1")).1);
    assert_eq!(common.tag("large").len(), 34 + "-100001".len());
    assert!(!told_by(&common.entry("large")).1 && !told_by(&common.entry("d/1")).1);
}

#[test]
fn siblings_have_tags_of_their_own_content() {
    let site = Fixture::quick();
    site.write_at("a.js", vec![b'a'; 3000], NIX);
    site.write_at("a.js.gz", "small", NIX);
    site.write_at("b.js", vec![b'a'; 3000], NIX);
    site.write_at("b.js.gz", "other", NIX);
    let tags = |path: &str| match &site.entry(path).found {
        Found::File(file) => {
            let fields = Fields { accept_encoding: Some(b"gzip"[..].into()), ..Default::default() };
            match file.select(&fields) {
                Selected::Ready(one) => one.validators.etag.clone().unwrap(),
                Selected::Unmade(_) => panic!("there is a sibling"),
            }
        }
        _ => panic!("it is a file"),
    };
    assert!(tags("a.js").ends_with("-gzip\""), "{}", tags("a.js"));
    assert_ne!(tags("a.js"), tags("b.js"));
    assert_eq!(site.tag("a.js"), site.tag("b.js"));
}
