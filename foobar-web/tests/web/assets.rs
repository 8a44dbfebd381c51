//! Files that a page names by their content: what an application is told of them, and what their URLs lead to.

use std::fs;
use std::sync::Arc;

use foobar_core::{Assets, Request, Response, ResponseBody, handler_fn};
use foobar_web::rust_embed::RustEmbed;
use foobar_web::{Embedded, FileSources, Web};
use tempfile::TempDir;

use crate::support::{Answer, Client, Server, settings, wait_until};

/// An application whose page is the URL of the file that the query names, or why there is none.
async fn page(request: Request) -> Response {
    let name = request.uri().query().unwrap_or_default().replace("%20", " ").replace("%0A", "\n");
    let assets = request.extensions().get::<Assets>().expect("the web tier knows the files");
    Response::new(ResponseBody::full(assets.url(&name).unwrap_or_else(|error| error.to_string())))
}

/// A site with these lines, where `{0}` stands for a folder that holds some files.
fn start(lines: &str) -> (TempDir, Server) {
    start_with("", lines)
}

fn start_with(web: &str, lines: &str) -> (TempDir, Server) {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    for (name, content) in [("site.css", "body {}"), ("js/app.min.js", "one()"), ("LICENSE", "do"), ("a b.txt", "ab")] {
        write(&folder, name, content);
    }
    let lines = lines.replace("{0}", &folder.path().display().to_string());
    let toml = format!(
        "[web]\nkeepalive_requests = 1000000\n{web}\n[sites.a]\n{lines}\n[sites.a.routes.'= /page']\napp = true\n"
    );
    let server = Server::with(&toml, Some(Arc::new(handler_fn(page))));
    (folder, server)
}

const ROOT: &str = "root = '{0}'\ntry_files = ['file', '=404']";

fn write(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("the folder is writable");
    fs::write(path, content).expect("the folder is writable");
}

fn url(client: &mut Client, name: &str) -> String {
    client.get(&format!("/page?{}", name.replace(' ', "%20").replace('\n', "%0A"))).body
}

fn ask(client: &mut Client, path: &str, field: &str) -> Answer {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"));
    client.answer()
}

const IMMUTABLE: Option<&str> = Some("public, max-age=31536000, immutable");

#[test]
fn a_page_names_a_file_by_its_content_and_caches_keep_it_for_ever() {
    let (_folder, server) = start(ROOT);
    let mut client = server.connect();
    for (name, before, after, kind, content) in [
        ("site.css", "/site.", ".css", "text/css; charset=utf-8", "body {}"),
        ("/site.css", "/site.", ".css", "text/css; charset=utf-8", "body {}"),
        ("js/app.min.js", "/js/app.min.", ".js", "text/javascript; charset=utf-8", "one()"),
        ("LICENSE", "/LICENSE.", "", "application/octet-stream", "do"),
        ("a b.txt", "/a%20b.", ".txt", "text/plain; charset=utf-8", "ab"),
    ] {
        let url = url(&mut client, name);
        let hash = url.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).expect(&url);
        assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{url}");
        let answer = client.get(&url);
        assert_eq!((answer.status(), answer.body.as_str()), (200, content), "{url}");
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), (Some(kind), IMMUTABLE), "{url}");
        assert_eq!(answer.expires_after(), Some(31_536_000), "{url}");
        assert_eq!(client.get(&url).header("cache-control"), IMMUTABLE, "from the cache too");
    }
    let plain = client.get("/site.css");
    assert_eq!((plain.body.as_str(), plain.header("cache-control")), ("body {}", None));
}

#[test]
fn it_is_a_file_as_any_other() {
    let (folder, server) = start(ROOT);
    write(&folder, "large.css", "a text that can be compressed, ".repeat(200));
    let mut client = server.connect();
    let url = url(&mut client, "large.css");
    let tag = client.get(&url).header("etag").expect("it has a tag").to_owned();
    let same = ask(&mut client, &url, &format!("If-None-Match: {tag}"));
    assert_eq!((same.status(), same.header("cache-control")), (304, IMMUTABLE));
    let part = ask(&mut client, &url, "Range: bytes=2-5");
    assert_eq!((part.status(), part.body.as_str()), (206, "text"));
    let packed = ask(&mut client, &url, "Accept-Encoding: gzip\r\nConnection: close");
    assert_eq!((packed.header("content-encoding"), packed.header("cache-control")), (Some("gzip"), IMMUTABLE));
}

