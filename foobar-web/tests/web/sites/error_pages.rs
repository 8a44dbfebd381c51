//! The pages of errors.

use super::*;

#[test]
fn files_come_before_the_application_and_errors_have_the_pages_of_the_site() {
    let root = tempfile::tempdir().expect("the temporary folder is writable");
    for (name, text) in [("index.html", "home"), ("404.html", "not here"), ("a.txt", "a file")] {
        std::fs::write(root.path().join(name), text).expect("the folder is writable");
    }
    let root = root.path().display();
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{root}'\nerror_page = ['404 405 /404.html']\n\
         [sites.a.routes.'/down/']\nfiles = '{root}'\n[sites.a.routes.'/none']\nfiles = '{root}'\n"
    ));
    let file = get(&server, "a", "/a.txt");
    assert_eq!((file.status(), file.body.as_str()), (200, "a file"));
    assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(get(&server, "a", "/").body, "home");
    assert_eq!(get(&server, "a", "/else").body, "GET /else");
    assert_eq!(get(&server, "a", "/down/a.txt").body, "a file");
    assert_eq!(get(&server, "a", "//none?a=b").header("location"), Some("/none/?a=b"));

    let page = |path: &str, more: &str| {
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n{more}\r\n"));
        client.answer()
    };
    let missing = page("/down/missing", "");
    assert_eq!((missing.status(), missing.body.as_str()), (404, "not here"));
    assert!(missing.header("content-type").is_some_and(|content| content.starts_with("text/html")));
    assert_eq!(missing.header("content-security-policy"), None);
    let mut client = server.connect();
    client.send("POST /a.txt HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nContent-Length: 0\r\n\r\n");
    let refused = client.answer();
    assert_eq!((refused.status(), refused.body.as_str()), (405, "not here"));
    assert_eq!(refused.header("allow"), Some("GET, HEAD, OPTIONS"));
    client.send("GET /a.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=100-\r\n\r\n");
    let range = client.answer();
    assert_eq!((range.status(), range.header("content-range")), (416, Some("bytes */6")));
    assert_eq!(range.header("content-type"), Some("application/problem+json"));
    let whole = page("/down/missing", "Range: bytes=0-1\r\nIf-None-Match: *\r\nIf-Match: \"x\"\r\n");
    assert_eq!((whole.status(), whole.body.as_str(), whole.header("etag")), (404, "not here", None));
}

#[test]
fn what_comes_to_no_site_and_a_route_that_answers_an_error_without_a_body_have_the_page_of_the_default_site() {
    let root = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::write(root.path().join("page.html"), "sorry").expect("the folder is writable");
    let server = Server::start(&format!(
        "[sites.a]\nroot = '{}'\nerror_page = ['400 414 431 503 505 /page.html']\n\
         [sites.a.routes]\n'/down' = {{ respond = 503 }}\n'/own' = {{ respond = 503, body = 'own' }}\n\
         '/plain' = {{ respond = 404 }}\n'/fine' = {{ respond = 200 }}\n",
        root.path().display()
    ));
    let (long, large) = ("x".repeat(9000), "x".repeat(40_000));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {large}\r\n\r\n"), 431),
        ("GET / HTTP/3.0\r\nHost: a\r\nAccept: text/html\r\n\r\n".to_owned(), 505),
        ("GET /down HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 503),
        ("POST /down HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx".to_owned(), 503),
    ] {
        let mut client = server.connect();
        client.send(request.replacen("HTTP/1.1\r\n", "HTTP/1.1\r\nAccept: text/html\r\n", 1));
        let answer = client.answer();
        assert_eq!((answer.status(), answer.body.as_str()), (status, "sorry"), "{answer:?}");
    }
    let mut client = server.connect();
    client.send("GET / HTTP/3.0\r\nHost: a\r\nAccept: application/json\r\n\r\n");
    assert_eq!(client.answer().header("content-type"), Some("application/problem+json"));
    assert_eq!(get(&server, "a", "/own").body, "own");
    assert_eq!(get(&server, "a", "/plain").header("content-type"), Some("application/problem+json"));
    assert_eq!(get(&server, "a", "/fine").body, "");
}

