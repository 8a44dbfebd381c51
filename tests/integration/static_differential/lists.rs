//! Lists of directories beside those of nginx's autoindex: the same names in the same order, with the same kind, size and
//! time, and a link to each that leads there, whatever the names are made of. What is left out is so by decision.

mod directories;
mod list;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::nginx::Nginx;
use super::requests::Request;
use super::{Server, answered};
use crate::support::{Address, Program, Random, Response, seed};
use directories::{Directories, has_control};
use list::{Entry, html_of_foobar, html_of_nginx, json, title};

const NGINX: &str = r#"
    autoindex on;
    location /json/ { alias ROOT/; autoindex_format json; }
"#;

const FOOBAR: &str = r#"
[web]
keepalive_requests = 1000000000
[sites.www]
root = "root"
compress = []
autoindex = "html"
routes."/json/" = { files = "root", autoindex = "json" }
"#;

/// What nginx lists and Foobar does not: why, and which.
struct LeftOut {
    reason: &'static str,
    is: fn(&Path, root: &Path) -> bool,
}

const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        reason: "a name with control characters: no request can ask for it; the list says how many there are",
        is: |path, _| has_control(name(path)),
    },
    LeftOut {
        reason: "a link out of the root, to nothing or in a circle: it is not served",
        is: |path, root| path.is_symlink() && !path.canonicalize().is_ok_and(|target| target.starts_with(root)),
    },
    LeftOut {
        reason: "what is neither a file nor a directory: it is not served",
        is: |path, _| path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()),
    },
];

/// Both servers on one tree.
struct Pair {
    directories: Directories,
    nginx: Server,
    foobar: Server,
    _programs: (Nginx, Program),
    fired: BTreeMap<&'static str, u64>,
}

#[test]
fn lists_of_directories_are_those_of_nginx_but_for_what_is_not_served() {
    println!("FOOBAR_SEED={}", seed());
    let mut pair = Pair::start(seed());
    for directory in pair.directories.paths.clone() {
        pair.compare(&directory);
    }
    for (reason, fired) in &pair.fired {
        println!("{fired:>6} {reason}");
    }
    for reason in LEFT_OUT.iter().map(|left_out| left_out.reason).chain([NO_WAY_UP, HREF, CUT, FULL]) {
        assert!(pair.fired.contains_key(reason), "no difference needs {reason:?}: take it out");
    }
}

const NO_WAY_UP: &str = "the list of the root has no link to what lies above it";
const HREF: &str = "in JSON what has no UTF-8 name has the path to it";
const FULL: &str = "nginx has no room for the slash of a directory whose name fills its column";
/// The characters of that column.
const WIDTH: usize = 50;
const CUT: &str = "nginx shows the first 47 characters of a long name";

impl Pair {
    fn start(seed: u64) -> Self {
        let directories = Directories::generate(seed);
        let root = directories.root();
        let nginx = Nginx::start(&root, &NGINX.replace("ROOT", &root.display().to_string()));
        std::fs::write(root.with_file_name("foobar.toml"), FOOBAR).unwrap();
        let foobar = Program::start(&mut Program::foobar(root.parent().unwrap()));
        let [one, other] = [nginx.address.clone(), Address::Tcp(foobar.address.clone())];
        let [one, other] = [one, other].map(|address| Server { address, tags: Vec::new() });
        Self { directories, nginx: one, foobar: other, _programs: (nginx, foobar), fired: BTreeMap::new() }
    }

    /// What both say of a path.
    fn ask(&self, path: &[u8]) -> [Response; 2] {
        [&self.nginx, &self.foobar].map(|server| server.line().ask(&[Request::exact("GET", path)]).remove(0))
    }

