//! What is answered during maintenance, and to whom.

use foobar_web::WebTier;

use crate::support::{Answer, Server, folder};

fn begin(server: &Server) {
    assert!(server.web.gate().expect("the tier has one").set_maintenance(true));
}

/// The answer to a browser.
fn browse(server: &Server, path: &str) -> Answer {
    let mut client = server.connect();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n"));
    client.answer()
}

#[test]
fn everything_is_answered_503_with_a_page_and_when_to_come_again() {
    let folder = folder(&[("file.txt", "a file")]);
    let server =
        Server::start(&format!("[web]\nmaintenance_retry_after = '2m'\n[sites.a]\nroot = {:?}\n", folder.path()));
    let mut client = server.connect();
    assert_eq!(client.get("/file.txt").body, "a file");
    begin(&server);
    for path in ["/file.txt", "/page", "/nothing"] {
        let answer = client.get(path);
        assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("120")), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.body.contains("The site is under maintenance. Come back later."), "{answer:?}");
    }
    assert!(browse(&server, "/page").body.contains("<h1>503 Service Unavailable</h1>"));
    assert_eq!(server.figure("maintenance"), 1);
    assert!(server.web.gate().expect("the tier has one").set_maintenance(false));
    assert_eq!(client.get("/file.txt").body, "a file");
}

#[test]
fn a_site_has_a_page_of_its_own_or_that_of_503() {
    let folder = folder(&[("maintenance.html", "<p>We move"), ("503.html", "<p>503")]);
    let site = format!("[sites.a]\nroot = {:?}\nerror_page = '503 /503.html'\n", folder.path());
    let own = Server::start(&format!("{site}maintenance_page = '/maintenance.html'\n"));
    begin(&own);
    let answer = browse(&own, "/page");
    assert_eq!((answer.status(), answer.body.as_str()), (503, "<p>We move"));
    assert_eq!(answer.header("retry-after"), Some("300"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(own.connect().get("/page").body.contains("\"status\":503"), "a program gets no page");
    let other = Server::start(&site);
    begin(&other);
    assert_eq!(browse(&other, "/page").body, "<p>503");
}

#[test]
fn who_is_allowed_is_served() {
    let server = Server::start("[web]\nmaintenance_allow = ['127.0.0.0/8']\n");
    begin(&server);
    assert_eq!(server.connect().get("/page").body, "GET /page");
}

#[test]
fn behind_a_proxy_the_client_is_the_one_that_it_names() {
    let trusted = "trusted_proxies = ['127.0.0.1']\n";
    let server = Server::start(&format!("[web]\n{trusted}maintenance_allow = ['192.0.2.1']\n"));
    begin(&server);
    let status = |client: &str| {
        let field = format!("X-Forwarded-For: {client}\r\n");
        let mut connection = server.connect();
        connection.send(format!("GET /page HTTP/1.1\r\nHost: a\r\n{field}\r\n"));
        connection.answer().status()
    };
    assert_eq!((status("192.0.2.1"), status("192.0.2.2")), (200, 503));
}

#[test]
fn a_route_may_answer_in_maintenance_such_as_a_health_check() {
    let route = "[sites.a.routes.'= /up']\nrespond = 200\nbody = 'up'\nin_maintenance = true\n";
    let server = Server::start(&format!("[sites.a.routes.'/']\napp = true\n{route}"));
    begin(&server);
    assert_eq!(server.connect().get("/up").body, "up");
    assert_eq!(server.connect().get("/page").status(), 503);
}

#[test]
fn it_outlives_a_reload() {
    let server = Server::start("");
    begin(&server);
    server.reload("[web]\nmaintenance_retry_after = '7s'\n").expect("the settings are good");
    let answer = server.connect().get("/page");
    assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("7")));
}
