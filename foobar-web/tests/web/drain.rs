//! How the tier ends.

use std::io::BufRead;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use foobar_core::{MakeHandler, Readiness, Request, Response, ResponseBody, Tier, handler_fn};
use foobar_web::{Address, WebTier};

use crate::support::{PATIENCE, Server, answers, log_of};

/// An application that says when it has a request, and answers when it is told to.
pub(crate) fn gated() -> (Arc<dyn MakeHandler>, Receiver<()>, Arc<tokio::sync::Semaphore>) {
    let (arrived, arrivals): (Sender<()>, _) = channel();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let opened = gate.clone();
    let app = handler_fn(move |_: Request| {
        let (arrived, opened) = (arrived.clone(), opened.clone());
        async move {
            arrived.send(()).expect("the test waits");
            _ = opened.acquire().await;
            Response::new(ResponseBody::full("done"))
        }
    });
    (Arc::new(app), arrivals, gate)
}

#[test]
fn a_request_in_flight_is_finished_idle_connections_are_closed_and_new_ones_refused() {
    let (app, arrivals, gate) = gated();
    let server = Server::with("", Some(app));
    let Address::Tcp(address) = server.web.addresses().remove(0) else { panic!("it listens on TCP") };
    let mut idle = server.connect();
    let mut busy = server.connect();
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    arrivals.recv().expect("the request arrives");

    let client = std::thread::spawn(move || {
        assert_eq!(idle.rest(), "");
        while TcpStream::connect(address).is_ok() {}
        gate.add_permits(1);
        busy.rest()
    });
    server.drain_at_leisure();
    let text = client.join().expect("the client does not panic");
    assert!(text.contains("connection: close") && text.ends_with("done") && answers(&text) == 1, "{text}");
    assert_eq!(server.web.readiness(), Readiness::not("it is draining"));
}

pub(crate) fn address(server: &Server) -> SocketAddr {
    let Address::Tcp(address) = server.web.addresses().remove(0) else { panic!("it listens on TCP") };
    address
}

/// Returns when the server takes no new connections.
pub(crate) fn wait_until_it_drains(address: SocketAddr) {
    while TcpStream::connect(address).is_ok() {}
}

#[test]
fn a_request_that_is_on_its_way_on_an_idle_connection_is_answered_as_the_last() {
    let server = Server::start("");
    let (mut used, fresh) = (server.connect(), server.accept());
    assert_eq!(used.get("/first").status(), 200);
    let address = address(&server);
    std::thread::scope(|scope| {
        let client = scope.spawn(move || {
            wait_until_it_drains(address);
            [used, fresh].map(|mut client| {
                client.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
                client.rest()
            })
        });
        server.drain_in_no_time();
        for text in client.join().expect("the client does not panic") {
            assert!(text.ends_with("GET /page") && text.contains("connection: close"), "{text}");
        }
    });
}

#[test]
fn an_idle_connection_ends_half_a_second_after_a_drain_has_begun() {
    let server = Server::start("");
    let mut idle = server.connect();
    idle.get("/");
    let address = address(&server);
    std::thread::scope(|scope| {
        scope.spawn(|| server.drain_in_no_time());
        wait_until_it_drains(address);
        let time = server.time_until_told(&mut idle);
        let rest = idle.rest();
        drop(idle);
        assert!(rest.is_empty() && (400..=700).contains(&time.as_millis()), "{time:?} {rest}");
    });
}

#[test]
fn the_first_byte_of_a_proxy_may_be_on_its_way_when_a_drain_begins() {
    let server = Server::start("[web]\nlisten = ['127.0.0.1:0 proxy_protocol']\ntrusted_proxies = ['127.0.0.1']");
    let (mut proxy, address) = (server.accept(), address(&server));
    std::thread::scope(|scope| {
        let client = scope.spawn(move || {
            wait_until_it_drains(address);
            proxy.send("PROXY UNKNOWN\r\nGET /page HTTP/1.1\r\nHost: a\r\n\r\n");
            proxy.rest()
        });
        server.drain_in_no_time();
        let text = client.join().expect("the client does not panic");
        assert!(text.ends_with("GET /page") && text.contains("connection: close"), "{text}");
    });
}

