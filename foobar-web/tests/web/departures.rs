//! What becomes of a handler and its answer when the client goes, by each way that it can, and when the server does.

mod site;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use h2::Reason;

use crate::support::http2::{Http2Client, Http2Stream, PREFACE, frame};
use crate::support::{log_of, wait_until};
use site::{Site, Told, WAYS, Way, Wire};

#[test]
fn a_handler_of_get_is_cancelled_when_its_client_goes() {
    let site = Site::start();
    for (over_tls, way) in [false, true].into_iter().flat_map(|tls| WAYS.map(|way| (tls, way))) {
        for request in ["GET /", "HEAD /", "POST /?cancel"] {
            site.ask(over_tls, request).go(way);
            site.is_dropped(&format!("{request} {way:?}, over TLS: {over_tls}"));
        }
    }
}

#[test]
fn a_handler_of_another_method_runs_to_its_end_when_its_client_goes() {
    let site = Site::start();
    for (over_tls, way) in [false, true].into_iter().flat_map(|tls| WAYS.map(|way| (tls, way))) {
        for request in ["POST /", "DELETE /", "GET /?run"] {
            site.ask(over_tls, request).go(way);
            site.runs_to_its_end(&format!("{request} {way:?}, over TLS: {over_tls}"));
        }
    }
    site.server.wait_until_alone();
}

#[test]
fn a_handler_whose_stream_is_reset_or_whose_connection_ends_is_cancelled_or_runs_to_its_end() {
    let site = Site::start();
    for (method, path, runs) in [("GET", "/", false), ("POST", "/", true), ("GET", "/?run", true)] {
        let ends: [fn(Http2Client, Http2Stream); 2] = [
            |client, mut stream| {
                stream.sending.send_reset(Reason::CANCEL);
                std::mem::forget(client); // its connection stays
            },
            |client, stream| drop((client, stream)), // GOAWAY, and the end of the connection
        ];
        for (number, end) in ends.into_iter().enumerate() {
            let mut client = site.server.http2(|_| ());
            let stream = site.open(&mut client, method, path);
            end(client, stream);
            let case = format!("{method} {path} {number}");
            if runs { site.runs_to_its_end(&case) } else { site.is_dropped(&case) }
        }
    }
}

#[test]
fn a_stream_that_was_reset_counts_until_its_handler_ends() {
    let site = Site::with("http2_max_concurrent_streams = 1");
    let mut client = site.server.http2(|_| ());
    let mut stream = site.open(&mut client, "POST", "/");
    stream.sending.send_reset(Reason::CANCEL);
    let refused = client.get("/").expect_err("one is all that there may be");
    assert_eq!(refused.reason(), Some(Reason::REFUSED_STREAM));
    site.gate.add_permits(2);
    assert_eq!(site.tells(), Told::Ended);
    assert_eq!(client.get("/").expect("there is room again").body(), b"done");
}

#[test]
fn a_stream_without_an_end_ends_within_a_second_when_its_client_goes() {
    let site = Site::start();
    for (over_tls, way) in [false, true].into_iter().flat_map(|tls| WAYS.map(|way| (tls, way))) {
        for (request, sign) in [
            ("GET /silent", "data: 1\n\n\r\n"),
            ("GET /silent", "HTTP/1.1"),
            ("GET /flood", "xxx"),
            ("POST /events", "data: 1\n\n\r\n"),
        ] {
            let mut wire = site.ask(over_tls, request);
            wire.read_to(sign);
            wire.go(way);
            site.is_dropped(&format!("{request} after {sign:?}, {way:?}, over TLS: {over_tls}"));
        }
    }
}

#[test]
fn a_stream_to_a_client_of_http_1_0_ends_within_a_second_when_that_goes() {
    let site = Site::start();
    for way in WAYS {
        let mut wire = Wire::Plain(site.server.plain_socket());
        wire.send("GET /silent HTTP/1.0\r\nHost: a.test\r\n\r\n");
        assert_eq!(site.tells(), Told::Begun);
        wire.read_to("data: 1\n\n");
        wire.go(way);
        site.is_dropped(&format!("{way:?}"));
    }
}

