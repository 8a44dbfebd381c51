//! What each bad input gets, to the byte where it matters.

use std::net::TcpListener;
use std::time::Duration;

use foobar::test::MysqlServer;
use foobar::{App, Migrations, Server, StartError, embed_migrations, web};

use crate::support::{Client, Program, until};

fn proving(environment: &[(&str, &str)]) -> Program {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let program =
        Program::start(command.env("FOOBAR__DATABASE__URL", "sqlite::memory:").envs(environment.iter().copied()));
    drop(folder);
    program
}

/// Runs the binary `foobar`, which must fail at once: exit code and standard error.
fn refused(arguments: &[&str], environment: &[(&str, &str)], file: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("foobar.toml"), file).unwrap();
    let mut command = Program::foobar(folder.path());
    let output = command.args(arguments).envs(environment.iter().copied()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_misspelt_key_stops_the_start_and_names_the_nearest() {
    let (code, error) = refused(&[], &[], "[web]\nkeepalive_timeuot = \"75s\"\n");
    assert_eq!(code, 2);
    assert_eq!(
        error,
        "error: foobar.toml:2: unknown key `web.keepalive_timeuot`; did you mean `web.keepalive_timeout`?\n"
    );
}

#[test]
fn a_key_that_has_moved_stops_the_start_and_says_where_it_is_now() {
    let moved = "`app.trusted_proxies`; `trusted_proxies` is a key of [web], not of [app]\n";
    let (code, error) = refused(&["check"], &[], "[app]\ntrusted_proxies = \"127.0.0.1\"\n");
    assert_eq!((code, error), (2, format!("error: foobar.toml:2: unknown key {moved}")));
    let variable = "FOOBAR__APP__TRUSTED_PROXIES";
    let (code, error) = refused(&[], &[(variable, "127.0.0.1")], "");
    assert_eq!((code, error), (2, format!("error: {variable}: unknown key {moved}")));
}

#[test]
fn a_misspelt_variable_stops_the_start_and_names_the_nearest() {
    let (code, error) = refused(&["--root", "."], &[("FOOBAR__WEB__LISTN", "127.0.0.1:0")], "");
    assert_eq!(code, 2);
    assert_eq!(error, "error: FOOBAR__WEB__LISTN: unknown key `web.listn`; did you mean `web.listen`?\n");
}

#[test]
fn a_value_of_the_wrong_type_stops_the_start_and_says_what_is_accepted() {
    let (code, error) = refused(&["--root", "."], &[], "[web]\nkeepalive_timeout = \"soon\"\n");
    assert_eq!(code, 2);
    assert!(error.starts_with("error: foobar.toml:2: `web.keepalive_timeout`: \"soon\" is not accepted: "), "{error}");
    assert!(error.contains("\"30s\""), "{error}");
}

#[test]
fn a_port_in_use_stops_the_start_and_names_address_and_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, error) = refused(&["--root", ".", "--listen", &address], &[], "");
    assert_eq!(code, 1);
    assert!(error.contains(&address) && error.contains("in use") && error.contains("web.listen"), "{error}");
}

#[test]
fn an_address_of_the_admin_listener_that_is_in_use_is_told_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, error) =
        refused(&["--root", ".", "--listen", "127.0.0.1:0"], &[("FOOBAR__ADMIN__LISTEN", &address)], "");
    assert_eq!(code, 1);
    let told = format!(
        "`admin.listen`: cannot listen on {address}; another program listens there: stop it, or choose another"
    );
    assert!(error.contains(&told), "{error}");
}

#[test]
fn several_names_in_one_text_are_told_how_a_list_is_written() {
    let (code, error) = refused(&["--root", "."], &[], "[sites.a]\nserver_name = \"a.test b.test\"\n");
    assert_eq!(code, 2);
    assert!(error.contains(r#""a.test b.test" is no name; write a list: ["a.test", "b.test"]"#), "{error}");
}

#[test]
fn a_root_that_does_not_exist_stops_the_start_and_is_named() {
    let (code, error) = refused(&["--root", "nowhere"], &[], "");
    assert_eq!(code, 2);
    assert!(error.contains("nowhere") && error.contains("root"), "{error}");
}

#[test]
fn a_file_that_is_no_database_stops_the_start_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("site.db"), "this is not a database, whatever its name says\n".repeat(100))
        .unwrap();
    let mut command = Program::example("proving", folder.path());
    let output = command.env("FOOBAR__DATABASE__URL", "sqlite:site.db").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("site.db") && error.contains("not a database"), "{error}");
}

#[test]
fn a_database_that_is_down_at_start_leaves_files_served_and_comes_back() {
    let mut server = MysqlServer::start().unwrap();
    let url = server.create_database().unwrap();
    server.stop().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("static.txt"), "static").unwrap();
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.args(["--root", "."]).env("FOOBAR__DATABASE__URL", &url));

    assert_eq!(program.get("/static.txt").text(), "static");
    let page = program.get("/ledger");
    assert_eq!((page.status, page.header("retry-after").is_some()), (503, true));
    let ready = program.admin("/readyz");
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("database: not ready"), "{}", ready.text());
    assert_eq!(program.admin("/livez").status, 200);

    server.restart().unwrap();
    program.until_ready(200);
    assert_eq!(program.get("/ledger").status, 200);
}

struct Broken;

impl App for Broken {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.route("/", web::get().to(async || "never served"));
    }

    fn migrations(&self) -> Migrations {
        Migrations::new(embed_migrations!("tests/integration/migrations"))
    }
}