#[test]
fn an_upload_goes_on_in_a_drain_and_is_answered() {
    let server = Server::start("[web]\nmin_rate = '0'\n");
    let mut client = server.connect();
    client.send_to(&server, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    let address = address(&server);
    std::thread::scope(|scope| {
        let client = scope.spawn(move || {
            wait_until_it_drains(address);
            client.send("world");
            client.rest()
        });
        server.drain_in_no_time();
        let text = client.join().expect("the client does not panic");
        assert!(text.ends_with("helloworld") && text.contains("connection: close"), "{text}");
    });
}

#[test]
fn the_rest_of_a_body_that_nobody_reads_is_not_waited_for() {
    let server = Server::start("[web]\nmin_rate = '0'\n");
    let mut client = server.connect();
    client.send("POST /ignored HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(client.answer().body, "POST /ignored");
    server.drain_at_leisure();
    assert_eq!(client.stream.fill_buf().expect("it is not reset"), b"");
}

#[test]
fn an_answer_that_is_on_its_way_is_sent_whole() {
    let server = Server::start("[web]\nkeepalive_timeout = '100ms'\nmin_rate = '0'\n");
    let Address::Tcp(address) = server.web.addresses().remove(0) else { panic!("it listens on TCP") };
    let mut busy = server.connect();
    busy.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    busy.stream.fill_buf().expect("the answer begins");
    for _ in 0..3 {
        assert_eq!(server.connect().get("/").status(), 200);
        let mut idle = server.connect();
        idle.get("/");
        server.time_until(|| idle.is_told());
        assert_eq!(idle.rest(), ""); // the time of an idle connection is over
    }
    let client = std::thread::spawn(move || {
        while TcpStream::connect(address).is_ok() {}
        busy.answer().body.len()
    });
    server.drain_at_leisure();
    assert_eq!(client.join().expect("the client does not panic"), 64 << 20);
}

#[test]
fn what_is_not_finished_at_the_deadline_is_dropped_and_logged() {
    let log = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
    let (app, arrivals, _gate) = gated();
    let server = Server::with(&format!("[web]\naccess_log = '{}'\n", log.path().display()), Some(app));
    let mut busy = server.connect();
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    arrivals.recv().expect("the request arrives");
    let begun = Instant::now();
    server.drain(Duration::from_millis(200));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(busy.rest(), "");
    let text = log_of(&server, log.path());
    assert!(text.contains("\"GET / HTTP/1.1\" 499 0 "), "{text}");
}

#[test]
fn a_request_that_waits_in_the_queue_of_the_socket_is_still_answered() {
    let (app, arrivals, gate) = gated();
    let server = Server::with("[web]\nworker_connections = 1\n", Some(app));
    let mut first = server.connect();
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    arrivals.recv().expect("the first request arrives");
    let mut waiting = server.connect();
    waiting.send("GET /waiting HTTP/1.1\r\nHost: a\r\n\r\n");
    let client = std::thread::spawn(move || {
        arrivals.recv().expect("the waiting request arrives");
        gate.add_permits(1);
        (first.rest(), waiting.rest())
    });
    server.drain_at_leisure();
    let (first, waiting) = client.join().expect("the client does not panic");
    assert!(first.ends_with("done") && waiting.ends_with("done"), "{first} {waiting}");
}

#[test]
fn a_long_queue_of_the_socket_is_answered_whole() {
    let (app, arrivals, gate) = gated();
    let server = Server::with("[web]\nworker_connections = 1\n", Some(app));
    let mut clients = Vec::new();
    for _ in 0..300 {
        let mut client = server.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        if clients.is_empty() {
            arrivals.recv().expect("the first request arrives");
        }
        clients.push(client);
    }
    let client = std::thread::spawn(move || {
        for _ in 1..300 {
            arrivals.recv_timeout(PATIENCE).expect("each request arrives");
        }
        gate.add_permits(300);
        clients.iter_mut().map(|client| client.rest()).filter(|text| text.ends_with("done")).count()
    });
    server.drain_at_leisure();
    assert_eq!(client.join().expect("the client does not panic"), 300);
}
