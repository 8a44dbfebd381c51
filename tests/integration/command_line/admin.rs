//! The listener for operators.

use super::*;

#[test]
fn the_admin_listener_answers_livez_readyz_and_metrics_and_nobody_elses_name() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    assert_eq!(program.admin("/livez").text(), "alive\n");
    assert_eq!(program.admin("/readyz").text(), "database: ready\napp: ready\nweb: ready\n");
    program.get("/");
    let metrics = program.admin("/metrics");
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let build = concat!("foobar_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1\n");
    assert!(metrics.text().contains(build), "{}", metrics.text());
    for tier in ["database", "app", "web"] {
        assert!(metrics.text().contains(&format!("foobar_ready{{tier=\"{tier}\"}} 1\n")), "{}", metrics.text());
    }
    let mut client = crate::support::Client::connect(&program.admin);
    client.send("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(client.answer("GET").status, 421);
}

#[test]
fn the_admin_listener_answers_to_the_names_that_it_is_given_by_get_head_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.env("FOOBAR__ADMIN__SERVER_NAME", "web, *.internal, bücher"));
    let mut client = crate::support::Client::connect(&program.admin);
    let mut ask = |method: &str, host: &str, path: &str| {
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        client.answer(method)
    };
    for host in
        ["web:9180", "WEB.", "a.b.internal:1", "xn--bcher-kva", "127.0.0.1:9180", "[::1]", "localhost", "10.1.2.3"]
    {
        assert_eq!(ask("GET", host, "/livez").status, 200, "{host}");
    }
    for host in ["evil.example", "internal", "web.evil.example", "xweb", "localhost.evil.example"] {
        let refused = ask("GET", host, "/metrics");
        assert_eq!(refused.status, 421, "{host}");
        assert!(refused.text().contains("admin.server_name"), "{}", refused.text());
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        let whole = ask("GET", "web", path);
        let head = ask("HEAD", "web", path);
        assert_eq!((head.status, head.header("content-type")), (200, whole.header("content-type")), "{path}");
        for (method, status) in [("OPTIONS", 204), ("POST", 405)] {
            let answer = ask(method, "web", path);
            assert_eq!(
                (answer.status, answer.header("allow")),
                (status, Some("GET, HEAD, OPTIONS")),
                "{method} {path}"
            );
        }
    }
    assert_eq!((ask("OPTIONS", "web", "/").status, ask("GET", "web", "/").status), (404, 404));
}

#[test]
fn a_name_of_the_admin_listener_that_is_none_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for bad in ["", "web:9180", "http://web", "*"] {
        let text = format!("[admin]\nserver_name = [\n  \"web\",\n  \"{bad}\",\n]\n");
        std::fs::write(folder.path().join("foobar.toml"), text).unwrap();
        let (code, _, error) = run(Program::foobar(folder.path()).args(["check", "--root", "."]));
        assert_eq!(code, 2, "{error}");
        let place = format!("foobar.toml:4: `admin.server_name`: \"{bad}\" is not accepted: ");
        assert!(error.contains(&place) && error.contains("write \"foobar.com\""), "{error}");
    }
}

#[test]
fn an_admin_address_that_nobody_chose_gives_way_when_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let serve =
        || Program::start(Program::foobar(folder.path()).env_remove("FOOBAR__ADMIN__LISTEN").args(["--root", "."]));
    let (one, other) = (serve(), serve());
    assert_ne!(one.admin, other.admin);
    assert_eq!((one.admin("/livez").status, other.admin("/livez").status), (200, 200));
}
