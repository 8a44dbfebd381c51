//! Sites, routes and what they answer.

mod error_pages;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use foobar_core::{Problem, Request as AppRequest, RequestId, Response, ResponseBody, RoutePattern, Tier, handler_fn};
use foobar_web::{InProcess, Web, WebTier};
use http::{Request, StatusCode};

use crate::support::{Answer, Server, answer, settings, wait_until};

fn get(server: &Server, host: &str, path: &str) -> Answer {
    let mut client = server.connect();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.answer()
}

#[test]
fn a_host_chooses_its_site_and_an_unknown_one_gets_421() {
    let server = Server::start(
        "[sites.one]\nserver_name = ['one.com']\nroutes.'/'.respond = 201\n\
         [sites.two]\nserver_name = ['*.two.com', 'www.two.*']\nroutes.'/'.respond = 202\n",
    );
    assert_eq!(get(&server, "ONE.com.:80", "/").status(), 201);
    assert_eq!(get(&server, "a.b.two.com", "/").status(), 202);
    assert_eq!(get(&server, "www.two.org", "/").status(), 202);
    assert_eq!(get(&server, "two.com", "/").status(), 421);
}

#[test]
fn the_www_name_is_redirected_with_path_query_and_port() {
    let server = Server::start("[sites.a]\nserver_name = ['foobar.com']\nwww = 'add'\n");
    let answer = get(&server, "foobar.com:8080", "/a%0d%0ab?c=d");
    assert_eq!((answer.status(), answer.header("location")), (301, Some("http://www.foobar.com:8080/a%0d%0ab?c=d")));
    assert_eq!(get(&server, "www.foobar.com", "/").status(), 200);
    assert_eq!(get(&server, "127.0.0.1", "/").status(), 200);
}

#[test]
fn routes_redirect_respond_and_hand_over() {
    let server = Server::start(
        "[sites.a.routes]\n'= /old' = { redirect = '/new/', status = 308 }\n\
         '/gone/' = { respond = 410, body = 'gone', content_type = 'text/html' }\n'/gone/app' = { app = true }\n",
    );
    let old = get(&server, "a", "/old?query");
    assert_eq!((old.status(), old.header("location"), old.body.as_str()), (308, Some("/new/"), ""));
    let gone = get(&server, "a", "/gone/x");
    assert_eq!((gone.status(), gone.header("content-type"), gone.body.as_str()), (410, Some("text/html"), "gone"));
    assert_eq!(get(&server, "a", "/gone/app/x").body, "GET /gone/app/x");
}

#[test]
fn without_files_and_application_there_is_404_as_the_client_accepts_it() {
    let server = Server::with("", None);
    let answer = get(&server, "a", "/x");
    assert_eq!((answer.status(), answer.header("content-type")), (404, Some("application/problem+json")));
    let text = server.talk("GET /x HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
    assert!(text.contains("content-type: text/html; charset=utf-8"), "{text}");
}

#[test]
fn head_has_the_length_that_get_has_also_where_there_is_no_content() {
    let root = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::create_dir(root.path().join("sub")).expect("the folder is writable");
    std::fs::write(root.path().join("sub/index.html"), "sub").expect("the folder is writable");
    let server = Server::start(&format!(
        "[sites.a]\nserver_name = ['a']\nwww = 'remove'\nroot = '{}'\ntry_files = ['file', 'index', '=200']\n\
         routes.'/old'.redirect = '/new'\nroutes.'/fine'.respond = 200\nroutes.'/none'.respond = 204\n",
        root.path().display()
    ));
    for more in ["", "Expect: 100-continue\r\n"] {
        for (path, status, length) in [
            ("/sub", 301, Some("0")),
            ("/sub/", 200, Some("3")),
            ("/missing", 200, Some("0")),
            ("/old", 301, Some("0")),
            ("/fine", 200, Some("0")),
            ("/none", 204, None),
        ] {
            for method in ["GET", "HEAD"] {
                let text =
                    server.talk(format!("{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n"));
                let said = text.lines().find_map(|line| line.strip_prefix("content-length: "));
                assert_eq!((crate::support::status(&text), said), (status, length), "{method} {path} {more}");
            }
        }
    }
}

#[test]
fn an_exact_path_serves_one_file() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::write(folder.path().join("icon.svg"), "an icon").expect("the folder is writable");
    let server = Server::start(&format!(
        "[sites.a.routes.'= /favicon']\nfiles = '{0}/icon.svg'\n[sites.a.routes.'= /folder/']\nfiles = '{0}/icon.svg'\n",
        folder.path().display()
    ));
    for path in ["/favicon", "/favicon?a=b", "/folder/"] {
        let icon = get(&server, "a", path);
        assert_eq!((icon.status(), icon.body.as_str()), (200, "an icon"), "{path}");
        assert_eq!(icon.header("content-type"), Some("image/svg+xml; charset=utf-8"));
    }
    assert_eq!(get(&server, "a", "/favicon/icon.svg").body, "GET /favicon/icon.svg");
    std::fs::remove_file(folder.path().join("icon.svg")).expect("it is there");
    wait_until("it is gone", || get(&server, "a", "/favicon").status() == 404);
}

