//! What is too long, too many, too large or too slow, and the exact answer to it.

use std::io::{Read, Write};
use std::time::Duration;

use crate::drain::gated;
use crate::support::{Client, FOREVER, STEP, Server, answers, status, wait_until};

/// Whether something took this many milliseconds, as precise as the steps of a server's time are.
fn took(time: Duration, milliseconds: u64) -> bool {
    let exact = Duration::from_millis(milliseconds);
    (exact..=exact + 2 * STEP).contains(&time)
}

#[test]
fn a_request_line_beyond_its_limit_is_414_however_long_it_is() {
    let server = Server::start("[web]\nmax_request_line = '1KiB'\n");
    for length in [1025 - 13, 9_000, 500_000] {
        let text = server.talk(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(length - 1)));
        assert_eq!((status(&text), answers(&text)), (414, 1), "{length}");
        assert!(text.contains("connection: close"), "{text}");
    }
    let mut client = server.connect();
    assert_eq!(client.get(&format!("/{}", "a".repeat(1024 - 14))).status(), 200);
}

#[test]
fn header_fields_beyond_their_number_or_size_are_431() {
    let server = Server::start("[web]\nmax_headers = 10\nmax_header_size = '2KiB'\n");
    let with = |fields: String| server.talk(format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n"));
    assert_eq!(status(&with("A: b\r\n".repeat(8))), 200);
    assert_eq!(status(&with("A: b\r\n".repeat(9))), 431);
    assert_eq!(status(&with("A: b\r\n".repeat(10_000))), 431);
    assert_eq!(status(&with(format!("A: {}\r\n", "b".repeat(1_900)))), 200);
    assert_eq!(status(&with(format!("A: {}\r\n", "b".repeat(2_100)))), 431);
    assert_eq!(status(&with(format!("A: {}\r\n", "b".repeat(1_000_000)))), 431);
}

#[test]
fn more_header_fields_than_usual_may_be_allowed() {
    let server = Server::start("[web]\nmax_headers = 500\n");
    let text = server.talk(format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n", "A: b\r\n".repeat(498)));
    assert_eq!(status(&text), 200);
}

#[test]
fn a_head_of_the_largest_size_that_may_be_allowed_is_taken() {
    let server = Server::start("[web]\nmax_request_line = '60KiB'\nmax_header_size = '256KiB'\n");
    let line = format!("GET /{} HTTP/1.1\r\n", "a".repeat((60 << 10) - 14));
    let fields = "Host: a\r\nConnection: close\r\nA: ";
    let text = server.talk(format!("{line}{fields}{}\r\n\r\n", "b".repeat((256 << 10) - fields.len() - 2)));
    assert_eq!(status(&text), 200);
}

#[test]
fn a_content_length_beyond_the_limit_is_413_without_reading_the_body() {
    let server = Server::start("[web]\nclient_max_body_size = '1KiB'\n");
    let text = server.talk("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\n");
    assert_eq!((status(&text), answers(&text)), (413, 1), "{text}");
    assert!(text.contains("connection: close") && text.contains("larger than 1024 bytes"), "{text}");
    let text = server.talk("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000000000\r\n\r\n");
    assert_eq!(status(&text), 413);
    let text = server.talk("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1025\r\n\r\n");
    assert_eq!((status(&text), answers(&text)), (413, 1), "{text}");
}

#[test]
fn a_client_that_goes_on_sending_can_read_its_413() {
    let server = Server::start("[web]\nclient_max_body_size = '1KiB'\n");
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
    client.send(vec![b'x'; 3_000_000]);
    assert_eq!(client.answer().status(), 413);
}

#[test]
fn chunks_beyond_the_limit_become_413() {
    let server = Server::start("[web]\nclient_max_body_size = '1KiB'\n");
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    let mut client = server.connect();
    client.send(format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"));
    assert_eq!(client.answer().body.len(), 1024);
    client.send(format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}1\r\nx\r\n0\r\n\r\n"
    ));
    let text = client.rest();
    assert_eq!((status(&text), answers(&text)), (413, 1), "{text}");
    assert!(text.contains("connection: close"), "{text}");
}

#[test]
fn a_site_and_a_route_have_their_own_body_limits() {
    let server = Server::start(
        "[web]\nclient_max_body_size = '1KiB'\n[sites.a]\nclient_max_body_size = '2KiB'\n\
         [sites.a.routes.'/echo']\napp = true\nclient_max_body_size = '4KiB'\n",
    );
    let post = |path: &str, length: usize| {
        let body = "x".repeat(length);
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        status(&server.talk(request))
    };
    assert_eq!((post("/", 2048), post("/", 2049)), (200, 413));
    assert_eq!((post("/echo", 4096), post("/echo", 4097)), (200, 413));
}

#[test]
fn a_body_limit_of_zero_is_none() {
    let server = Server::start(
        "[web]\nclient_max_body_size = '0'\n[sites.a]\nserver_name = ['a']\n\
         [sites.b]\nserver_name = ['b']\nclient_max_body_size = '10'\n\
         [sites.b.routes.'/echo']\napp = true\nclient_max_body_size = '0'\n\
         [sites.c]\nserver_name = ['c']\nclient_max_body_size = '0'\nroutes.'/small'.client_max_body_size = '10'\n\
         routes.'/small'.app = true\n",
    );
    let post = |host: &str, path: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        status(&server.talk(format!("{head}Content-Length: 2000000\r\n\r\n{}", "x".repeat(2_000_000))))
    };
    assert_eq!((post("a", "/echo"), post("b", "/echo"), post("c", "/echo")), (200, 200, 200));
    assert_eq!((post("b", "/"), post("c", "/small")), (413, 413));
}

