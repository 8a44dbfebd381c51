//! Names of files that are no text: bytes, as the system has them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use foobar_core::{Request, Response, ResponseBody, handler_fn};
use http::HeaderValue;
use tempfile::TempDir;

use crate::accel::{ask, naming};
use crate::support::{Answer, Server, wait_until};

/// A folder with files of these names, whose contents are their escaped names.
struct Fixture(TempDir);

impl Fixture {
    fn new(names: &[&[u8]]) -> Self {
        let place = Self(tempfile::tempdir().expect("the temporary folder is writable"));
        names.iter().for_each(|name| place.write(name, &encoded(name)));
        place
    }

    fn at(&self, name: &[u8]) -> PathBuf {
        self.0.path().join(OsStr::from_bytes(name))
    }

    fn write(&self, name: &[u8], content: &str) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("the folder is writable");
        fs::write(path, content).expect("the folder is writable");
    }

    fn serve(&self, settings: &str) -> Server {
        let root = self.0.path().display().to_string();
        let settings = settings.replace("ROOT", &root);
        Server::with(&format!("[sites.a]\nroot = '{root}'\n{settings}"), Some(Arc::new(handler_fn(naming))))
    }
}

/// Each byte that is not plain as an escape.
fn encoded(name: &[u8]) -> String {
    let encode = |byte: &u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'.' | b'/' => char::from(*byte).to_string(),
        byte => format!("%{byte:02x}"),
    };
    name.iter().map(encode).collect()
}

/// The answer that has to be waited for, and the one from the cache, which is the same.
fn get(server: &Server, path: &str, fields: &str) -> Answer {
    let ask = || {
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        client.answer()
    };
    let (first, second) = (ask(), ask());
    assert_eq!(first.status(), second.status(), "{path}");
    assert!(first.body == second.body || second.status() >= 400, "{path}"); // a problem names its request
    for field in ["etag", "content-type", "content-range", "location", "content-disposition", "content-encoding"] {
        assert_eq!(first.header(field), second.header(field), "{path} {field}");
    }
    second
}

#[test]
fn a_name_may_hold_every_byte_but_a_slash_and_a_control_character() {
    let names: Vec<Vec<u8>> = (1..=u8::MAX).filter(|byte| *byte != b'/').map(|byte| vec![b'a', byte]).collect();
    let all: Vec<u8> = (0x20..=0xff).filter(|byte| *byte != b'/').collect();
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).chain([&all[..], &[0xe9; 255]]).collect();
    let place = Fixture::new(&names);
    let server = place.serve("");
    for name in names {
        let answer = get(&server, &format!("/{}", encoded(name)), "");
        match name.iter().any(u8::is_ascii_control) {
            true => assert_eq!(answer.status(), 400, "{}", encoded(name)),
            false => assert_eq!((answer.status(), answer.body), (200, encoded(name)), "{}", encoded(name)),
        }
    }
}

#[test]
fn bytes_that_decode_to_nothing_else_are_no_dot_no_slash_and_no_end() {
    let place = Fixture::new(&[b"d/caf\xe9", b"caf"]);
    let server = place.serve("try_files = ['file', '=404']\n");
    for (path, status) in [
        ("/d/caf%E9", 200),
        ("/d/caf%c3%a9", 404),
        ("/d%2fcaf%e9", 404),
        ("/d/caf%e9/", 404),
        ("/d/caf%e9%00", 400),
        ("/caf%00%e9", 400),
        ("/d/caf%e9%0a", 400),
        ("/d/caf%e9%7f", 400),
        ("/d/caf%e9%c2%85", 400),
        ("/d/%c0%ae%c0%ae/caf", 404),
        ("/d%c0%afcaf%e9", 404),
        ("/d/x%e9/../caf%e9", 200),
        ("/%e9/../../caf", 400),
    ] {
        assert_eq!(get(&server, path, "").status(), status, "{path}");
    }
}

