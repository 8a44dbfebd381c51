//! The fields of `add_header`, on every answer of the server's own: on the fast path and on the pipeline.

use crate::support::{Answer, Client, Server, folder, wait_until};

/// The answers of both ways: of the fast path, and of the pipeline, to which a field is left that comes twice.
fn both(client: &mut Client, line: &str, fields: &str) -> [Answer; 2] {
    ["", "User-Agent: x\r\nUser-Agent: x\r\n"].map(|twice| {
        client.send(format!("{line} HTTP/1.1\r\nHost: a\r\n{fields}{twice}\r\n"));
        client.answer_to(line)
    })
}

/// How often the answer says a field, and what.
fn said(answer: &Answer, name: &str) -> Vec<String> {
    let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).collect()
}

#[test]
fn a_field_is_on_every_answer_of_the_servers_own_and_once() {
    let root = folder(&[("index.html", "index"), ("a.txt", "0123456789"), ("sub/index.html", "sub"), ("list/a", "a")]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\ntry_files = ['file', 'index']\nautoindex = 'on'\nerror_page = ['410 /a.txt']\n\
         add_header = ['* X-A: b', \"* Content-Security-Policy: default-src 'self'\"]\n\
         [sites.a.routes]\n'/old'.redirect = '/new'\n'/fixed' = {{ respond = 200, body = 'x' }}\n'/bare'.respond = 200\n\
         '/none'.respond = 204\n'/down'.respond = 503\n'/gone'.respond = 410\n",
        root.path().display()
    ));
    let mut client = server.connect();
    let tag = client.get("/a.txt").header("etag").expect("a file has a tag").to_owned();
    let not_modified = format!("If-None-Match: {tag}\r\n");
    let own_policy = ["/list/", "/no", "/down"];
    for (line, fields, status) in [
        ("GET /a.txt", "", 200),
        ("HEAD /a.txt", "", 200),
        ("GET /", "", 200),
        ("GET /a.txt", not_modified.as_str(), 304),
        ("GET /a.txt", "Range: bytes=1-2\r\n", 206),
        ("GET /a.txt", "Range: bytes=1-2,5-6\r\n", 206),
        ("GET /a.txt", "Range: bytes=99-\r\n", 416),
        ("GET /a.txt", "If-Match: \"x\"\r\n", 412),
        ("GET /sub", "", 301),
        ("GET /list/", "", 200),
        ("GET /no", "", 404),
        ("GET /no", "Accept: text/html\r\n", 404),
        ("HEAD /no", "", 404),
        ("POST /a.txt", "Content-Length: 0\r\n", 405),
        ("OPTIONS /a.txt", "", 204),
        ("GET /old", "", 301),
        ("GET /fixed", "", 200),
        ("GET /bare", "", 200),
        ("GET /none", "", 204),
        ("GET /down", "", 503),
        ("GET /gone", "Accept: text/html\r\n", 410),
    ] {
        for answer in both(&mut client, line, fields) {
            assert_eq!((answer.status(), said(&answer, "x-a")), (status, vec!["b".to_owned()]), "{line}");
            assert_eq!(said(&answer, "x-content-type-options"), ["nosniff"], "{line}");
            let policy = said(&answer, "content-security-policy");
            let is_own = status >= 400 && status != 410 || own_policy.iter().any(|path| line.ends_with(path));
            assert_eq!((policy.len(), policy[0] == "default-src 'self'"), (1, !is_own), "{line} {policy:?}");
        }
    }
    for (request, status) in [
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n", 400),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: a b\r\n", 400),
    ] {
        let text = server.talk(format!("{request}Connection: close\r\n\r\n"));
        assert_eq!((crate::support::status(&text), text.matches("\r\nx-a: b\r\n").count()), (status, 1), "{text}");
    }
}

#[test]
fn an_answer_with_added_fields_is_given_by_the_fast_path() {
    let root = folder(&[("a.txt", "a")]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\ntry_files = ['file']\nadd_header = ['* X-A: b', '.txt X-B: c']\n\
         [sites.a.routes]\n'/old'.redirect = '/new'\n",
        root.path().display()
    ));
    let mut client = server.connect();
    for (path, b) in [("/a.txt", Some("c")), ("/no.txt", Some("c")), ("/no", None), ("/old", None)] {
        wait_until("the fast path answers", || {
            let before = server.figure("answered_at_once_total");
            let answer = client.get(path);
            assert_eq!((answer.header("x-a"), answer.header("x-b")), (Some("b"), b), "{path}");
            server.figure("answered_at_once_total") > before
        });
    }
}

#[test]
fn rules_are_for_types_and_extensions_and_nosniff_is_one_of_them() {
    let root = folder(&[("a.html", "a"), ("b.woff2", "b"), ("c.txt", "c")]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\n\
         add_header = ['font/* Access-Control-Allow-Origin: *', 'text/html Permissions-Policy: camera=(), geolocation=()', \
         '.txt X-Content-Type-Options: off', '* Vary: Origin']\n\
         routes.'/page' = {{ respond = 200, body = 'x', content_type = 'text/html; charset=utf-8' }}\n",
        root.path().display()
    ));
    let mut client = server.connect();
    for (path, cors, policy, sniffing) in [
        ("/a.html", None, Some("camera=(), geolocation=()"), Some("nosniff")),
        ("/b.woff2", Some("*"), None, Some("nosniff")),
        ("/c.txt", None, None, None),
        ("/page", None, Some("camera=(), geolocation=()"), Some("nosniff")),
    ] {
        for answer in both(&mut client, &format!("GET {path}"), "") {
            assert_eq!(answer.status(), 200, "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), cors, "{path}");
            assert_eq!(answer.header("permissions-policy"), policy, "{path}");
            assert_eq!(answer.header("x-content-type-options"), sniffing, "{path}");
            assert!(said(&answer, "vary").contains(&"Origin".to_owned()), "{path}");
        }
    }
}