#[test]
fn a_changed_file_has_another_url_and_the_old_one_leads_to_what_is_there_now_and_is_not_kept() {
    let (folder, server) = start(&format!("{ROOT}\ncache_control = ['* immutable']"));
    let mut client = server.connect();
    let before = url(&mut client, "site.css");
    assert_eq!(client.get(&before).header("cache-control"), IMMUTABLE);
    write(&folder, "site.css", "body { color: red }");
    wait_until("the page names the new content", || url(&mut client, "site.css") != before);
    let after = url(&mut client, "site.css");
    let new = client.get(&after);
    assert_eq!((new.body.as_str(), new.header("cache-control")), ("body { color: red }", IMMUTABLE));
    let old = client.get(&before);
    assert_eq!((old.status(), old.body.as_str()), (200, "body { color: red }"));
    assert_eq!((old.header("cache-control"), old.header("expires")), (Some("no-cache"), None));
    let tag = old.header("etag").expect("it has a tag").to_owned();
    let same = ask(&mut client, &before, &format!("If-None-Match: {tag}"));
    assert_eq!((same.status(), same.header("cache-control")), (304, Some("no-cache")));

    write(&folder, "site.css", "body {}");
    wait_until("the first content is back under its first name", || {
        client.get(&before).header("cache-control") == IMMUTABLE
    });
    fs::remove_file(folder.path().join("site.css")).expect("it is there");
    wait_until("it is gone", || [&before, &after].iter().all(|url| client.get(url).status() == 404));
}

/// Else anybody could fill the cache with one file under names without number.
#[test]
fn names_that_somebody_made_up_take_no_place_in_the_cache() {
    let (_folder, server) = start(ROOT);
    let mut client = server.connect();
    let url = url(&mut client, "site.css");
    assert_eq!(client.get(&url).status(), 200);
    let taken = server.figure("file_cache_bytes");
    for number in 0..100 {
        let answer = client.get(&format!("/site.{number:032x}.css"));
        assert_eq!((answer.body.as_str(), answer.header("cache-control")), ("body {}", Some("no-cache")));
    }
    assert_eq!(server.figure("file_cache_bytes"), taken);
}

#[test]
fn a_name_that_leads_to_no_file_is_an_error_that_says_where_was_looked() {
    let (folder, server) = start(&format!(
        "{ROOT}\n[sites.a.routes.'/more/']\nfiles = '{{0}}/js'\n[sites.a.routes.'/fixed/']\nrespond = 200\n\
         [sites.a.routes.'/secret/']\nfiles = '{{0}}'\ninternal = true"
    ));
    fs::write(folder.path().join(".hidden"), "").expect("the folder is writable");
    let folder = folder.path().display();
    let mut client = server.connect();
    for name in ["sit.css", "js", ".hidden", "page.html"] {
        let looked = format!("looked in {folder} (`sites.a.root`)");
        let expected = format!("there is no asset {name:?}: no file is served at /{name}; {looked}");
        assert_eq!(url(&mut client, name), expected);
    }
    let error = url(&mut client, "more/x.js");
    assert!(error.ends_with(&format!("looked in {folder}/js (`sites.a.routes.\"/more/\".files`)")), "{error}");
    for name in ["fixed/x.css", "secret/site.css"] {
        let error = url(&mut client, name);
        let expected = format!("no files are served at /{name}; routes of the site with files are ");
        assert!(error.contains(&expected) && error.ends_with("its `root`"), "{error}");
    }
    for name in ["", "/", "..", "../site.css", "js/../site.css", "./site.css", "js//app.min.js", "js/", "a\nb"] {
        let error = url(&mut client, name);
        assert!(error.contains("write the path of a file below the root"), "{name:?}: {error}");
    }
}

#[test]
fn a_site_without_files_says_so() {
    let (_folder, server) = start("");
    let error = url(&mut server.connect(), "site.css");
    assert!(error.ends_with("no files are served at /site.css; routes of the site with files are none"), "{error}");
}