#[test]
fn such_a_file_answers_conditions_ranges_and_codings_and_has_what_its_extension_says() {
    let place = Fixture::new(&[b"caf\xe9.pdf", b"\xff.html"]);
    place.write(b"caf\xe9.html", &"text ".repeat(500));
    place.write(b"caf\xe9.html.gz", "smaller");
    let server = place.serve("content_disposition = ['.pdf attachment']\n");
    let file = get(&server, "/caf%e9.html", "");
    assert_eq!(file.header("content-type"), Some("text/html; charset=utf-8"));
    let tag = file.header("etag").expect("it has one");
    assert_eq!(get(&server, "/caf%E9.html", &format!("If-None-Match: {tag}\r\n")).status(), 304);
    let part = get(&server, "/caf%e9.html", "Range: bytes=1-3\r\n");
    assert_eq!((part.status(), part.body.as_str()), (206, "ext"));
    let coded = get(&server, "/caf%e9.html", "Accept-Encoding: gzip\r\n");
    assert_eq!((coded.header("content-encoding"), coded.body.as_str()), (Some("gzip"), "smaller"));
    let saved = get(&server, "/caf%e9.pdf", "");
    let name = "attachment; filename=\"caf_.pdf\"; filename*=UTF-8''caf%EF%BF%BD.pdf";
    assert_eq!(
        (saved.header("content-disposition"), saved.header("content-type")),
        (Some(name), Some("application/pdf"))
    );
}

#[test]
fn a_folder_of_such_a_name_has_its_index_its_list_and_its_slash() {
    let place = Fixture::new(&[b"\xe9/index.html", b"list\xff/x\xfe.txt", b"list\xff/\xfd/y"]);
    let server = place.serve("autoindex = 'html'\n");
    assert_eq!(get(&server, "/%e9?a=b", "").header("location"), Some("/%E9/?a=b"));
    assert_eq!(get(&server, "/%e9/", "").body, "%e9/index.html");
    assert_eq!(get(&server, "/list%ff", "").header("location"), Some("/list%FF/"));
    let list = get(&server, "/list%ff/", "").body;
    assert!(list.contains("<h1>Index of /list\u{fffd}/</h1>"), "{list}");
    assert!(list.contains("<a href=\"./x%FE.txt\">x\u{fffd}.txt</a>"), "{list}");
    assert!(list.contains("<a href=\"./%FD/\">\u{fffd}/</a>"), "{list}");
    assert_eq!(get(&server, "/list%ff/x%FE.txt", "").status(), 200);
}

#[test]
fn json_has_a_way_to_what_its_names_cannot_say_and_both_forms_tell_what_is_left_out() {
    let place =
        Fixture::new(&[b"caf\xe9", b"\xe9/x", "caf\u{e9}".as_bytes(), b"new\nline", b"\x7f", "\u{85}".as_bytes()]);
    for hidden in [&b".env"[..], b".a\nb", b".\xe9"] {
        place.write(hidden, "");
    }
    let settings = "autoindex = 'json'\n[sites.a.routes]\n'/html/' = { files = 'ROOT', autoindex = 'html' }\n";
    let server = place.serve(settings);
    let list = get(&server, "/", "");
    let entries: Vec<serde_json::Value> = serde_json::from_str(&list.body).expect("it is JSON");
    let shown: Vec<_> = entries.iter().map(|entry| (entry["name"].as_str(), entry["href"].as_str())).collect();
    assert_eq!(
        shown,
        [(Some("\u{fffd}"), Some("%E9/")), (Some("caf\u{e9}"), None), (Some("caf\u{fffd}"), Some("caf%E9"))]
    );
    assert_eq!(list.header("x-names-left-out"), Some("3"));
    for entry in entries.iter().filter_map(|entry| entry["href"].as_str()) {
        assert!([200, 301].contains(&get(&server, &format!("/{entry}"), "").status()), "{entry}");
    }
    let page = get(&server, "/html/", "");
    assert_eq!(page.header("x-names-left-out"), Some("3"));
    assert!(page.body.contains("<p>Names left out, as no request can hold control characters: 3</p>"), "{}", page.body);
    let whole = get(&server, "/html/%e9/", "");
    assert!(whole.header("x-names-left-out").is_none() && !whole.body.contains("left out"));
}

#[test]
fn routes_try_files_and_redirects_take_such_paths() {
    let place = Fixture::new(&[b"caf\xe9.html", b"cache/\xff.html", b"old\xe9"]);
    let server = place.serve(
        "try_files = ['file', '$uri.html', '/cache$uri.html', '=404']\n[sites.a.routes]\n\
         '/to/' = { redirect = '/new$uri?from=$uri' }\n'~ ^/old/(.*)$' = { redirect = '/$1' }\n\
         '~* ^/CAF.x$' = { respond = 200, body = 'by pattern' }\n'~ ^/[\u{e9}]$' = { respond = 200, body = 'letter' }\n",
    );
    assert_eq!(get(&server, "/caf%e9", "").body, "caf%e9.html");
    assert_eq!(get(&server, "/%ff", "").body, "cache/%ff.html");
    assert_eq!(get(&server, "/to/%e9", "").header("location"), Some("/new/to/%E9?from=/to/%E9"));
    assert_eq!(get(&server, "/old/%e9/%ff", "").header("location"), Some("/%E9/%FF"));
    assert_eq!(get(&server, "/caf%e9x", "").body, "by pattern");
    assert_eq!((get(&server, "/%c3%a9", "").body.as_str(), get(&server, "/%e9", "").status()), ("letter", 404));
}

