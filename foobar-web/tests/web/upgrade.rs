//! Connections that HTTP is left for.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use foobar_core::{Request, Response, ResponseBody, Upgrade, handler_fn};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Server, answers};

/// Upgrades to a protocol that sends back each byte; 426 without the right to.
async fn echo(request: Request) -> Response {
    let mut response = Response::new(ResponseBody::empty());
    let Some(connection) = request.extensions().get::<Upgrade>().and_then(Upgrade::take) else {
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        return response;
    };
    tokio::task::spawn_local(async move {
        let mut connection = connection.await.expect("the connection comes");
        let mut byte = [0];
        while connection.read(&mut byte).await.is_ok_and(|read| read > 0) {
            connection.write_all(&byte).await.expect("the client reads");
        }
    });
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("upgrade", http::HeaderValue::from_static("echo"));
    response.headers_mut().insert("connection", http::HeaderValue::from_static("upgrade"));
    response
}

#[test]
fn a_full_upgrade_becomes_a_tunnel_and_loses_no_byte() {
    let server = Server::with("", Some(Arc::new(handler_fn(echo))));
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\nearly ");
    assert_eq!(client.answer().status(), 101);
    client.send("late");
    let mut echoed = [0; 10];
    client.stream.read_exact(&mut echoed).expect("the tunnel echoes");
    assert_eq!(&echoed, b"early late");
    assert!(server.metrics().contains("foobar_web_connections{state=\"active\"} 1\n"));
}

#[test]
fn an_upgrade_where_the_connection_would_be_closed_still_says_upgrade() {
    let server = Server::with("[web]\nkeepalive_requests = 1\n", Some(Arc::new(handler_fn(echo))));
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n!");
    let answer = client.answer();
    assert_eq!((answer.status(), answer.header("connection")), (101, Some("upgrade")));
    assert!(!answer.head.contains("close"), "{answer:?}");
    let mut echoed = [0];
    client.stream.read_exact(&mut echoed).expect("the tunnel echoes");
    assert_eq!(&echoed, b"!");
}

#[test]
fn anything_less_than_a_full_upgrade_stays_http() {
    let server = Server::with("", Some(Arc::new(handler_fn(echo))));
    for head in [
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\nContent-Length: 5\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send(format!("{head}GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        let text = client.rest();
        assert_eq!((answers(&text), text.matches(" 426 ").count()), (2, 2), "{head:?} got {text:?}");
    }
    let text = server.talk("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert!(text.contains(" 426 "), "{text}");
}

#[test]
fn what_follows_an_upgrade_that_is_declined_is_the_next_request() {
    let server = Server::start("");
    let mut client = server.connect();
    client.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().body, "GET /ws");
    assert_eq!(client.answer().body, "GET /next");
}

/// Upgrades to a protocol that sends without end.
async fn flood(request: Request) -> Response {
    let connection = request.extensions().get::<Upgrade>().and_then(Upgrade::take).expect("it asks for it");
    tokio::task::spawn_local(async move {
        let mut connection = connection.await.expect("the connection comes");
        while connection.write_all(&[0; 65_536]).await.is_ok() {}
    });
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response
}

#[test]
fn a_tunnel_whose_client_never_reads_is_given_up() {
    let server = Server::with("[web]\nsend_timeout = '200ms'\n", Some(Arc::new(handler_fn(flood))));
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: flood\r\n\r\n");
    assert_eq!(client.answer().status(), 101);
    let time = server.time_until(|| server.is_alone());
    assert!(time >= Duration::from_millis(200), "{time:?}");
}