#[test]
fn a_route_with_files_has_such_names_too_unless_it_is_internal_or_for_one_path() {
    let (_folder, server) = start(&format!(
        "{ROOT}\n[sites.a.routes.'/js/']\nfiles = '{{0}}/js'\n[sites.a.routes.'= /site.css']\nfiles = '{{0}}/LICENSE'\n\
         [sites.a.routes.'/secret/']\nfiles = '{{0}}'\ninternal = true"
    ));
    let mut client = server.connect();
    let of_route = url(&mut client, "js/app.min.js");
    let answer = client.get(&of_route);
    assert_eq!((answer.body.as_str(), answer.header("cache-control")), ("one()", IMMUTABLE));
    let secret = of_route.replace("/js/", "/secret/js/");
    assert_eq!(client.get(&secret).status(), 404);
    let exact = url(&mut client, "site.css");
    assert!(exact.starts_with("there is no asset"), "an exact route is no folder: {exact}");
}

#[test]
fn an_internal_file_is_not_found_by_its_content() {
    let (folder, server) = {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        write(&folder, "site.css", "body {}");
        let toml = format!(
            "[sites.a.routes]\n'/app/' = {{ app = true }}\n'/secret/' = {{ files = '{0}', internal = true }}\n\
             [sites.b]\nserver_name = ['b']\nroot = '{0}'\n[sites.b.routes.'= /page']\napp = true",
            folder.path().display()
        );
        let toml = toml.replacen("[sites.a.routes]", "[sites.a]\ndefault = true\n[sites.a.routes]", 1);
        (folder, Server::with(&toml, Some(Arc::new(handler_fn(either)))))
    };
    async fn either(request: Request) -> Response {
        if request.uri().path() == "/page" { page(request).await } else { crate::accel::naming(request).await }
    }
    let mut client = server.connect();
    client.send("GET /page?site.css HTTP/1.1\r\nHost: b\r\n\r\n");
    let named = client.answer().body;
    assert!(named.starts_with("/site."), "{named}");
    let answer = crate::accel::ask(&mut client, "GET", &format!("X-Accel-Redirect=/secret{named}"), "");
    assert_eq!(answer.status(), 404, "{answer:?}");
    drop(folder);
}

#[test]
fn a_large_file_has_its_plain_name_until_its_hash_is_known() {
    let (folder, server) = start_with("file_cache_max_file = '1KiB'", ROOT);
    write(&folder, "large.bin", vec![b'x'; 5000]);
    let file = fs::File::options().write(true).open(folder.path().join("large.bin")).expect("it is there");
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000))
        .expect("it is ours");
    let mut client = server.connect();
    let mut named = String::new();
    wait_until("its hash is known", || {
        named = url(&mut client, "large.bin");
        assert!(named == "/large.bin" || named.len() == "/large.bin".len() + 33, "{named}");
        named != "/large.bin"
    });
    let answer = client.get(&named);
    assert_eq!((answer.body.len(), answer.header("cache-control")), (5000, IMMUTABLE));
}

#[derive(RustEmbed)]
#[folder = "tests/web"]
#[crate_path = "foobar_web::rust_embed"]
struct Inside;

#[test]
fn files_inside_the_program_have_such_names() {
    let mut sources = FileSources::default();
    sources.add("inside", Embedded::<Inside>::new());
    let toml = "[sites.a]\nroot = 'embed:inside'\n[sites.a.routes.'= /page']\napp = true";
    let (web, sites) = settings(toml);
    let web = Web::with_files(&web, &sites, &sources, Some(Arc::new(handler_fn(page)))).expect("the settings are good");
    let server = Server::of(web);
    let mut client = server.connect();
    let url = url(&mut client, "assets.rs");
    let answer = client.get(&url);
    assert_eq!((answer.body.as_str(), answer.header("cache-control")), (include_str!("assets.rs"), IMMUTABLE));
}

#[test]
fn without_a_cache_it_works_too() {
    let (_folder, server) = start_with("file_cache_size = '0'", ROOT);
    let mut client = server.connect();
    let url = url(&mut client, "site.css");
    assert_eq!(client.get(&url).header("cache-control"), IMMUTABLE);
    assert_eq!(client.get(&format!("/site.{:032x}.css", 7)).header("cache-control"), Some("no-cache"));
}