    fn compare(&mut self, directory: &[u8]) {
        let answers = self.ask(directory);
        let [one, other] = &answers;
        let shown = directory.escape_ascii().to_string();
        assert_eq!((one.status, other.status), (200, 200), "{shown}: {}", answered(other));
        assert_eq!(one.header("content-type"), other.header("content-type"), "{shown}");
        assert_eq!(title(one), title(other), "{shown}");
        let (nginx, foobar) = (html_of_nginx(one), html_of_foobar(other));
        if directory == b"/" {
            self.fire(NO_WAY_UP);
        }
        assert_eq!((nginx.has_way_up, foobar.has_way_up), (true, directory != b"/"), "{shown}");
        let at = self.directories.at(directory);
        let control = nginx.entries.iter().filter(|entry| has_control(&entry.name)).count();
        let said = other.header("x-names-left-out").map_or(0, |number| number.parse().expect("a number"));
        assert_eq!(said, control, "{shown}");
        let nginx: Vec<Entry> = nginx.entries.into_iter().filter(|entry| self.is_served(&at, entry)).collect();
        assert_eq!(names(&nginx), names(&foobar.entries), "{shown}");
        for (one, other) in nginx.iter().zip(&foobar.entries) {
            self.compare_entries(one, other);
        }
        self.compare_json(directory, &foobar.entries);
        self.follow(directory, &foobar.entries);
    }

    /// Whether it is in both lists; else the reason is noted.
    fn is_served(&mut self, directory: &Path, entry: &Entry) -> bool {
        let (path, root) = (directory.join(entry.file_name()), self.directories.root().canonicalize().unwrap());
        let left_out = LEFT_OUT.iter().find(|left_out| (left_out.is)(&path, &root));
        left_out.iter().for_each(|left_out| self.fire(left_out.reason));
        left_out.is_none()
    }

    fn compare_entries(&mut self, nginx: &Entry, foobar: &Entry) {
        let name = nginx.name.escape_ascii();
        match nginx.shown.strip_suffix("..>") {
            Some(beginning) if nginx.shown != foobar.shown => {
                assert!(foobar.shown.starts_with(beginning), "{name}: {:?} and {:?}", nginx.shown, foobar.shown);
                self.fire(CUT);
            }
            _ if nginx.shown.chars().count() == WIDTH && foobar.shown == format!("{}/", nginx.shown) => self.fire(FULL),
            _ => assert_eq!(nginx.shown, foobar.shown, "{name}"),
        }
        assert_eq!(nginx.modified, foobar.modified, "{name}");
        assert!(foobar.is_rounded_from(nginx), "{name}: {:?} and {:?}", nginx.size, foobar.size);
    }

    /// The list as JSON: of nginx's what stands in the list of `html`, which is Foobar's.
    fn compare_json(&mut self, directory: &[u8], html: &[Entry]) {
        let answers = self.ask(&[b"/json", directory].concat());
        let shown = directory.escape_ascii().to_string();
        assert_eq!(answers[0].header("content-type"), answers[1].header("content-type"), "{shown}");
        let [nginx, foobar] = answers.each_ref().map(json);
        let served: Vec<_> = nginx.into_iter().filter(|object| object["type"] != "other").collect();
        assert_eq!(foobar.len(), html.len(), "{shown}");
        let mut rest = served.into_iter();
        for (mut foobar, entry) in foobar.into_iter().zip(html) {
            if let Some(href) = foobar.as_object_mut().expect("an object").remove("href") {
                assert_eq!(href.as_str(), Some(entry.href()), "{shown}");
                self.fire(HREF);
            }
            assert_eq!(foobar["name"], *entry.name_as_text(), "{shown}");
            // What comes between in nginx's list is left out, as in the one that is HTML.
            assert!(rest.any(|nginx| nginx == foobar), "{shown}: nginx has no such entry there: {foobar}");
        }
    }

    /// The link to one of the entries leads to it.
    fn follow(&self, directory: &[u8], entries: &[Entry]) {
        let mut random = Random::new(seed(), directory.len() as u64);
        if entries.is_empty() {
            return;
        }
        let entry = &entries[random.below(entries.len() as u64) as usize];
        let path = [directory, &entry.name[..], if entry.is_directory { &b"/"[..] } else { b"" }].concat();
        let [nginx, foobar] = self.ask(&path);
        assert_eq!((nginx.status, foobar.status), (200, 200), "{}", path.escape_ascii());
        assert!(entry.is_directory || nginx.body == foobar.body, "{}", path.escape_ascii());
    }

    fn fire(&mut self, reason: &'static str) {
        *self.fired.entry(reason).or_default() += 1;
    }
}

fn names(entries: &[Entry]) -> Vec<String> {
    let slash = |entry: &Entry| if entry.is_directory { "/" } else { "" };
    entries.iter().map(|entry| entry.name.escape_ascii().to_string() + slash(entry)).collect()
}

fn name(path: &Path) -> &[u8] {
    path.file_name().expect("an entry has a name").as_bytes()
}
