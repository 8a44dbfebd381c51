//! Symbolic links in folders that are served.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::{Server, thrice};

/// A folder `root` with files and links, beside it what is not to be served, and another name of the folder.
struct Fixture(TempDir);

impl Fixture {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("the temporary folder is writable"));
        for file in ["root/file.txt", "root/d/x.txt", "root/d/index.html", "secret.txt", "outside/x.txt"] {
            let path = place.at(file);
            fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("the folder is writable");
            fs::write(path, file).expect("the folder is writable");
        }
        place.link("alias", place.at("root"));
        place.link("alias-of-d", place.at("root/d"));
        place.link("by-outside", place.at("root/file.txt"));
        for (name, target) in [
            ("relative", PathBuf::from("d/x.txt")),
            ("d/up", "../file.txt".into()),
            ("absolute", place.at("root/d/x.txt")),
            ("by-alias", place.at("alias/d/x.txt")),
            ("directory", place.at("root/d")),
            ("chain", "directory/up".into()),
            ("dots", place.at("root/d/../file.txt")),
            ("out-and-back", "../root/d/x.txt".into()),
            ("out-and-back-by-alias", "../alias/d/x.txt".into()),
            ("out-and-back-by-folder", "../alias-of-d/x.txt".into()),
            ("out-and-back-by-link", place.at("by-outside")),
            ("d/far", "../../root/../root/file.txt".into()),
            ("by-alias-of-folder", place.at("alias-of-d/x.txt")),
            ("folder-by-alias", place.at("alias-of-d")),
            ("out", "../secret.txt".into()),
            ("out-and-out", "../root/../secret.txt".into()),
            ("out-by-folder", place.at("alias-of-d/../../secret.txt")),
            ("out-and-nowhere", "../none/x.txt".into()),
            ("out-absolute", place.at("secret.txt")),
            ("out-by-dots", place.at("root/../secret.txt")),
            ("out-by-two", "out-absolute".into()),
            ("out-by-chain", place.at("root/d/../out")),
            ("out-directory", place.at("outside")),
            ("in-name-only", place.at("root-2/x.txt")),
            ("circle", place.at("root/circle")),
            ("nowhere", place.at("root/none")),
        ] {
            place.link(&format!("root/{name}"), target);
        }
        place
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn link(&self, path: &str, target: PathBuf) {
        symlink(target, self.at(path)).expect("the folder is writable");
    }

    fn serve(&self, settings: &str) -> Server {
        Server::with(&format!("[sites.a]\nroot = '{}'\n{settings}", self.at("root").display()), None)
    }
}

const STAY: [(&str, &str); 17] = [
    ("/out-and-back", "root/d/x.txt"),
    ("/out-and-back-by-alias", "root/d/x.txt"),
    ("/out-and-back-by-folder", "root/d/x.txt"),
    ("/out-and-back-by-link", "root/file.txt"),
    ("/d/far", "root/file.txt"),
    ("/by-alias-of-folder", "root/d/x.txt"),
    ("/folder-by-alias/x.txt", "root/d/x.txt"),
    ("/relative", "root/d/x.txt"),
    ("/d/up", "root/file.txt"),
    ("/absolute", "root/d/x.txt"),
    ("/by-alias", "root/d/x.txt"),
    ("/directory/", "root/d/index.html"),
    ("/directory/x.txt", "root/d/x.txt"),
    ("/directory/up", "root/file.txt"),
    ("/chain", "root/file.txt"),
    ("/dots", "root/file.txt"),
    ("/file.txt", "root/file.txt"),
];
const LEAVE: [(&str, &str); 8] = [
    ("/out-and-out", "secret.txt"),
    ("/out-by-folder", "secret.txt"),
    ("/out", "secret.txt"),
    ("/out-absolute", "secret.txt"),
    ("/out-by-dots", "secret.txt"),
    ("/out-by-two", "secret.txt"),
    ("/out-by-chain", "secret.txt"),
    ("/out-directory/x.txt", "outside/x.txt"),
];
const NOTHING: [&str; 4] = ["/out-and-nowhere", "/in-name-only", "/circle", "/nowhere"];

#[test]
fn links_are_followed_as_the_site_and_the_route_say() {
    let place = Fixture::new();
    fs::create_dir(place.at("root-2")).expect("the folder is writable");
    let route = |links| format!("'/{links}/' = {{ files = '{}', links = '{links}' }}\n", place.at("root").display());
    for (site, others) in [("inside", ["any", "off"]), ("any", ["inside", "off"]), ("off", ["inside", "any"])] {
        let [one, two] = others.map(route);
        let server = place.serve(&format!("links = '{site}'\n[sites.a.routes]\n{one}{two}"));
        let mut client = server.connect();
        for (prefix, links) in [("", site), ("/inside", "inside"), ("/any", "any"), ("/off", "off")] {
            if prefix.trim_start_matches('/') == site {
                continue;
            }
            for (group, follows) in [(&STAY[..16], links != "off"), (&STAY[16..], true), (&LEAVE[..], links == "any")] {
                for (path, content) in group {
                    for answer in thrice(&mut client, &format!("{prefix}{path}"), "") {
                        let expected = if follows { 200 } else { 404 };
                        assert_eq!(answer.status(), expected, "{prefix}{path} of {site}");
                        assert!(!follows || answer.body == *content, "{prefix}{path} of {site}: {}", answer.body);
                    }
                }
            }
            for path in NOTHING {
                for answer in thrice(&mut client, &format!("{prefix}{path}"), "") {
                    assert_eq!(answer.status(), 404, "{prefix}{path} of {site}");
                }
            }
        }
    }
}

#[test]
fn links_stay_inside_by_default_also_under_the_other_name_of_the_root() {
    let place = Fixture::new();
    let server = Server::with(&format!("[sites.a]\nroot = '{}'\n", place.at("alias").display()), None);
    let mut client = server.connect();
    for (path, content) in STAY {
        assert_eq!(client.get(path).body, content, "{path}");
    }
    for (path, _) in LEAVE {
        assert_eq!(client.get(path).status(), 404, "{path}");
    }
}

#[test]
fn a_list_has_the_links_that_are_followed() {
    let place = Fixture::new();
    for (links, shown, hidden) in [
        (
            "inside",
            &["relative", "absolute", "directory", "chain"][..],
            &["out", "out-by-two", "circle", "nowhere"][..],
        ),
        ("any", &["relative", "out", "out-directory"], &["circle", "nowhere"]),
        ("off", &["file.txt"], &["relative", "absolute", "out"]),
    ] {
        let server = place.serve(&format!("autoindex = 'json'\nlinks = '{links}'\n"));
        let mut client = server.connect();
        let list = client.get("/").body;
        let has = |name: &&&str| list.contains(&format!("\"name\": \"{name}\""));
        assert!(shown.iter().all(|name| has(&name)), "{links}: {list}");
        assert!(!hidden.iter().any(|name| has(&name)), "{links}: {list}");
    }
    let server = place.serve("autoindex = 'json'\nindex = []\n");
    assert!(server.connect().get("/d/").body.contains("\"name\": \"up\""), "it leads out of d, not out of the root");
}