#[test]
fn a_stream_whose_request_is_not_read_to_its_end_ends_within_a_second_too() {
    let site = Site::start();
    for more in [
        "Content-Length: 0\r\n\r\nGET /next HTTP/1.1\r\n",
        "Content-Length: 9\r\n\r\nsome",
        "Connection: close\r\nContent-Length: 999999\r\n\r\n",
    ] {
        let mut wire = Wire::Plain(site.server.plain_socket());
        wire.send(&format!("GET /silent HTTP/1.1\r\nHost: a.test\r\n{more}"));
        assert_eq!(site.tells(), Told::Begun);
        wire.read_to("data: 1\n\n\r\n");
        wire.go(Way::Fin);
        site.is_dropped(more);
    }
}

#[test]
fn a_stream_over_http2_ends_when_its_client_resets_it_or_goes() {
    let site = Site::start();
    for resets in [true, false] {
        let mut client = site.server.http2(|_| ());
        let mut stream = site.open(&mut client, "GET", "/silent");
        wait_until("it begins", || stream.end().is_none() && stream.got > 0);
        if resets {
            stream.sending.send_reset(Reason::CANCEL);
        }
        let _kept = resets.then_some((client, stream));
        site.is_dropped(&format!("resets: {resets}"));
    }
}

#[test]
fn a_client_that_has_closed_its_side_gets_an_answer_that_is_long_in_coming() {
    let site = Site::start();
    for (over_tls, request) in
        [false, true].into_iter().flat_map(|tls| ["GET /", "POST /"].map(|request| (tls, request)))
    {
        let mut wire = site.ask(over_tls, request);
        wire.half_close();
        site.runs_to_its_end(request);
        let answer = wire.rest().expect("it comes whole");
        let case = format!("{request}, over TLS {over_tls}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\ndone"), "{case}");
    }
    let mut wire = Wire::Plain(site.server.plain_socket());
    wire.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n");
    assert_eq!(site.tells(), Told::Begun);
    wire.half_close();
    site.runs_to_its_end("HTTP/1.0");
    assert!(wire.rest().expect("it comes whole").starts_with("HTTP/1.0 200 OK\r\n"));
}

#[test]
fn a_client_of_http2_that_has_closed_its_side_gets_its_answer() {
    let site = Site::start();
    for (path, answer) in [("/", "done"), ("/known", "two")] {
        let mut wire = site.server.plain_socket();
        let literal = |index, text: &str| [&[index, text.len() as u8], text.as_bytes()].concat();
        let head = [vec![0x82, 0x86], literal(0x44, path), literal(0x41, "a.test")].concat();
        wire.write_all(&[PREFACE, &frame(4, 0, 0, &[]), &frame(1, 5, 1, &head)].concat()).expect("the server reads");
        assert_eq!(site.tells(), Told::Begun);
        wire.shutdown(Shutdown::Write).expect("it is open");
        match answer {
            "done" => site.runs_to_its_end(path),
            _ => assert!(site.server.time_until(|| site.told.try_recv().is_ok()) >= Duration::from_secs(6)),
        }
        let mut come = Vec::new();
        wire.read_to_end(&mut come).expect("it comes whole");
        let end = frame(0, 1, 1, answer.as_bytes());
        let is_whole = come.windows(end.len()).any(|part| part == end) || come.ends_with(&frame(0, 1, 1, b""));
        assert!(is_whole, "{path}: {}", come.escape_ascii());
    }
}

#[test]
fn a_client_that_has_closed_its_side_gets_all_answers_that_it_has_asked_for() {
    let site = Site::start();
    let mut wire = site.ask(false, "GET /");
    wire.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    wire.half_close();
    site.runs_to_its_end("the first");
    assert_eq!(site.tells(), Told::Begun);
    site.runs_to_its_end("the second");
    let answers = wire.rest().expect("they come whole");
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 2, "{answers}");
    assert_eq!(answers.matches("\r\n\r\ndone").count(), 2, "{answers}");
}

