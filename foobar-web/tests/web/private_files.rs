//! Files that an application sends by X-Accel-Redirect, and what caches between it and its client are told of them.

use std::sync::Arc;

use foobar_core::handler_fn;
use tempfile::TempDir;

use crate::accel::{ask, naming};
use crate::support::{Answer, Client, Server};

const PRIVATE: Option<&str> = Some("private, no-cache");

/// What a site says of its public files to the caches of CDNs and proxies, beside `Cache-Control`.
const FOR_CACHES: &str = "'* CDN-Cache-Control: public, max-age=31536000', '* Surrogate-Control: max-age=31536000', \
     '* Cloudflare-CDN-Cache-Control: max-age=60', '* Edge-Control: max-age=1y', '* Surrogate-Key: files', \
     '* Pragma: cache', '* X-A: b'";

/// A site whose files are public for a year and whose folders are listed, with internal folders: `/plain/` has no
/// settings of its own, `/ruled/` has rules, `/listed/` a list.
struct Private {
    folder: TempDir,
    server: Server,
}

impl Private {
    fn start() -> Self {
        Self::with("")
    }

    /// `web` are lines of `[web]`.
    fn with(web: &str) -> Self {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        let text = "a text that can be compressed, ".repeat(200);
        for (name, content) in [
            ("public/page.html", "page"),
            ("public/404.html", "not here"),
            ("public/d/page.html", "page"),
            ("secret/a.txt", "0123456789"),
            ("secret/a.pdf", "%PDF"),
            ("secret/a.css", "a{}"),
            ("secret/a.svg", "<svg/>"),
            ("secret/big.txt", &text),
            ("secret/fallback.html", "fallback"),
            ("secret/d/x.txt", "x"),
            ("secret/with/index.html", "index"),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("the folder is writable");
            std::fs::write(path, content).expect("the folder is writable");
        }
        let toml = format!(
            "[web]\n{web}\n[sites.a]\nroot = '{0}/public'\nerror_page = ['404 /404.html']\nautoindex = 'on'\n\
             add_header = [{FOR_CACHES}]\ncache_control = ['* immutable']\ncontent_disposition = ['.svg attachment']\n\
             [sites.a.routes]\n'/app/' = {{ app = true }}\n'/old'.redirect = '/'\n'/down'.respond = 503\n\
             '/plain/' = {{ files = '{0}/secret', internal = true }}\n\
             '/tried/' = {{ files = '{0}/secret', internal = true, try_files = ['file', '/fallback.html', 'app'] }}\n\
             '= /one' = {{ files = '{0}/secret/a.txt', internal = true }}\n\
             '/ruled/' = {{ files = '{0}/secret', internal = true, cache_control = ['application/pdf 1h', \
             'text/css off', 'image/* private, max-age=60', 'text/html public, no-cache'] }}\n\
             '/told/' = {{ files = '{0}/secret', internal = true, cache_control = ['* private'], \
             add_header = ['* CDN-Cache-Control: max-age=9'] }}\n\
             '/listed/' = {{ files = '{0}/secret', internal = true, autoindex = 'html' }}\n",
            folder.path().display()
        );
        let server = Server::with(&toml, Some(Arc::new(handler_fn(naming))));
        Self { folder, server }
    }

    fn client(&self) -> Client {
        self.server.connect()
    }
}

/// What an application's answer says that names this path and has these fields beside it.
fn sent(client: &mut Client, path: &str, fields: &str) -> Answer {
    ask(client, "GET", &format!("X-Accel-Redirect={path}{fields}"), "")
}

/// What an answer says in `Cache-Control` and `Expires`, if it says nothing to a cache by another field.
fn caching(answer: &Answer) -> (u16, Option<&str>, Option<&str>) {
    assert_eq!(beside(answer), [""; 0], "{answer:?}");
    (answer.status(), answer.header("cache-control"), answer.header("expires"))
}

fn beside(answer: &Answer) -> Vec<&str> {
    let names = answer.head.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name);
    let is_beside = |name: &&str| {
        name.ends_with("-cache-control") || name.starts_with("surrogate-") || ["edge-control", "pragma"].contains(name)
    };
    names.filter(is_beside).collect()
}

#[test]
fn a_file_of_an_internal_route_is_private_in_every_answer_whatever_its_site_says() {
    for web in ["", "file_cache_size = '0'", "file_cache_max_file = '0'"] {
        let site = Private::with(web);
        let mut client = site.client();
        for path in ["/plain/a.txt", "/plain/with/", "/tried/none", "/tried/a.txt", "/one"] {
            assert_eq!(caching(&sent(&mut client, path, "")), (200, PRIVATE, None), "{path} {web}");
        }
        let query = "X-Accel-Redirect=/plain/a.txt";
        let tag = ask(&mut client, "GET", query, "").header("etag").expect("it is a file as any other").to_owned();
        for (method, fields, status) in [
            ("HEAD", "", 200),
            ("POST", "", 200),
            ("GET", "Range: bytes=1-2\r\n", 206),
            ("GET", "Range: bytes=1-2,5-6\r\n", 206),
            ("GET", &format!("If-None-Match: {tag}\r\n"), 304),
            ("HEAD", &format!("If-None-Match: {tag}\r\n"), 304),
        ] {
            let answer = ask(&mut client, method, query, fields);
            assert_eq!(caching(&answer), (status, PRIVATE, None), "{method} {fields} {web}");
        }
        let coded = ask(&mut client, "GET", "X-Accel-Redirect=/plain/big.txt", "Accept-Encoding: br\r\n");
        assert_eq!(caching(&coded), (200, PRIVATE, None), "{web}");
        for (path, fields, status) in [
            ("/plain/a.txt", "If-Match: \"x\"\r\n", 412),
            ("/plain/a.txt", "Range: bytes=99-\r\n", 416),
            ("/plain/none", "", 404),
        ] {
            let answer = ask(&mut client, "GET", &format!("X-Accel-Redirect={path}"), fields);
            assert_eq!(caching(&answer), (status, Some("no-store"), None), "{path} {fields} {web}");
        }
    }
}