/// An application of which `/problem` is an error of its tier, `/detail` one with a sentence, and all else an error that
/// it wrote itself.
async fn failing(request: AppRequest) -> Response {
    if request.uri().path() == "/problem" {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(7);
        return problem.response(request.headers(), RequestId::generate());
    }
    if request.uri().path() == "/detail" {
        let problem = Problem::new(StatusCode::NOT_FOUND).detail("There is no product 3.");
        return problem.response(request.headers(), RequestId::generate());
    }
    let mut response = Response::new(ResponseBody::full("mine"));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

#[test]
fn an_error_of_the_applications_tier_without_a_detail_has_the_page_of_the_site_for_who_names_html() {
    let root = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::write(root.path().join("50x.html"), "sorry").expect("the folder is writable");
    let root = root.path().display();
    let toml = format!(
        "[sites.a]\nroot = '{root}'\nerror_page = ['404 503 /50x.html']\n[sites.a.routes.'/down/']\nfiles = '{root}'\n"
    );
    let server = Server::with(&toml, Some(Arc::new(handler_fn(failing))));
    let get = |path: &str, accept: &str| {
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n"));
        client.answer()
    };
    let page = get("/problem", "text/html,application/xhtml+xml,*/*;q=0.8");
    assert_eq!((page.status(), page.body.as_str(), page.header("retry-after")), (503, "sorry", Some("7")));
    assert_eq!(page.header("content-security-policy"), None);
    assert_eq!(get("/problem", "text/html, application/json").body, "sorry");
    assert_eq!((get("/own", "*/*").body, get("/own", "text/html").body), ("mine".to_owned(), "mine".to_owned()));
    for accept in ["application/json", "*/*", "text/*", "text/html;q=0.5, application/json"] {
        for path in ["/problem", "/down/missing", "/detail"] {
            let kind = get(path, accept).header("content-type").map(str::to_owned);
            assert_eq!(kind.as_deref(), Some("application/problem+json"), "{path} {accept}");
        }
    }
    for accept in ["*/*", "text/html"] {
        let answer = get("/detail", accept);
        assert!(answer.status() == 404 && answer.body.contains("There is no product 3."), "{accept}: {answer:?}");
    }
}

#[test]
fn a_route_may_do_without_the_error_pages_of_its_site() {
    let root = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::write(root.path().join("sorry.html"), "sorry").expect("the folder is writable");
    let root = root.path().display();
    let toml = format!(
        "[sites.a]\nroot = '{root}'\ntry_files = ['file', '=404']\nerror_page = ['404 413 503 /sorry.html']\n\
         [sites.a.routes.'/api/']\napp = true\nerror_page = 'off'\nclient_max_body_size = '1'\n\
         [sites.a.routes.'/files/']\nfiles = '{root}'\nerror_page = 'off'\n\
         [sites.a.routes.'= /down']\nrespond = 503\nerror_page = 'off'\n\
         [sites.a.routes.'= /page']\nrespond = 503\n"
    );
    let server = Server::with(&toml, Some(Arc::new(handler_fn(failing))));
    let ask = |line: &str, more: &str| {
        let mut client = server.connect();
        client.send(format!("{line} HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n{more}\r\n"));
        client.answer()
    };
    for (line, status) in [("GET /api/x", 503), ("GET /files/x", 404), ("GET /down", 503), ("GET //down", 503)] {
        let answer = ask(line, "");
        assert!(answer.status() == status && answer.body != "sorry", "{line}: {answer:?}");
    }
    let large = ask("POST /api/x", "Content-Length: 2\r\n");
    assert!(large.status() == 413 && large.body.contains("larger than 1 bytes"), "{large:?}");
    for line in ["GET /page", "GET /missing", "GET /downs"] {
        assert_eq!(ask(line, "").body, "sorry", "{line}");
    }
}

#[test]
fn errors_of_the_web_tier_tell_browsers_to_be_careful_as_the_applications_do() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::write(folder.path().join("page.html"), "sorry").expect("the folder is writable");
    let server = Server::start(&format!(
        "[web]\nclient_max_body_size = '1'\n[sites.a]\nroot = '{}'\nerror_page = ['410 /page.html']\n\
         [sites.a.routes]\n'/gone' = {{ respond = 410 }}\n'/down' = {{ respond = 503 }}\n",
        folder.path().display()
    ));
    for accept in ["*/*", "text/html"] {
        for request in [
            "GET /down HTTP/1.1\r\nHost: a\r\n",
            "GET /gone HTTP/1.1\r\nHost: a\r\n",
            "POST /down HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n",
            "GET / HTTP/3.0\r\nHost: a\r\n",
            "TRACE / HTTP/1.1\r\nHost: a\r\n",
        ] {
            let mut client = server.connect();
            client.send(format!("{request}Accept: {accept}\r\n\r\n"));
            let answer = client.answer();
            let safe = ["x-content-type-options", "x-frame-options", "referrer-policy", "cross-origin-opener-policy"];
            let values = safe.map(|name| answer.header(name));
            let expected = ["nosniff", "DENY", "strict-origin-when-cross-origin", "same-origin"].map(Some);
            assert_eq!(values, expected, "{request} {answer:?}");
            assert_eq!(answer.head.matches("x-content-type-options").count(), 1);
        }
    }
}

#[test]
fn an_error_page_that_is_not_there_at_the_start_is_a_warning_and_is_sent_once_it_is() {
    let root = tempfile::tempdir().expect("the temporary folder is writable");
    let toml = format!(
        "[sites.a]\nroot = '{}'\nerror_page = ['404 /late.html']\ntry_files = ['=404']\n",
        root.path().display()
    );
    let server = Server::with(&toml, None);
    let warnings = server.web.warnings();
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(warning.key, "sites.a.error_page");
    assert!(warning.message.contains("late.html is not there"), "{}", warning.message);
    let ask = || {
        let mut client = server.connect();
        client.send("GET /x HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n");
        client.answer()
    };
    assert!(ask().body.contains("404 Not Found"));
    std::fs::write(root.path().join("late.html"), "late").expect("the folder is writable");
    wait_until("the page is seen", || ask().body == "late");
}