#[test]
fn a_client_that_has_closed_its_side_gets_the_rest_of_an_answer_in_its_own_time() {
    let site = Site::start();
    for (over_tls, path) in [false, true].into_iter().flat_map(|tls| ["/known", "/chunks"].map(|path| (tls, path))) {
        let mut wire = site.ask(over_tls, &format!("GET {path}"));
        wire.read_to("\r\n\r\n");
        wire.half_close();
        let time = site.server.time_until(|| site.told.try_recv().is_ok());
        assert!(time >= Duration::from_secs(6), "{path}: {time:?}");
        let body = wire.rest().expect("it comes whole");
        let case = format!("{path}, over TLS {over_tls}: {body:?}");
        match path {
            "/known" => assert_eq!(body, "onetwo", "{case}"),
            _ => assert_eq!(body, "3\r\none\r\n03\r\ntwo\r\n0\r\n\r\n", "{case}"),
        }
    }
}

#[test]
fn the_log_tells_of_a_handler_that_was_cancelled_499_and_of_one_that_ran_on_its_status() {
    let log = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
    let site = Site::with(&format!("access_log = '{}'", log.path().display()));
    site.ask(false, "GET /").go(Way::Fin);
    site.is_dropped("GET");
    site.ask(false, "POST /").go(Way::Reset);
    site.runs_to_its_end("POST");
    site.server.drain_at_leisure();
    let text = log_of(&site.server, log.path());
    assert!(text.contains("\"GET / HTTP/1.1\" 499 0 ") && text.contains("\"POST / HTTP/1.1\" 200 0 "), "{text}");
}

#[test]
fn a_drain_waits_for_handlers_whose_clients_have_gone() {
    let site = Site::start();
    let mut client = site.server.http2(|_| ());
    let stream = site.open(&mut client, "POST", "/");
    drop((client, stream));
    site.ask(false, "POST /").go(Way::Reset);
    let gate = Arc::clone(&site.gate);
    let address = site.server.plain_socket().peer_addr().expect("it is connected");
    let opener = std::thread::spawn(move || {
        while TcpStream::connect(address).is_ok() {}
        gate.add_permits(2);
    });
    site.server.drain_at_leisure();
    opener.join().expect("it does not panic");
    assert_eq!((site.tells(), site.tells()), (Told::Ended, Told::Ended));
}

#[test]
fn a_handler_that_runs_on_beyond_the_drains_deadline_is_dropped() {
    let site = Site::start();
    site.ask(false, "POST /").go(Way::Reset);
    site.server.drain(Duration::from_millis(100));
    assert_eq!(site.tells(), Told::Dropped);
}

#[test]
fn a_drain_ends_an_event_stream_cleanly_and_cuts_another_that_has_no_end() {
    let site = Site::stopping(Duration::from_millis(400));
    let (mut events, mut silent) = (site.ask(false, "GET /events"), site.ask(true, "GET /silent"));
    let mut client = site.server.http2(|_| ());
    let mut streams = ["/events", "/silent"].map(|path| site.open(&mut client, "GET", path));
    events.read_to("data: 1\n\n\r\n");
    silent.read_to("data: 1\n\n\r\n");
    site.server.drain_at_leisure();
    assert_eq!(events.rest().expect("it ends"), "0\r\n\r\n");
    let cut = silent.rest();
    assert!(cut.as_ref().is_err() || cut.as_ref().is_ok_and(String::is_empty), "nobody takes it for whole: {cut:?}");
    wait_until("both end", || streams.iter_mut().all(|stream| stream.end().is_some()));
    assert_eq!(streams.each_mut().map(|stream| stream.end()), [Some(Ok(())), Some(Err(Reason::CANCEL))]);
}

#[test]
fn a_drain_does_not_wait_for_a_client_that_does_not_take_the_end_of_its_stream() {
    let site = Site::stopping(Duration::from_millis(400));
    let _stuck = site.ask(false, "GET /flood");
    site.server.drain_at_leisure();
    assert_eq!(site.tells(), Told::Dropped);
}