#[test]
fn an_error_under_such_a_path_has_its_page_and_its_fields() {
    let place = Fixture::new(&[b"404.html", b"\xe9"]);
    let server = place.serve(
        "error_page = ['404 /404.html']\nadd_header = ['.css X-A: style', '* X-A: other']\ntry_files = ['file', '=404']\n",
    );
    let page = get(&server, "/none%e9.css", "Accept: text/html\r\n");
    assert_eq!((page.status(), page.body.as_str(), page.header("x-a")), (404, "404.html", Some("style")));
    let problem = get(&server, "/none%e9", "");
    assert_eq!((problem.status(), problem.header("x-a")), (404, Some("other")));
}

#[test]
fn an_application_may_name_such_a_file() {
    let place = Fixture::new(&[b"secret/caf\xe9"]);
    let server =
        place.serve("[sites.a.routes]\n'/app/' = { app = true }\n'/x/' = { files = 'ROOT/secret', internal = true }\n");
    let mut client = server.connect();
    assert_eq!(ask(&mut client, "GET", "X-Accel-Redirect=/x/caf%e9", "").body, "secret/caf%e9");
    assert_eq!(ask(&mut client, "GET", "X-Accel-Redirect=/x/%e9/../caf%e9", "").status(), 500);
    assert_eq!(ask(&mut client, "GET", "X-Accel-Redirect=/x/caf%e9%0a", "").status(), 500);
}

#[test]
fn an_application_may_name_such_a_file_without_an_escape() {
    let place = Fixture::new(&[b"secret/caf\xe9"]);
    let toml =
        format!("[sites.a.routes]\n'/x/' = {{ files = '{}/secret', internal = true }}\n", place.0.path().display());
    let naming = |_: Request| async {
        let mut response = Response::new(ResponseBody::empty());
        let target = HeaderValue::from_bytes(b"/x/caf\xe9").expect("a value takes such bytes");
        response.headers_mut().insert("x-accel-redirect", target);
        response
    };
    let server = Server::with(&toml, Some(Arc::new(handler_fn(naming))));
    assert_eq!(get(&server, "/", "").body, "secret/caf%e9");
}

#[test]
fn a_change_of_such_a_file_is_seen() {
    let place = Fixture::new(&[b"\xe9/caf\xe9"]);
    let server = place.serve("[web]\nfile_cache_valid = '1h'\n");
    let body = |path| get(&server, path, "").body;
    assert_eq!(body("/%e9/caf%e9"), "%e9/caf%e9");
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    place.write(b"\xe9/caf\xe9", "another");
    wait_until("the change is seen", || server.connect().get("/%e9/caf%e9").body == "another");
    fs::File::open(place.at(b"\xe9/caf\xe9")).and_then(|file| file.set_modified(old)).expect("the file is ours");
    fs::rename(place.at(b"\xe9"), place.at(b"\xff")).expect("the folder is writable");
    wait_until("the folder has gone", || server.connect().get("/%e9/caf%e9").body != "another");
    assert_eq!(body("/%ff/caf%e9"), "another");
}

#[test]
fn a_hundred_thousand_such_names_are_listed_page_by_page() {
    let place = Fixture(tempfile::tempdir().expect("the temporary folder is writable"));
    let count = 100_000_u32;
    let name = |number: u32| [&[0xe9][..], format!("{number:05}").as_bytes()].concat();
    for number in 0..count {
        fs::write(place.at(&name(number)), "").expect("the folder is writable");
    }
    fs::write(place.at(b"\n"), "").expect("the folder is writable");
    let server = place.serve("autoindex = 'json'\n");
    let mut client = server.connect();
    let last = client.get("/?page=10");
    assert_eq!((last.header("link"), last.header("x-names-left-out")), (None, Some("1")));
    assert!(last.body.contains("\"href\": \"%E999999\"") && last.body.matches("\"href\"").count() == 10_000);
    assert_eq!(client.get("/%e999999").status(), 200);
}