#[test]
fn a_rule_of_the_internal_route_itself_counts_and_what_none_fits_is_private() {
    let site = Private::start();
    let mut client = site.client();
    let hour = sent(&mut client, "/ruled/a.pdf", "");
    assert_eq!((hour.header("cache-control"), hour.expires_after()), (Some("max-age=3600"), Some(3600)));
    assert_eq!(caching(&sent(&mut client, "/ruled/a.css", "")), (200, None, None));
    assert_eq!(caching(&sent(&mut client, "/ruled/a.svg", "")), (200, Some("private, max-age=60"), None));
    assert_eq!(caching(&sent(&mut client, "/ruled/a.txt", "")), (200, PRIVATE, None));
}

#[test]
fn what_the_application_says_of_caches_stands_alone() {
    let site = Private::start();
    let mut client = site.client();
    for path in ["/plain/a.txt", "/ruled/a.pdf", "/page.html"] {
        for (said, control, expires) in [
            ("&Cache-Control=public,_max-age=60", Some("public, max-age=60"), None),
            ("&Cache-Control=no-store&Set-Cookie=a=b", Some("no-store"), None),
            ("&Expires=0", None, Some("0")),
            ("&Cache-Control=private&Expires=0", Some("private"), Some("0")),
            ("&Cache-Control=", PRIVATE, None),
            ("&Vary=Cookie", PRIVATE, None),
        ] {
            if path == "/ruled/a.pdf" && control == PRIVATE {
                continue; // it has a rule
            }
            assert_eq!(caching(&sent(&mut client, path, said)), (200, control, expires), "{path} {said}");
        }
    }
}

#[test]
fn what_the_application_names_of_a_public_route_is_not_public_in_its_answer() {
    let site = Private::start();
    let mut client = site.client();
    for path in ["/page.html", "/d/"] {
        assert_eq!(caching(&sent(&mut client, path, "")), (200, PRIVATE, None), "{path}");
    }
    let page = sent(&mut client, "/page.html", "");
    let tag = format!("If-None-Match: {}\r\n", page.header("etag").expect("it is a file"));
    assert_eq!(caching(&ask(&mut client, "GET", "X-Accel-Redirect=/page.html", &tag)), (304, PRIVATE, None));
    let immutable = Some("public, max-age=31536000, immutable");
    let page = client.get("/page.html");
    assert_eq!(page.header("cache-control"), immutable, "who asks for the file itself");
    assert_eq!((beside(&page).len(), page.header("x-a")), (6, Some("b")));
}

#[test]
fn what_a_site_says_to_caches_in_fields_of_their_own_is_of_its_public_files_alone() {
    let site = Private::start();
    let mut client = site.client();
    for twice in ["", "User-Agent: x\r\nUser-Agent: x\r\n"] {
        for (path, status, fields) in [("/page.html", 200, 6), ("/old", 301, 6), ("/down", 503, 0)] {
            client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n{twice}\r\n"));
            let answer = client.answer();
            assert_eq!((answer.status(), beside(&answer).len()), (status, fields), "{path} {twice}");
            assert_eq!(answer.header("x-a"), Some("b"), "{path} {twice}");
        }
    }
    let own = sent(&mut client, "/told/a.txt", "");
    assert_eq!((own.header("cdn-cache-control"), beside(&own).len()), (Some("max-age=9"), 1), "its route says so");
    assert_eq!(caching(&sent(&mut client, "/told/a.txt", "&Set-Cookie=a=b")), (200, Some("private"), None));
    let said = sent(&mut client, "/told/a.txt", "&Cache-Control=private,_no-store");
    assert_eq!(caching(&said), (200, Some("private, no-store"), None));
}

#[test]
fn no_rule_makes_an_answer_public_that_sets_a_cookie() {
    let site = Private::start();
    let mut client = site.client();
    for (path, control) in [
        ("/plain/a.txt", PRIVATE),
        ("/page.html", PRIVATE),
        ("/ruled/a.pdf", PRIVATE),
        ("/ruled/a.css", PRIVATE),
        ("/ruled/fallback.html", PRIVATE),
        ("/ruled/a.svg", Some("private, max-age=60")),
    ] {
        let answer = sent(&mut client, path, "&Set-Cookie=a=b");
        assert_eq!(caching(&answer), (200, control, None), "{path}");
        assert_eq!(answer.header("set-cookie"), Some("a=b"));
    }
}

#[test]
fn an_internal_folder_is_listed_only_where_its_route_says_so_and_privately() {
    let site = Private::start();
    let mut client = site.client();
    assert_eq!(sent(&mut client, "/plain/d/", "").status(), 404);
    let list = sent(&mut client, "/listed/d/", "");
    assert_eq!(caching(&list), (200, PRIVATE, None));
    assert!(list.body.contains("x.txt"), "{}", list.body);
    assert_eq!(client.get("/d/").header("cache-control"), Some("no-cache"));
    assert_eq!(client.get("/listed/d/").status(), 404);
}

#[test]
fn how_a_browser_treats_a_file_is_inherited_as_it_only_protects() {
    let site = Private::start();
    let mut client = site.client();
    let svg = sent(&mut client, "/plain/a.svg", "");
    assert_eq!(svg.header("content-disposition"), Some("attachment; filename=\"a.svg\""));
    assert_eq!(svg.header("x-content-type-options"), Some("nosniff"));
    drop(site.folder);
}