#[test]
fn without_a_time_to_be_idle_every_answer_closes_its_connection() {
    let server = Server::start("[web]\nkeepalive_timeout = '0'\n");
    let mut waiting = server.connect();
    waiting.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nxGET /second HTTP/1.1\r\nHost: a\r\n\r\n");
    let text = client.rest();
    assert_eq!((status(&text), answers(&text)), (200, 1), "{text}");
    assert!(text.contains("connection: close") && text.ends_with("\r\n\r\nx"), "{text}");
}

#[test]
fn a_head_that_dribbles_is_408_on_the_first_request_and_on_the_second() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let server = Server::start("[web]\nclient_header_timeout = '300ms'\n");
    let (time, text) = server.accept().dribble(&server, head);
    assert_eq!((status(&text), answers(&text)), (408, 1), "{text}");
    assert!(text.contains("connection: close"), "{text}");
    assert!(took(time, 300), "{time:?}");

    let mut client = server.connect();
    assert_eq!(client.get("/").status(), 200);
    let (time, text) = client.dribble(&server, head);
    assert_eq!((status(&text), answers(&text)), (408, 1), "{text}");
    assert!(took(time, 300), "{time:?}");
}

#[test]
fn a_connection_that_sends_nothing_is_closed_without_a_word() {
    let server = Server::start("[web]\nclient_header_timeout = '200ms'\nkeepalive_timeout = '300ms'\n");
    let mut client = server.accept();
    let time = server.time_until_told(&mut client);
    assert_eq!((client.rest().as_str(), took(time, 200)), ("", true), "{time:?}");

    let mut client = server.connect();
    assert_eq!(client.get("/").status(), 200);
    let time = server.time_until_told(&mut client);
    assert_eq!((client.rest().as_str(), took(time, 300)), ("", true), "{time:?}");
}

