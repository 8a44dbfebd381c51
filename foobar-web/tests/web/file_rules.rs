//! What files are announced with, by the rules of their site and route.

use tempfile::TempDir;

use crate::support::{Answer, Server};

fn folder(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    for name in files {
        std::fs::write(folder.path().join(name), "content").expect("the folder is writable");
    }
    folder
}

#[test]
fn rules_of_the_site_announce_caching_and_disposition() {
    let root = folder(&["index.html", "app.3f2a9c1b.js", "app.js", "a.png", "a.pdf", "re port\u{e9}.zip"]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\n\
         cache_control = ['fingerprinted immutable', 'text/html no-cache', 'image/* 30d', '.zip no-store, private']\n\
         content_disposition = ['.pdf inline', 'application/zip attachment']\n",
        root.path().display()
    ));
    let mut client = server.connect();
    for (path, caching, lifetime, disposition) in [
        ("/", Some("no-cache"), None, None),
        ("/app.3f2a9c1b.js", Some("public, max-age=31536000, immutable"), Some(31_536_000), None),
        ("/app.js", None, None, None),
        ("/a.png", Some("max-age=2592000"), Some(2_592_000), None),
        ("/a.pdf", None, None, Some("inline; filename=\"a.pdf\"")),
        (
            "/re%20port%C3%A9.zip",
            Some("no-store, private"),
            None,
            Some("attachment; filename=\"re port_.zip\"; filename*=UTF-8''re%20port%C3%A9.zip"),
        ),
    ] {
        let answer = client.get(path);
        assert_eq!((answer.status(), answer.header("x-content-type-options")), (200, Some("nosniff")), "{path}");
        assert_eq!((answer.header("cache-control"), answer.header("content-disposition")), (caching, disposition));
        assert_eq!(answer.expires_after(), lifetime, "{path}");
    }
}

#[test]
fn not_modified_and_ranges_and_head_have_the_rules_that_belong_to_them() {
    let root = folder(&["a.pdf"]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\ncache_control = ['* 1h']\ncontent_disposition = ['* attachment']\n",
        root.path().display()
    ));
    let mut client = server.connect();
    let mut ask = |line: &str, field: &str| -> Answer {
        client.send(format!("{line} HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"));
        let answer = client.answer_to(line);
        let (caching, lifetime) = if answer.status() < 400 { ("max-age=3600", Some(3600)) } else { ("no-store", None) };
        assert_eq!((answer.header("cache-control"), answer.expires_after()), (Some(caching), lifetime), "{field}");
        answer
    };
    let whole = ask("GET /a.pdf", "A: b");
    let tag = whole.header("etag").expect("it has one").to_owned();
    let same = ask("GET /a.pdf", &format!("If-None-Match: {tag}"));
    assert_eq!((same.status(), same.header("content-disposition")), (304, None));
    let part = ask("GET /a.pdf", "Range: bytes=1-2");
    assert_eq!((part.status(), part.header("content-disposition")), (206, whole.header("content-disposition")));
    let head = ask("HEAD /a.pdf", "A: b");
    assert_eq!(head.header("content-disposition"), Some("attachment; filename=\"a.pdf\""));
    assert_eq!(ask("GET /a.pdf", "Range: bytes=100-").status(), 416);
}

#[test]
fn rules_of_a_route_stand_instead_of_the_sites() {
    let root = folder(&["a.pdf"]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{0}'\ncache_control = ['* 1h']\ncontent_disposition = ['* attachment']\n\
         [sites.a.routes.'/own/']\nfiles = '{0}'\ncache_control = ['* no-cache']\ncontent_disposition = []\n\
         [sites.a.routes.'= /one']\nfiles = '{0}/a.pdf'\ncache_control = ['.pdf immutable', '* off']\n",
        root.path().display()
    ));
    let mut client = server.connect();
    let own = client.get("/own/a.pdf");
    assert_eq!((own.header("cache-control"), own.header("content-disposition")), (Some("no-cache"), None));
    let one = client.get("/one");
    assert_eq!(one.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(one.header("content-disposition"), Some("attachment; filename=\"a.pdf\""));
}

#[test]
fn types_and_default_type_name_what_is_not_known() {
    let root = folder(&["a.md", "a.html", "LICENSE"]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\ntypes = ['text/x-markdown md', 'text/plain html']\ndefault_type = 'text/plain'\n",
        root.path().display()
    ));
    let mut client = server.connect();
    for (path, content_type) in [
        ("/a.md", "text/x-markdown; charset=utf-8"),
        ("/a.html", "text/plain; charset=utf-8"),
        ("/LICENSE", "text/plain; charset=utf-8"),
    ] {
        assert_eq!(client.get(path).header("content-type"), Some(content_type), "{path}");
    }
}