#[test]
fn files_are_served_as_index_charset_and_max_ranges_say() {
    let root = tempfile::tempdir().expect("the temporary folder is writable");
    for (name, text) in [("index.html", "unused"), ("home.txt", "0123456789")] {
        std::fs::write(root.path().join(name), text).expect("the folder is writable");
    }
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\nindex = ['none', 'home.txt']\ncharset = 'latin1'\nmax_ranges = 2\n",
        root.path().display()
    ));
    let home = get(&server, "a", "/");
    assert_eq!((home.body.as_str(), home.header("content-type")), ("0123456789", Some("text/plain; charset=latin1")));
    let mut client = server.connect();
    for (ranges, status) in [("0-0,2-2", 206), ("0-0,2-2,4-4", 200)] {
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nRange: bytes={ranges}\r\n\r\n"));
        assert_eq!(client.answer().status(), status, "{ranges}");
    }
}

#[test]
fn every_answer_has_its_own_request_id_and_names_the_server_without_a_version() {
    let server = Server::start("");
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n");
    let first = client.answer();
    let second = client.get("/");
    let id = |answer: &Answer| answer.header("x-request-id").expect("an id").to_owned();
    assert_eq!((id(&first).len(), id(&first) == id(&second)), (32, false));
    assert_eq!(first.header("server"), Some("foobar"));
    assert!(first.header("date").is_some());
}

#[test]
fn a_port_that_the_system_chooses_may_be_asked_for_twice() {
    let server = Server::start("[web]\nlisten = ['127.0.0.1:0', '127.0.0.1:0']\n");
    assert_eq!(server.web.addresses().len(), 2);
}