#[tokio::test]
async fn a_migration_that_fails_stops_the_start_and_is_named() {
    let server = Server::new().app(Broken).set("database.url", "sqlite::memory:").set("admin.listen", "off");
    let error = server.set("web.listen", "127.0.0.1:0").start().await.err().expect("it must not start");
    assert!(matches!(error, StartError::Tier(_)));
    let message = foobar::Chain(&error).to_string();
    let shown = crate::support::guide::blocks("migrations.md", "a_migration_that_fails_stops_the_start_and_is_named");
    assert!(message.contains(shown[0].trim_end().strip_prefix("error: ").unwrap()), "{message}");
}

#[test]
fn malformed_requests_get_their_status_and_the_connection_is_closed() {
    let program = proving(&[]);
    let long = "x".repeat(100 * 1024);
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n".to_owned(), 400),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400),
        ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            400,
        ),
        ("nonsense\r\n\r\n".to_owned(), 400),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..9 * 1024]), 414),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nx: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431),
    ] {
        let mut client = program.client();
        client.try_send(&request); // a server that has seen enough may stop reading
        let answer = client.answer("GET");
        let shown = &request[..request.len().min(80)];
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{shown:?}");
        assert!(client.is_closed(), "{shown:?}");
    }
}

#[test]
fn ten_gigabytes_are_refused_without_being_read() {
    let program = proving(&[]);
    let mut client = program.client();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10737418240\r\n\r\n");
    let answer = client.answer("POST");
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    assert!(client.is_closed());
}

#[test]
fn a_chunked_body_over_the_limit_gets_413() {
    let program = proving(&[("FOOBAR__WEB__CLIENT_MAX_BODY_SIZE", "8KiB")]);
    let mut client = program.client();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    while client.try_send(&chunk) {}
    assert_eq!(client.answer("POST").status, 413);
}

#[test]
fn a_panic_in_a_handler_gets_500_and_the_server_goes_on() {
    let program = proving(&[]);
    let mut client = program.client();
    let answer = client.request("GET", "/panic", "Accept: text/html\r\n", b"");
    assert_eq!((answer.status, answer.header("content-type")), (500, Some("text/html; charset=utf-8")));
    let id = answer.header("x-request-id").unwrap().to_owned();
    assert!(answer.text().contains(&id) && !answer.text().contains("a handler with a bug"));
    assert_eq!(client.get("/").text(), "proving");
    program.signal("TERM");
    let (status, log) = program.wait();
    assert!(status.success());
    assert_eq!(log.matches(&id).count(), 1, "the failure is logged once, with the request's id: {log}");
}

#[test]
fn the_sites_own_page_is_shown_for_a_failure_of_the_application() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("50x.html"), "<h1>Sorry</h1>").unwrap();
    let mut command = Program::example("proving", folder.path());
    command.args(["--root", "."]).env("FOOBAR__SITES__DEFAULT__ERROR_PAGE", "500 503 504 /50x.html");
    let program = Program::start(&mut command);
    let page = program.client().request("GET", "/panic", "Accept: text/html,*/*;q=0.8\r\n", b"");
    assert_eq!((page.status, page.text()), (500, "<h1>Sorry</h1>"));
    let problem = program.client().request("GET", "/panic", "Accept: application/json\r\n", b"");
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
}

#[test]
fn a_handler_that_never_ends_gets_504() {
    let program = proving(&[("FOOBAR__APP__REQUEST_TIMEOUT", "200ms")]);
    let mut client = program.client();
    let answer = client.get("/forever");
    assert_eq!((answer.status, answer.header("content-type")), (504, Some("application/problem+json")));
    assert_eq!(client.get("/").text(), "proving");
}

#[test]
fn a_client_that_stops_reading_is_cut_off() {
    let program = proving(&[("FOOBAR__WEB__SEND_TIMEOUT", "300ms")]);
    let mut client = program.client();
    client.send("GET /bytes/100000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    until("the connection is dropped", || {
        let metrics = program.admin("/metrics");
        metrics.text().contains("foobar_web_connections{state=\"active\"} 0\n").then_some(())
    });
    assert_eq!(program.get("/").text(), "proving");
}

#[test]
fn a_client_that_dribbles_its_first_request_gets_408_at_the_deadline() {
    let program = proving(&[("FOOBAR__WEB__CLIENT_HEADER_TIMEOUT", "500ms")]);
    dribbled(|| program.client());
}

#[test]
fn a_client_that_dribbles_its_second_request_gets_408_at_the_deadline() {
    let program = proving(&[("FOOBAR__WEB__CLIENT_HEADER_TIMEOUT", "500ms")]);
    dribbled(|| {
        until("a first request comes in time", || {
            let mut client = program.client();
            client.try_send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            client.try_answer("GET").filter(|answer| answer.text() == "proving").map(|_| client)
        })
    });
}

/// Sends a head byte by byte, never its end, until the server answers. One that comes too late with its first byte is
/// closed without an answer, and tried again.
fn dribbled(mut connect: impl FnMut() -> Client) {
    let (answer, mut client) = until("the server answers", || {
        let mut client = connect();
        client.try_send("GET / HTTP/1.1\r\nHost: a\r\nx: ");
        until("its bytes are answered", || {
            client.try_send("x");
            client.has_answer_within(Duration::from_millis(50)).then_some(())
        });
        client.try_answer("GET").map(|answer| (answer, client))
    });
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    assert!(client.is_closed());
}