#[test]
fn the_rules_of_a_route_stand_instead_of_the_sites_and_an_application_says_its_own_fields() {
    let root = folder(&[("a.txt", "a")]);
    let server = Server::start(&format!(
        "[sites.a]\nserver_name = ['a', 'www.a']\nwww = 'remove'\nroot = '{0}'\nadd_header = ['* X-A: site']\n\
         [sites.a.routes]\n'/own/' = {{ files = '{0}', add_header = ['* X-A: route'] }}\n\
         '/none/' = {{ files = '{0}', add_header = [] }}\n'/old' = {{ redirect = '/', add_header = ['* X-B: old'] }}\n",
        root.path().display()
    ));
    let mut client = server.connect();
    for (path, a, b) in [
        ("/a.txt", Some("site"), None),
        ("/own/a.txt", Some("route"), None),
        ("/own/no", Some("route"), None),
        ("/none/a.txt", None, None),
        ("/old", None, Some("old")),
        ("/echo", None, None),
    ] {
        for answer in both(&mut client, &format!("GET {path}"), "") {
            assert_eq!((answer.header("x-a"), answer.header("x-b")), (a, b), "{path}");
        }
    }
    let moved = server.talk("GET /x HTTP/1.1\r\nHost: www.a\r\nConnection: close\r\n\r\n");
    assert!(moved.starts_with("HTTP/1.1 301 ") && moved.contains("\r\nx-a: site\r\n"), "{moved}");
}

#[test]
fn a_file_that_holds_its_content_in_a_coding_is_sent_as_it_is_with_the_type_of_what_it_holds() {
    let long = "x".repeat(5000);
    let root = folder(&[
        ("a.wasm.br", "coded"),
        ("b.svgz", "coded"),
        ("c.data.gz", "coded"),
        ("d.js", &long),
        ("d.js.gz", "sibling"),
        ("e.raw", &long),
    ]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\ntry_files = ['file']\ncompress_types = ['*']\n\
         add_header = ['.wasm.br Content-Encoding: br', '.svgz Content-Encoding: gzip', '.data.gz Content-Encoding: gzip', \
         '.js Content-Encoding: zstd']\n",
        root.path().display()
    ));
    let mut client = server.connect();
    for (path, coding, media_type, body) in [
        ("/a.wasm.br", Some("br"), "application/wasm", "coded"),
        ("/b.svgz", Some("gzip"), "image/svg+xml; charset=utf-8", "coded"),
        ("/c.data.gz", Some("gzip"), "application/octet-stream", "coded"),
        ("/d.js", Some("zstd"), "text/javascript; charset=utf-8", long.as_str()),
        ("/d.js.gz", None, "application/gzip", "sibling"),
    ] {
        for accepted in ["", "Accept-Encoding: gzip\r\n"] {
            for answer in both(&mut client, &format!("GET {path}"), accepted) {
                let expected = (200, coding, Some(media_type), body);
                let said = (answer.status(), answer.header("content-encoding"), answer.header("content-type"));
                assert_eq!((said.0, said.1, said.2, answer.body.as_str()), expected, "{path}");
            }
        }
    }
    for line in ["GET /none.svgz", "HEAD /none.svgz"] {
        for answer in both(&mut client, line, "") {
            assert_eq!((answer.status(), answer.header("content-encoding")), (404, None), "{line}");
        }
    }
}

#[test]
fn a_route_has_types_and_a_default_type_of_its_own() {
    let root = folder(&[("a.md", "a"), ("LICENSE", "b")]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{0}'\ntypes = ['text/x-markdown md']\n\
         [sites.a.routes.'/own/']\nfiles = '{0}'\ntypes = ['application/x-own md']\ndefault_type = 'text/plain'\n",
        root.path().display()
    ));
    let mut client = server.connect();
    for (path, media_type) in [
        ("/a.md", "text/x-markdown; charset=utf-8"),
        ("/LICENSE", "application/octet-stream"),
        ("/own/a.md", "application/x-own"),
        ("/own/LICENSE", "text/plain; charset=utf-8"),
    ] {
        for answer in both(&mut client, &format!("GET {path}"), "") {
            assert_eq!(answer.header("content-type"), Some(media_type), "{path}");
        }
    }
}

/// The second answer is that of the fast path.
#[test]
fn an_error_says_each_field_once_and_a_rule_before_what_this_server_says_of_itself() {
    let root = tempfile::tempdir().expect("the temporary folder is writable");
    let toml = format!(
        "[sites.a]\nroot = '{}'\ntry_files = ['file', '=404']\n\
         add_header = ['* X-Frame-Options: SAMEORIGIN', \"* Content-Security-Policy: default-src 'self'\"]\n",
        root.path().display()
    );
    let server = Server::with(&toml, None);
    let fields = || {
        let mut client = server.connect();
        client.send("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = client.answer();
        let mut lines: Vec<_> = answer.head.lines().skip(1).map(str::to_ascii_lowercase).collect();
        lines.retain(|line| !line.starts_with("x-request-id:") && !line.starts_with("date:"));
        lines.sort();
        lines
    };
    let first = fields();
    let names: Vec<_> = first.iter().filter_map(|line| line.split(':').next()).collect();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{first:?}");
    assert!(first.contains(&"x-frame-options: sameorigin".to_owned()), "{first:?}");
    assert!(first.contains(&"x-content-type-options: nosniff".to_owned()), "{first:?}");
    assert!(!first.contains(&"content-security-policy: default-src 'self'".to_owned()), "{first:?}");
    assert_eq!(first, fields());
}
