//! Files inside the program.

use foobar_web::rust_embed::RustEmbed;
use foobar_web::{Embedded, FileSources, Web};

use crate::support::{Server, settings};

#[derive(RustEmbed)]
#[folder = "tests/web"]
#[crate_path = "foobar_web::rust_embed"]
struct Assets;

fn sources() -> FileSources {
    let mut sources = FileSources::default();
    sources.add("assets", Embedded::<Assets>::new());
    sources
}

fn start(toml: &str) -> Server {
    let (web, sites) = settings(toml);
    Server::of(Web::with_files(&web, &sites, &sources(), None).expect("the settings are good"))
}

#[test]
fn a_site_and_a_route_serve_files_from_inside_the_program() {
    let server = start(
        "[sites.a]\nroot = 'embed:assets'\nautoindex = 'json'\n[sites.a.routes.'/more/']\nfiles = 'embed:assets'\n\
         [sites.a.routes.'= /one']\nfiles = 'embed:assets/embedded.rs'\n",
    );
    let mut client = server.connect();
    for path in ["/embedded.rs", "/more/embedded.rs", "/one"] {
        let answer = client.get(path);
        assert_eq!((answer.status(), answer.body.as_str()), (200, include_str!("embedded.rs")), "{path}");
        let tag = answer.header("etag").expect("there is a tag").to_owned();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nIf-None-Match: {tag}\r\n\r\n"));
        assert_eq!(client.answer().status(), 304);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nRange: bytes=4-8\r\n\r\n"));
        assert_eq!(client.answer().body, "Files");
    }
    assert!(client.get("/").body.contains("\"embedded.rs\""));
    for path in ["/missing", "/../embedded.rs", "/%2e%2e/web/embedded.rs", "/..%2fweb%2fembedded.rs", "/embedded.rs/"] {
        assert!(matches!(server.connect().get(path).status(), 400 | 404), "{path}");
    }
}

#[test]
fn two_servers_with_the_same_program_send_the_same_tags() {
    let tag = || start("[sites.a]\nroot = 'embed:assets'").connect().get("/main.rs").header("etag").map(str::to_owned);
    assert!(tag().is_some());
    assert_eq!(tag(), tag());
}

#[test]
fn a_name_that_the_program_does_not_have_is_an_error_that_lists_those_it_has() {
    let (web, sites) = settings("[sites.a]\nroot = 'embed:pages'");
    let error = Web::with_files(&web, &sites, &sources(), None).err().expect("there is no such name");
    assert_eq!(error.key(), Some("sites.a.root"));
    let error = foobar_core::Chain(&error).to_string();
    assert!(error.ends_with("this program has no files of the name \"pages\"; it has assets"), "{error}");
}
