//! What is tried for a path, and in which order.

use crate::support::{Server, folder};

#[test]
fn a_fallback_file_answers_with_200_where_nothing_is() {
    let root = folder(&[("app.html", "the app"), ("a.txt", "a"), ("empty/x", "x")]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\ntry_files = ['file', 'index', '/app.html']\n",
        root.path().display()
    ));
    let mut client = server.connect();
    assert_eq!(client.get("/a.txt").body, "a");
    for path in ["/", "/users/7?tab=1", "/empty/", "/empty", "/a.txt/"] {
        let answer = client.get(path);
        assert_eq!((answer.status(), answer.body.as_str()), (200, "the app"), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    }
    let tag = client.get("/x").header("etag").expect("it is a file as any other").to_owned();
    client.send(format!("GET /y HTTP/1.1\r\nHost: a\r\nIf-None-Match: {tag}\r\n\r\n"));
    assert_eq!(client.answer().status(), 304);
    client.send("POST /y HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    let refused = client.answer();
    assert_eq!((refused.status(), refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    client.send("OPTIONS /y HTTP/1.1\r\nHost: a\r\n\r\n");
    let options = client.answer();
    assert_eq!((options.status(), options.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn a_file_that_comes_first_stands_before_all_as_long_as_it_is_there() {
    let root = folder(&[("a.txt", "a"), ("maintenance.html", "back soon")]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\ntry_files = ['/maintenance.html', 'file', 'app']\n\
         [web]\n",
        root.path().display()
    ));
    let mut client = server.connect();
    assert_eq!((client.get("/a.txt").body, client.get("/b").body), ("back soon".into(), "back soon".into()));
}

#[test]
fn without_its_file_a_fallback_is_passed_over() {
    let root = folder(&[("a.txt", "a"), ("dir.html/index.html", "no file")]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\ntry_files = ['/none.html', '/dir.html', 'file', 'app']\n",
        root.path().display()
    ));
    let mut client = server.connect();
    assert_eq!((client.get("/a.txt").body.as_str(), client.get("/b").body.as_str()), ("a", "GET /b"));
}

#[test]
fn a_status_answers_where_nothing_is_and_an_error_has_its_page() {
    let root = folder(&[("gone.html", "it is gone")]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{0}'\ntry_files = ['file', '=410']\nerror_page = ['410 /gone.html']\n\
         [sites.a.routes.'/beacon/']\nfiles = '{0}'\ntry_files = ['=204']\n",
        root.path().display()
    ));
    let mut client = server.connect();
    client.send("GET /x HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n");
    let gone = client.answer();
    assert_eq!((gone.status(), gone.body.as_str()), (410, "it is gone"));
    let beacon = client.get("/beacon/gone.html");
    assert_eq!((beacon.status(), beacon.body.as_str(), beacon.header("content-type")), (204, "", None));
}

#[test]
fn a_route_with_files_has_its_own_try_files() {
    let root = folder(&[("index.html", "of the site")]);
    let place = folder(&[("index.html", "of the route"), ("shell.html", "shell"), ("sub/index.html", "sub")]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\n\
         [sites.a.routes.'/spa/']\nfiles = '{1}'\ntry_files = ['file', '/shell.html']\n\
         [sites.a.routes.'/mixed/']\nfiles = '{1}'\ntry_files = ['file', 'index', 'app']\n\
         [sites.a.routes.'/plain/']\nfiles = '{1}'\n",
        root.path().display(),
        place.path().display()
    ));
    let mut client = server.connect();
    for (path, body) in [
        ("/spa/x/y", "shell"),
        ("/spa/", "shell"),
        ("/spa/sub/", "shell"),
        ("/spa/index.html", "of the route"),
        ("/mixed/", "of the route"),
        ("/mixed/sub/", "sub"),
        ("/mixed/x", "GET /mixed/x"),
        ("/", "of the site"),
    ] {
        assert_eq!(client.get(path).body, body, "{path}");
    }
    assert_eq!(client.get("/plain/x").status(), 404);
}

#[test]
fn the_path_of_a_folder_without_its_slash_leads_into_it_also_where_the_route_ends_in_one() {
    let root = folder(&[("app.html", "the app"), ("index.html", "index")]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{0}'\ntry_files = ['file', '/app.html']\n[sites.a.routes.'/downloads/']\nfiles = '{0}'\n",
        root.path().display()
    ));
    let mut client = server.connect();
    let redirect = client.get("/downloads?a=b");
    assert_eq!((redirect.status(), redirect.header("location")), (301, Some("/downloads/?a=b")));
    assert_eq!(client.get("/downloads/").body, "index");
    assert_eq!(client.get("/downloadsx").body, "the app");
}

#[test]
fn a_status_of_try_files_is_an_answer_like_any_other_on_both_ways() {
    let root = folder(&[]);
    let statuses = [400, 404, 408, 413, 414, 417, 431, 503, 505];
    let route = |status| {
        let root = root.path().display();
        format!("[sites.a.routes.'/{status}/']\nfiles = '{root}'\ntry_files = ['={status}']\n")
    };
    let server = Server::start(&statuses.map(route).concat());
    let mut client = server.connect();
    for status in statuses {
        // The second is not plain and takes the way through the pipeline.
        for connection in ["keep-alive", "keep-alive, x"] {
            client.send(format!("GET /{status}/x HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\n\r\n"));
            let answer = client.answer();
            assert_eq!((answer.status(), answer.header("connection")), (status, None), "{connection}");
        }
    }
    let metrics = server.metrics();
    assert!(metrics.contains("foobar_web_answered_at_once_total 9\n"), "{metrics}");
    let mut refused = metrics.lines().filter(|line| line.starts_with("foobar_web_requests_refused_total{"));
    assert!(refused.all(|line| line.ends_with(" 0")), "{metrics}");
}

#[test]
fn names_around_the_path_are_tried_as_in_nginx() {
    let root = folder(&[
        ("about.html", "about"),
        ("about.txt/x", "a folder"),
        ("docs/index.html", "docs"),
        ("cache/b.html", "cached"),
        ("b", "plain"),
        (".html", "hidden"),
        ("secret/.x.html", "hidden"),
    ]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{0}'\ntry_files = ['/cache$uri.html', '$uri', '$uri.html', '$uri.txt', '$uri/index.html', '=404']\n\
         [sites.a.routes.'/own/']\nfiles = '{0}'\ntry_files = ['$uri.html', '$uri/', 'app']\n",
        root.path().display()
    ));
    let mut client = server.connect();
    for (path, status, body) in [
        ("/about", 200, "about"),
        ("/about.html", 200, "about"),
        ("/about?x=y", 200, "about"),
        ("/b", 200, "cached"),
        ("/docs", 200, "docs"),
        ("/docs/", 200, "docs"),
        ("/own/about", 200, "about"),
        ("/own/docs/", 200, "docs"),
        ("/own/x", 200, "GET /own/x"),
    ] {
        for twice in ["", "User-Agent: x\r\nUser-Agent: x\r\n"] {
            client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{twice}\r\n"));
            let answer = client.answer();
            assert_eq!((answer.status(), answer.body.as_str()), (status, body), "{path}");
        }
    }
    for path in ["/", "/secret/", "/secret/.x", "/about/", "/docs/..%2Fb", "/x"] {
        assert_eq!(client.get(path).status(), 404, "{path}");
    }
    assert_eq!(client.get("/own/docs").header("location"), Some("/own/docs/"));
    let about = client.get("/about");
    assert_eq!(about.header("content-type"), Some("text/html; charset=utf-8"));
}