#[test]
fn a_body_that_stops_or_dribbles_is_408() {
    let server = Server::start("[web]\nclient_body_timeout = '200ms'\nmin_rate = '0'\n");
    let mut client = server.connect();
    client.send_to(&server, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx");
    let time = server.time_until_told(&mut client);
    let text = client.rest();
    assert_eq!((status(&text), answers(&text)), (408, 1), "{text}");
    assert!(text.contains("connection: close") && took(time, 200), "{time:?} {text}");

    let server = Server::start("[web]\nclient_body_timeout = '10s'\nmin_rate = '1000'\nmin_rate_grace = '300ms'\n");
    let mut client = server.connect();
    client.send_to(&server, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    let (time, text) = client.dribble(&server, b"x");
    assert_eq!(status(&text), 408, "{text}");
    assert!(took(time, 300 + 30), "the 30 bytes earn a millisecond each: {time:?}");

    let mut client = server.connect();
    client.send_to(&server, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFF\r\n");
    let (time, text) = client.dribble(&server, b"x");
    assert_eq!(status(&text), 408, "{text}");
    assert!(took(time, 300 + 30 + 7), "in a chunk they earn no more, and its size a millisecond for each: {time:?}");
}

#[test]
fn a_body_that_nobody_reads_and_that_stops_or_dribbles_ends_the_connection() {
    let request = "POST /ignored HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhello";
    let server = Server::start("[web]\nclient_body_timeout = '200ms'\nmin_rate = '0'\n");
    let mut client = server.connect();
    client.send(request);
    let answer = client.answer();
    assert_eq!((answer.status(), answer.header("connection")), (200, None));
    let time = server.time_until_told(&mut client);
    assert_eq!(client.stream.read(&mut [0; 1]).expect("it is not reset"), 0);
    assert!(took(time, 200), "{time:?}");

    let server = Server::start("[web]\nclient_body_timeout = '10s'\nmin_rate = '1000'\nmin_rate_grace = '300ms'\n");
    let mut client = server.connect();
    client.send(request);
    assert_eq!(client.answer().status(), 200);
    let (time, text) = client.dribble(&server, b"x");
    assert_eq!((text.as_str(), took(time, 300 + 30)), ("", true), "{time:?}");
}

#[test]
fn a_connection_with_a_body_that_nobody_reads_makes_room_for_a_new_one() {
    let server = Server::start("[web]\nworker_connections = 2\nmin_rate = '0'\n");
    let mut first = server.connect();
    first.send("POST /ignored HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(first.answer().header("connection"), None);
    let mut second = server.connect();
    second.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(server.connect().get("/third").status(), 200);
    assert_eq!(first.rest(), "");
}

#[test]
fn a_client_that_stops_reading_is_reset_and_others_are_served_meanwhile() {
    let server = Server::start("[web]\nsend_timeout = '300ms'\nmin_rate = '0'\n");
    let mut stalled = server.connect();
    stalled.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut first = [0; 1];
    stalled.stream.read_exact(&mut first).expect("the answer begins");
    assert_eq!(server.connect().get("/").status(), 200);
    let time = server.time_until(|| server.is_alone());
    assert!(time >= Duration::from_millis(300), "{time:?}");
    let mut rest = Vec::new();
    let error = stalled.stream.read_to_end(&mut rest).expect_err("the connection was reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(rest.len() < 64 << 20);
}

#[test]
fn a_client_that_reads_too_slowly_is_reset() {
    let server = Server::start("[web]\nsend_timeout = '60s'\nmin_rate = '1GiB'\nmin_rate_grace = '200ms'\n");
    let mut slow = server.connect();
    slow.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut bytes = vec![0; 1000];
    let error = loop {
        assert_eq!(server.connect().get("/").status(), 200);
        server.pass(STEP);
        if let Err(error) = slow.stream.read_exact(&mut bytes) {
            break error;
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn the_last_request_of_a_connection_says_so_and_closes_it() {
    let server = Server::start("[web]\nkeepalive_requests = 3\n");
    let mut client = server.connect();
    for _ in 0..2 {
        assert_eq!(client.get("/").header("connection"), None);
    }
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /fourth HTTP/1.1\r\nHost: a\r\n\r\n");
    let text = client.rest();
    assert!(text.contains("connection: close") && answers(&text) == 1, "{text}");
}

#[test]
fn a_worker_holds_no_more_connections_than_allowed_and_serves_the_rest_later() {
    let server = Server::start("[web]\nworker_connections = 1\n");
    let mut first = server.connect();
    first.send_to(&server, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n"); // else it might be idle, and make room
    let mut second = server.connect();
    second.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
    server.pass(Duration::from_secs(1));
    assert!(!second.is_told());
    drop(first);
    server.time_until(|| second.is_told()); // the handler may still begin an answer that only one direction is closed for
    assert_eq!(second.answer().body, "GET /second");
}

#[test]
fn the_connection_that_has_been_idle_longest_makes_room_for_a_new_one_and_all_others_are_kept() {
    let server = Server::start("[web]\nworker_connections = 2\n");
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = server.connect();
        assert_eq!(client.get("/").header("connection"), None);
        clients.push(client);
        server.pass(STEP); // which tells who has been idle longest
    }
    assert!(clients[..2].iter_mut().all(|client| client.rest().is_empty()));
    assert!(clients[2..].iter_mut().all(|client| client.get("/again").header("connection").is_none()));
}

#[test]
fn where_one_waits_and_none_is_idle_the_first_answer_is_the_last_of_its_connection() {
    let (app, arrivals, gate) = gated();
    let server = Server::with("[web]\nworker_connections = 1\n", Some(app));
    let ask = || {
        let mut client = server.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client
    };
    let mut first = ask();
    arrivals.recv().expect("the first request arrives");
    let mut waiting = ask();
    wait_until_accepted(&waiting);
    gate.add_permits(2);
    assert_eq!(first.answer().header("connection"), Some("close"));
    drop(first);
    assert_eq!(waiting.answer().header("connection"), None);
}

/// Until the system holds no connection any more that the server has not accepted.
fn wait_until_accepted(client: &Client) {
    let port = client.stream.get_ref().peer_addr().expect("it is connected").port();
    let listens = format!(":{port:04X} 00000000:0000 0A 00000000:");
    wait_until("somebody accepts it", || {
        let sockets = std::fs::read_to_string("/proc/net/tcp").expect("the system tells of its sockets");
        let queue = sockets.split_once(&listens); // a look at a table that changes may miss it
        queue.is_some_and(|(_, queue)| queue.starts_with("00000000 "))
    });
}

#[test]
fn a_panic_in_a_handler_is_500_and_the_worker_lives_on() {
    let server = Server::start("");
    let mut client = server.connect();
    assert_eq!(client.get("/panic").status(), 500);
    assert_eq!(client.get("/").status(), 200);
}

#[test]
fn a_client_that_closes_its_side_after_the_request_is_answered() {
    let server = Server::start("");
    let mut client = server.connect();
    client.stream.get_mut().write_all(b"GET /half HTTP/1.1\r\nHost: a\r\n\r\n").expect("the server reads");
    client.stream.get_ref().shutdown(std::net::Shutdown::Write).expect("it is open");
    assert!(client.rest().ends_with("GET /half"));
}

#[test]
fn a_client_that_has_gone_while_its_answer_streams_is_given_up() {
    let server = Server::start("[web]\nsend_timeout = '200ms'\n");
    for more in ["", "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut client = server.connect();
        client.send(format!("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n{more}"));
        let mut first = [0; 1];
        client.stream.read_exact(&mut first).expect("the answer begins");
        drop(client);
        let time = server.time_until(|| server.is_alone());
        assert!(time < FOREVER / 2, "not when the rest of the answer comes: {time:?}");
    }
}

#[test]
fn a_client_that_has_closed_its_side_still_reads_an_answer_that_goes_on() {
    let server = Server::start("[web]\nsend_timeout = '600ms'\n");
    let mut client = server.connect();
    client.send_to(&server, "GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n");
    client.stream.get_ref().shutdown(std::net::Shutdown::Write).expect("it is open");
    let time = server.time_until(|| server.is_alone());
    let text = client.rest();
    assert!((1000..1100).contains(&time.as_millis()), "{time:?}");
    assert!(text.ends_with("\r\n0\r\n\r\n") && text.matches("1\r\nx\r\n").count() == 5, "{text}");
}

#[test]
fn a_connection_that_becomes_idle_later_makes_room_for_one_that_waits() {
    let server = Server::start("[web]\nworker_connections = 1\n");
    let mut first = server.connect();
    first.send("GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut byte = [0; 1];
    first.stream.read_exact(&mut byte).expect("the answer begins");
    let mut second = server.connect();
    second.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
    let time = server.time_until(|| server.figure("connections_total") == 2);
    assert_eq!(second.answer().body, "GET /second");
    assert!((1000..1100).contains(&time.as_millis()), "{time:?}");
}
