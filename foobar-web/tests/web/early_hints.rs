//! `103 Early Hints`, from the handler to the bytes that a client gets.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use foobar_core::{EarlyHints, Request, Response, ResponseBody, handler_fn};

use crate::support::http2::get;
use crate::support::{Client, Server, read, wait_until};

const HINT: &str = "HTTP/1.1 103 Early Hints\r\nlink: </site.css>; rel=preload; as=style\r\n\r\n";

/// Sends a hint, reads the body of the request, and answers with it.
async fn hint(request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    if let Some(hints) = parts.extensions.get::<EarlyHints>() {
        hints.send(["</site.css>; rel=preload; as=style"]).expect("it is a link");
    }
    let text = read(&mut body).await.expect("the body comes whole");
    Response::new(ResponseBody::full(text))
}

fn server() -> Server {
    Server::with("", Some(Arc::new(handler_fn(hint))))
}

/// The next head, even of an interim response.
fn head(client: &mut Client) -> String {
    use std::io::BufRead;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(client.stream.read_line(&mut head).expect("the server answers") > 0, "closed after {head:?}");
    }
    head
}

#[test]
fn hints_come_while_the_handler_still_works() {
    let server = server();
    let mut client = server.connect();
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
        assert_eq!(head(&mut client), HINT);
        client.send("body");
        let answer = client.answer();
        assert_eq!((answer.status(), answer.body.as_str(), answer.header("link")), (200, "body", None));
    }
}

#[test]
fn hints_of_a_handler_that_answers_at_once_come_before_the_answer() {
    let server = server();
    let text = server.talk("GET / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(text.starts_with(&format!("{HINT}HTTP/1.1 200 OK\r\n")), "{text}");
    assert_eq!(text.matches(HINT).count(), 2, "{text}");
}

#[test]
fn a_client_that_waits_to_be_told_to_send_its_body_gets_both_interim_responses() {
    let server = server();
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    let mut heads = [head(&mut client), head(&mut client)];
    heads.sort();
    assert_eq!(heads, ["HTTP/1.1 100 Continue\r\n\r\n", HINT]);
    client.send("body");
    assert_eq!(client.answer().body, "body");
}

#[test]
fn a_client_of_http_1_0_gets_none() {
    let text = server().talk("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") || text.starts_with("HTTP/1.0 200 OK\r\n"), "{text}");
    assert!(!text.contains(" 103 "), "{text}");
}

#[test]
fn nothing_is_sent_once_the_answer_has_begun() {
    let kept = Arc::new(Mutex::new(None));
    let keeper = Arc::clone(&kept);
    let keep = move |request: Request| {
        let before = keeper.lock().unwrap().replace(request.extensions().get::<EarlyHints>().cloned());
        let sent = before.flatten().map(|hints: EarlyHints| hints.send(["</late.css>; rel=preload"]));
        async move {
            assert_ne!(sent, Some(Err(foobar_core::EarlyHintsError::TooMany)));
            Response::new(ResponseBody::full("here"))
        }
    };
    let server = Server::with("", Some(Arc::new(handler_fn(keep))));
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/").status(), 200);
    }
    kept.lock().unwrap().take().flatten().expect("it is over HTTP/1.1").send(["</later.css>"]).unwrap();
    assert_eq!(client.get("/").body, "here");
}

/// Sends hints without end.
async fn flood(request: Request) -> Response {
    let hints = request.extensions().get::<EarlyHints>().cloned().expect("it is over HTTP/1.1");
    loop {
        _ = hints.send([format!("<{}>", "a".repeat(8 << 10))]); // it waits where there is too much
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_client_that_takes_no_hints_is_given_up_in_time() {
    let server = Server::with("[web]\nsend_timeout = '200ms'\n", Some(Arc::new(handler_fn(flood))));
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    server.time_until(|| server.is_alone());
    drop(client);
    wait_until("it is given up", || server.is_alone());
}

#[test]
fn hints_come_over_http2_while_the_handler_still_works() {
    let server = Server::with("[web]\nhttp2 = 'cleartext'\n", Some(Arc::new(handler_fn(hint))));
    let mut client = server.http2(|_| ());
    let mut stream = client.open(get("/"), false);
    let interim = client.interim(&mut stream).expect("the answer waits for the content");
    assert_eq!(interim.status(), 103);
    assert_eq!(interim.headers()["link"], "</site.css>; rel=preload; as=style");
    stream.sending.send_data(Bytes::from_static(b"body"), true).expect("there is room");
    let answer = client.answer(stream).expect("the stream is answered");
    assert_eq!(
        (answer.status().as_u16(), answer.body().as_slice(), answer.headers().get("link")),
        (200, &b"body"[..], None)
    );
}

#[test]
fn hints_of_a_handler_that_answers_at_once_come_before_the_answer_over_http2() {
    let server = Server::with("[web]\nhttp2 = 'cleartext'\n", Some(Arc::new(handler_fn(hint))));
    let mut client = server.http2(|_| ());
    let mut stream = client.open(get("/"), true);
    assert_eq!(client.interim(&mut stream).map(|interim| interim.status().as_u16()), Some(103));
    assert_eq!(client.answer(stream).expect("the stream is answered").status(), 200);
}

/// Sends hints of 1 KiB until it is told that there are too many; answers with how many those were.
async fn many(request: Request) -> Response {
    let hints = request.extensions().get::<EarlyHints>().cloned().expect("it is over HTTP/2");
    let mut sent = 0;
    while hints.send([format!("<{}>", "a".repeat((1 << 10) - 2))]).is_ok() {
        sent += 1;
        tokio::task::yield_now().await;
    }
    Response::new(ResponseBody::full(sent.to_string()))
}

#[test]
fn a_handler_cannot_fill_the_memory_with_hints_over_http2() {
    let server = Server::with("[web]\nhttp2 = 'cleartext'\n", Some(Arc::new(handler_fn(many))));
    let mut client = server.http2(|_| ());
    let answer = client.get("/").expect("the stream is answered");
    let sent: u32 = String::from_utf8_lossy(answer.body()).parse().expect("it is a number");
    assert_eq!(sent, 32, "16 KiB that were sent, and 16 that wait");
}
