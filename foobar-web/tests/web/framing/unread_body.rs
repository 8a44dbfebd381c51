//! What is left of a body that nobody reads.

use super::*;

#[test]
fn f22_and_f23_a_body_that_nobody_reads_is_never_a_request() {
    let server = Server::start("[sites.a]\n[sites.a.routes]\n'/no-content'.respond = 204\n'/fixed'.respond = 200\n");
    let smuggled = "POST /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for method in ["GET", "HEAD", "OPTIONS", "POST"] {
        for path in ["/", "/no-content", "/fixed"] {
            let mut client = server.connect();
            let length = smuggled.len();
            client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{smuggled}"));
            client.send("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let text = client.rest();
            assert!(!text.contains("/smuggled"), "{method} {path}: {text}");
            assert_eq!(answers(&text), 2, "{method} {path}: {text}");
        }
    }
}

#[test]
fn f22_a_large_unread_body_ends_the_connection_after_its_answer() {
    let server = Server::start("[web]\nclient_max_body_size = '100MiB'\n");
    let mut client = server.connect();
    client.send("POST /ignored HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("POST /ignored", Some("close")));
}

#[test]
fn an_unread_body_that_has_come_leaves_the_connection_open() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::write(folder.path().join("file.txt"), "").expect("it is writable");
    let root = folder.path().display();
    let server = Server::start(&format!("[sites.a]\nroot = '{root}'\nroutes.'/fixed'.respond = 200\n"));
    let chunks = "5;a=b\r\nhello\r\n".repeat(1000);
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\nT: u\r\n\r\n");
    let sized = format!("Content-Length: 100000\r\n\r\n{}", "a".repeat(100_000));
    let few = "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    for (path, status) in [("/ignored", 200), ("/fixed", 200), ("/file.txt", 405)] {
        for content in [few, &chunked, &sized] {
            let mut client = server.connect();
            for _ in 0..3 {
                client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\n{content}"));
                let answer = client.answer();
                assert_eq!((answer.status(), answer.header("connection")), (status, None), "{path}");
            }
            assert_eq!(client.get("/next").body, "GET /next");
        }
    }
}

#[test]
fn an_unread_body_is_not_waited_for_with_the_answer_and_leaves_the_connection_open() {
    let server = Server::start(SITE);
    for (begun, rest) in [
        ("Content-Length: 10\r\n\r\nhello", "world"),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhe", "llo\r\n5\r\nworld\r\n0\r\n\r\n"),
    ] {
        let mut client = server.connect();
        client.send(format!("POST /ignored HTTP/1.1\r\nHost: a\r\n{begun}"));
        let answer = client.answer();
        assert_eq!((answer.body.as_str(), answer.header("connection")), ("POST /ignored", None), "{begun}");
        client.send(rest);
        assert_eq!(client.get("/next").body, "GET /next", "{begun}");
    }
}

#[test]
fn an_unread_body_is_never_a_request() {
    let server = Server::start(SITE);
    let size = CANARY.len();
    let mut client = server.connect();
    client.send(format!("POST /ignored HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 2 * size));
    assert_eq!(client.answer().body, "POST /ignored");
    client.send(CANARY.repeat(2));
    assert_eq!(client.get("/next").body, "GET /next");

    client.send("POST /ignored HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(client.answer().body, "POST /ignored");
    client.send(format!("{size:x}\r\n{CANARY}\r\n{size:x}\r\n{CANARY}\r\n0\r\n\r\n"));
    assert_eq!(client.get("/next").body, "GET /next");
}

#[test]
fn an_unread_body_that_does_not_end_ends_the_connection_after_its_answer() {
    let server = Server::start("[web]\nclient_max_body_size = '100MiB'\n");
    let mut client = server.connect();
    client.send("POST /ignored HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(client.answer().body, "POST /ignored");
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let mut refused = None;
    wait_until("it is refused", || {
        refused = client.stream.get_mut().write_all(chunk.as_bytes()).err();
        server.pass(STEP);
        refused.is_some()
    });
    let refused = refused.expect("it was refused").kind();
    assert_ne!(refused, ErrorKind::WouldBlock, "it is neither read nor refused");
}

#[test]
fn an_unread_body_that_is_malformed_ends_the_connection_after_its_answer() {
    let server = Server::start(SITE);
    let mut client = server.connect();
    client.send("POST /ignored HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(client.answer().body, "POST /ignored");
    client.send(format!("5\r\nhelloXX{CANARY}"));
    assert_eq!(client.rest(), "");
}

#[test]
fn a_client_that_wants_to_close_gets_its_answer_and_the_end_before_it_has_sent_its_body() {
    let server = Server::start("[web]\nmin_rate = '0'\n");
    for (version, field) in [("1.1", "Connection: te, Close\r\n"), ("1.0", "Connection: keep-alive\r\n"), ("1.0", "")] {
        let mut client = server.connect();
        client.send(format!("POST /ignored HTTP/{version}\r\nHost: a\r\n{field}Content-Length: 5\r\n\r\nhe"));
        let text = client.rest();
        assert!(text.ends_with("POST /ignored") && text.contains("\r\nconnection: close"), "{version}: {text}");
    }
}