#[test]
fn settings_that_mean_nothing_are_errors_that_name_their_key() {
    for (toml, start) in [
        ("[web]\nlisten = ['80']\n", "`web.listen`: \"80\" is not an address"),
        ("[web]\nlisten = []\n", "`web.listen`: there is no address"),
        ("[web]\nlisten = ['localhost:80', 'LOCALHOST:080']\n", "`web.listen`: \"localhost:80\" is there twice"),
        ("[web]\nlisten = ['[::1]:80', '[0::1]:80']\n", "`web.listen`: \"[::1]:80\" is there twice"),
        ("[web]\nworkers = 0\n", "`web.workers`: 0 is out of range; it is at least 1 and at most 1024"),
        ("[web]\nworkers = 1025\n", "`web.workers`: 1025 is out of range"),
        ("[web]\nkeepalive_requests = 0\n", "`web.keepalive_requests`: 0 is out of range"),
        ("[web]\nmax_headers = 0\n", "`web.max_headers`: 0 is out of range"),
        ("[web]\nclient_header_timeout = '0'\n", "`web.client_header_timeout`: 0 is out of range; it is more than 0"),
        ("[web]\nclient_body_timeout = '0'\n", "`web.client_body_timeout`: 0 is out of range"),
        ("[web]\nsend_timeout = '0s'\n", "`web.send_timeout`: 0 is out of range"),
        ("[web]\nmin_rate_grace = '0'\n", "`web.min_rate_grace`: 0 is out of range"),
        ("[web]\naccess_log = 'true'\n", "`web.access_log`: \"true\" is not accepted; write \"stdout\", \"off\" or "),
        ("[web]\naccess_log = 'None'\n", "`web.access_log`: \"None\" is not accepted"),
        ("[web]\naccess_log = ''\n", "`web.access_log`: \"\" is not accepted"),
        ("[web]\nworker_connections = 0\n", "`web.worker_connections`: 0 is out of range"),
        ("[web]\nmax_request_line = '1MiB'\n", "`web.max_request_line`: "),
        ("[web]\nmax_header_size = '257KiB'\n", "`web.max_header_size`: 263168 is out of range; it is at least 1"),
        ("[web]\naccess_log = '/nonexistent/log'\n", "`web.access_log`: cannot open /nonexistent/log"),
        ("[sites.a]\ntry_files = ['files']\n", "`sites.a.try_files`: \"files\" cannot be tried"),
        (
            "[sites.a]\nroot = '/'\ncache_control = ['* 1w']\n",
            "`sites.a.cache_control`: \"* 1w\" is no rule: after the ",
        ),
        (
            "[sites.a]\nroot = '/'\ncontent_disposition = ['pdf inline']\n",
            "`sites.a.content_disposition`: \"pdf inline\" is",
        ),
        (
            "[sites.a]\nroot = '/'\ntypes = ['text/plain']\n",
            "`sites.a.types`: \"text/plain\" is no type; write a media ",
        ),
        (
            "[sites.a]\nroot = '/'\nadd_header = ['* Status: 200']\n",
            "`sites.a.add_header`: \"* Status: 200\" is no rule: `status` cannot be added: a status is no field",
        ),
        (
            "[sites.a.routes.'/x/']\nfiles = '/'\nadd_header = ['X-A: b']\n",
            "`sites.a.routes.\"/x/\".add_header`: \"X-A: b\" is no rule: \"X-A:\" is no pattern; write a media type",
        ),
        (
            "[sites.a.routes.'/x']\nrespond = 200\nadd_header = ['* X-A:b']\n",
            "`sites.a.routes.\"/x\".add_header`: \"* X-A:b\" is no rule: after the pattern stand a field and its value",
        ),
        (
            "[sites.a.routes.'/x']\napp = true\nadd_header = ['* X-A: b']\n",
            "`sites.a.routes.\"/x\".add_header`: an application says its own fields",
        ),
        (
            "[sites.a.routes.'/x/']\nfiles = '/'\ntypes = ['text/plain']\n",
            "`sites.a.routes.\"/x/\".types`: \"text/plain\" is no type",
        ),
        (
            "[sites.a.routes.'/x/']\nfiles = '/'\ndefault_type = ''\n",
            "`sites.a.routes.\"/x/\".default_type`: \"\" is no media type",
        ),
        ("[sites.a]\nroot = '/'\ndefault_type = 'text'\n", "`sites.a.default_type`: \"text\" is no media type"),
        ("[sites.a]\nroot = '/'\ncharset = 'utf 8'\n", "`sites.a.charset`: \"utf 8\" is not the name of a character "),
        ("[sites.a]\ntry_files = ['file', 'app', 'index']\n", "`sites.a.try_files`: \"app\" is the last step: "),
        ("[sites.'www.a.com']\nroot = '/nonexistent'\n", "`sites.\"www.a.com\".root`: cannot open /nonexistent"),
        ("[sites.a.routes.'= /x']\nfiles = '/'\n", "`sites.a.routes.\"= /x\".files`: an exact path takes one file"),
        (
            "[sites.a.routes.'= /x']\nfiles = '/nonexistent'\n",
            "`sites.a.routes.\"= /x\".files`: cannot open /nonexistent",
        ),
        ("[sites.a]\nerror_page = ['404 /404.html']\n", "`sites.a.error_page`: "),
        ("[sites.a]\nwww = 'add'\n", "`sites.a.server_name`: "),
        ("[sites.a.routes.'/x']\nrespond = 99\n", "`sites.a.routes.\"/x\".respond`: "),
    ] {
        let (web, sites) = settings(toml);
        let error = Web::new(&web, &sites, None).err().expect(toml).to_string();
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn in_process_takes_the_same_way_without_a_socket() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let (mut web, sites) = settings("[sites.a.routes]\n'/fixed'.respond = 418\n");
    web.client_max_body_size = foobar_core::Size::bytes(5);
    let tier = InProcess::new(&web, &sites, Some(Arc::new(handler_fn(answer)))).expect("the settings are good");
    runtime.block_on(async {
        tier.start().await.expect("it starts");
        let request = |method: &str, uri: &str, body: &'static str| {
            Request::builder()
                .method(method)
                .uri(uri)
                .body(Bytes::from_static(body.as_bytes()))
                .expect("it is well-formed")
        };
        let echoed = tier.handle(request("POST", "/echo", "hello")).await;
        assert_eq!((echoed.status(), &echoed.body()[..]), (StatusCode::OK, &b"hello"[..]));
        assert_eq!(echoed.headers()["server"], "foobar");
        assert_eq!(tier.handle(request("POST", "/echo", "hello!")).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(tier.handle(request("GET", "http://a/fixed", "")).await.status(), StatusCode::IM_A_TEAPOT);
        assert!(tier.handle(request("HEAD", "/x", "")).await.body().is_empty());
        assert!(tier.addresses().is_empty());
        tier.drain(Instant::now() + std::time::Duration::from_secs(5)).await;
        assert_eq!(tier.handle(request("GET", "/", "")).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    });
}

#[test]
fn metrics_count_requests_connections_and_refusals() {
    let server = Server::start("");
    let mut client = server.connect();
    client.get("/");
    client.get("/500");
    server.talk("GET  / HTTP/1.1\r\n\r\n");
    let metrics = server.metrics();
    for line in [
        "foobar_web_requests_total{class=\"2xx\"} 1",
        "foobar_web_requests_total{class=\"4xx\"} 1",
        "foobar_web_requests_total{class=\"5xx\"} 1",
        "foobar_web_connections_total 2",
        "foobar_web_requests_refused_total{reason=\"malformed\"} 1",
        "foobar_web_log_lines_lost_total 0",
    ] {
        assert!(metrics.contains(&format!("{line}\n")), "{metrics}");
    }
}

#[test]
fn what_a_handler_says_of_its_routes_is_told_apart_up_to_a_limit_and_is_not_sent() {
    let handler = handler_fn(async |request: AppRequest| {
        let mut response = Response::new(ResponseBody::empty());
        let pattern = if request.uri().path() == "/known" { "/{known}" } else { request.uri().path() };
        response.extensions_mut().insert(RoutePattern::new(pattern.to_owned()));
        response
    });
    let server = Server::with("[sites.a]\n", Some(Arc::new(handler)));
    let mut client = server.connect();
    client.get("/known");
    (0..600).for_each(|n| assert_eq!(client.get(&format!("/{n}")).status(), 200));
    client.get("/known");
    wait_until("all are counted", || server.figure("requests_total") == 602);
    let metrics = server.metrics();
    let count = |route: &str| {
        let start = format!("foobar_web_request_duration_seconds_count{{site=\"a\",route=\"{route}\",class=\"2xx\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&start)?.parse::<u64>().ok())
    };
    assert_eq!((count("/{known}"), count("/1")), (Some(2), Some(1)));
    let series = metrics.lines().filter(|line| line.starts_with("foobar_web_request_duration_seconds_count")).count();
    assert_eq!(count("other"), Some(600 + 2 - (series as u64 - 1) - 1), "none is lost");
    assert!(series <= 512, "{series}");
}

#[test]
fn the_application_is_asked_for_the_path_that_the_route_was_found_by() {
    let server = Server::start("[sites.a.routes]\n'/admin/' = { respond = 403 }\n'/p/' = { app = true }\n");
    for path in ["/p/../admin/x", "/x/%2e%2e/admin/secret", "/x/.%2E/admin/"] {
        assert_eq!(get(&server, "a", path).status(), 403, "{path}");
    }
    for (path, handed_over) in [
        ("/admin/../p/y?q=../z", "/p/y?q=../z"),
        ("/admin/%2e%2E/p/caf%c3%a9%20b", "/p/caf%C3%A9%20b"),
        ("/p/./y/..", "/p/"),
        ("/p//y", "/p//y"),
        ("/p/%61%2fb?c", "/p/%61%2fb?c"),
        ("/p/%252e%252e/y", "/p/%252e%252e/y"),
    ] {
        assert_eq!(get(&server, "a", path).body, format!("GET {handed_over}"), "{path}");
    }
}

#[test]
fn a_site_allows_what_it_can_do_as_a_whole() {
    let toml = "[sites.app]\nserver_name = ['app']\n[sites.files]\nserver_name = ['files']\ntry_files = ['file']\n";
    let server = Server::start(toml);
    for (site, methods) in [("app", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"), ("files", "GET, HEAD, OPTIONS")] {
        let mut client = server.connect();
        for (request, status) in [("OPTIONS *", 200), ("TRACE /", 405)] {
            client.send(format!("{request} HTTP/1.1\r\nHost: {site}\r\n\r\n"));
            let answer = client.answer();
            assert_eq!((answer.status(), answer.header("allow")), (status, Some(methods)), "{site}: {request}");
        }
    }
}
