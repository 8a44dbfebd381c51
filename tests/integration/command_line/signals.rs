//! What signals do.

use super::*;

#[test]
fn sigterm_sigint_and_sigquit_finish_what_is_in_flight_and_exit_with_0() {
    for signal in ["TERM", "INT", "QUIT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Program::example("proving", folder.path());
        let program = Program::start(command.env("FOOBAR__WEB__WORKERS", "1"));
        let (mut client, mut idle) = (program.client(), program.client());
        assert_eq!(idle.get("/").text(), "proving");
        client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
        assert_eq!(client.interim("POST").status, 100, "the handler has the request");
        client.send("01234");
        program.signal(signal);
        assert!(idle.try_answer("GET").is_none(), "the only worker has begun its drain");
        client.send("56789");
        let answer = client.answer("POST");
        assert_eq!((answer.status, answer.text(), answer.header("connection")), (200, "10", Some("close")));
        let (status, log) = program.wait();
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

#[test]
fn a_second_signal_stops_at_once_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    let mut client = program.client();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.interim("POST").status, 100, "the handler has the request");
    program.signal("TERM");
    program.until_ready(503);
    program.signal("TERM");
    assert_eq!(program.wait().0.code(), Some(3));
}

/// Nothing is in flight, so nothing is lost; and nobody waits for `server.shutdown_delay` who asks twice.
#[test]
fn a_second_signal_to_a_server_that_is_idle_stops_it_at_once_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.env("FOOBAR__SERVER__SHUTDOWN_DELAY", "1h"));
    let mut kept = program.client();
    assert_eq!(kept.get("/").text(), "proving");
    program.signal("TERM");
    program.until_ready(503);
    program.signal("TERM");
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn two_signals_at_the_same_time_stop_an_idle_server_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    program.signal("TERM");
    program.signal("INT");
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn a_drain_that_takes_too_long_is_cut_off_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.env("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", "300ms"));
    let mut client = program.client();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.interim("POST").status, 100, "the handler has the request");
    program.signal("TERM");
    assert_eq!(program.wait().0.code(), Some(3));
    assert!(client.try_answer("POST").is_none());
}

#[test]
fn during_shutdown_delay_readyz_says_503_and_new_connections_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let program = Program::start(command.env("FOOBAR__SERVER__SHUTDOWN_DELAY", "1h"));
    let mut kept = program.client();
    assert_eq!(kept.get("/").text(), "proving");
    program.signal("TERM");
    let readyz = program.until_ready(503);
    assert!(readyz.text().starts_with("server: not ready: it is stopping\n"), "{}", readyz.text());
    assert!(readyz.text().ends_with("web: ready\n"), "{}", readyz.text());
    assert_eq!(program.admin("/livez").status, 200);
    for client in [&mut kept, &mut program.client()] {
        let answer = client.get("/");
        assert_eq!((answer.text(), answer.header("connection")), ("proving", None));
    }
    program.signal("TERM");
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn after_shutdown_delay_the_drain_has_its_own_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    command.env("FOOBAR__SERVER__SHUTDOWN_DELAY", "300ms").env("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", "1h");
    let program = Program::start(&mut command);
    let mut client = program.client();
    client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.interim("POST").status, 100, "the handler has the request");
    program.signal("TERM");
    let refused = || std::net::TcpStream::connect(&program.address).is_err().then_some(());
    crate::support::until("nothing new is accepted", refused);
    client.send("0123456789");
    assert_eq!(client.answer("POST").status, 200);
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

/// A start that hangs: the database's port accepts and never answers.
fn hanging(shutdown_timeout: &str, signals: usize) -> (Option<i32>, String) {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    command.env("FOOBAR__DATABASE__URL", format!("mysql://u@{}/d", silent.local_addr().unwrap()));
    command.env("FOOBAR__DATABASE__CONNECT_TIMEOUT", "1h").env("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", shutdown_timeout);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let _connected = silent.accept().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    for _ in 0..signals {
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        log.read_line(&mut text).unwrap();
    }
    log.read_to_string(&mut text).unwrap();
    (child.wait().unwrap().code(), text)
}

#[test]
fn a_signal_during_the_start_waits_for_its_end_within_the_deadline() {
    let (code, log) = hanging("300ms", 1);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("the start did not end within server.shutdown_timeout"), "{log}");
}

#[test]
fn a_second_signal_during_the_start_ends_it_at_once_with_0() {
    let (code, log) = hanging("1h", 2);
    assert_eq!(code, Some(0), "{log}");
}