#[test]
fn a_variable_may_stand_in_braces_a_query_behind_a_file_and_a_folder_under_another() {
    let root = folder(&[
        ("a.txt", "a"),
        ("b.html", "b"),
        ("static/docs/index.html", "static docs"),
        ("static/index.html", "static"),
        ("static/file", "no folder"),
        ("docs/index.html", "docs"),
        ("app.html", "the app"),
    ]);
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{0}'\n\
         try_files = ['${{uri}}', '${{uri}}.html?$args', '/static$uri/', '/app.html?$query_string']\n\
         [sites.a.routes.'/own/']\nfiles = '{0}'\ntry_files = ['/static${{uri}}/', '${{uri}}/', 'app']\n",
        root.path().display()
    ));
    let mut client = server.connect();
    for (path, status, body) in [
        ("/a.txt?x=y", 200, "a"),
        ("/b?x=y", 200, "b"),
        ("/docs/", 200, "static docs"),
        ("/docs?x=y", 301, ""),
        ("/", 200, "static"),
        ("/file", 200, "the app"),
        ("/none/", 200, "the app"),
        ("/own/docs/", 200, "static docs"),
        ("/own/", 200, "static"),
        ("/own/static/docs/", 200, "static docs"),
        ("/own/none/", 200, "GET /own/none/"),
    ] {
        for twice in ["", "User-Agent: x\r\nUser-Agent: x\r\n"] {
            client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{twice}\r\n"));
            let answer = client.answer();
            assert_eq!((answer.status(), answer.body.as_str()), (status, body), "{path}");
            assert_eq!(answer.header("location"), (status == 301).then_some("/docs/?x=y"), "{path}");
        }
    }
}
