//! The PROXY protocol: who connected to the proxy in front counts as if it had connected here.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use foobar_core::{ConnectInfo, Request, Response, ResponseBody, handler_fn};
use foobar_web::{Address, Web};

use crate::support::tls::Authority;
use crate::support::{Client, STEP, Server, log_of, settings, wait_until};

/// A server that answers `/fast` by the fast path, and all else by saying who asked.
fn server(web: &str, site: &str) -> Server {
    let toml = format!("[web]\n{web}\n[sites.a]\n{site}\nroutes.'/fast'.respond = 200\n");
    Server::with(&toml, Some(Arc::new(handler_fn(told))))
}

async fn told(request: Request) -> Response {
    let connection = request.extensions().get::<ConnectInfo>().copied().expect("the web tier says where it came from");
    let claim = request.headers().get("x-forwarded-for").map_or("-", |claim| claim.to_str().expect("it is text"));
    Response::new(ResponseBody::full(format!("{:?} {:?} {claim}", connection.remote, connection.local)))
}

const LISTEN: &str = "listen = ['127.0.0.1:0 proxy_protocol']\ntrusted_proxies = ['127.0.0.1']";
const LINE: &str = "PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\n";
const ASK: &str = "GET /app HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A header of version 2.
fn binary(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("it is short").to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, content].concat()
}

#[test]
fn the_client_of_a_header_is_that_of_the_connection() {
    let server = server(LISTEN, "");
    let v6: Vec<u8> = (0..32).chain([0xdc, 0x04, 1, 0xbb]).collect();
    let own = |bytes: Vec<u8>| [&bytes, ASK.as_bytes()].concat();
    for (bytes, remote) in [
        (own(LINE.into()), "Some(203.0.113.9:56324) Some(192.0.2.1:443)"),
        (own(binary(0x21, 0x11, &[203, 0, 113, 9, 192, 0, 2, 1, 0xdc, 0x04, 1, 0xbb])), "Some(203.0.113.9:56324)"),
        (own(binary(0x21, 0x21, &v6)), "Some([1:203:405:607:809:a0b:c0d:e0f]:56324)"),
        (own(b"PROXY UNKNOWN\r\n".to_vec()), "Some(127.0.0.1:"),
        (own(binary(0x20, 0, &[])), "Some(127.0.0.1:"),
        (own(binary(0x21, 0x31, &[b'/'; 216])), "Some(127.0.0.1:"),
    ] {
        let answer = server.talk(&bytes);
        assert!(answer.contains(&format!("\r\n\r\n{remote}")), "{answer}");
    }
}

#[test]
fn what_is_no_header_is_closed_without_an_answer() {
    let server = server(LISTEN, "");
    for bytes in [ASK.as_bytes().to_vec(), binary(0x21, 0x11, &[0; 3]), b"PROXY TCP4 1.2.3.4\r\n".to_vec()] {
        assert_eq!(server.talk(bytes), "");
    }
    let mut cut_off = server.connect();
    cut_off.send("PROXY TCP4 203.");
    cut_off.stream.get_ref().shutdown(Shutdown::Write).expect("it is connected");
    assert_eq!(cut_off.rest(), "");
    let mut silent = server.connect();
    silent.stream.get_ref().shutdown(Shutdown::Write).expect("it is connected");
    assert_eq!(silent.rest(), "");
    server.wait_until_alone();
}

#[test]
fn a_peer_that_is_no_trusted_proxy_is_closed_whatever_it_sends() {
    let server = server(&LISTEN.replace("['127.0.0.1']", "['10.0.0.0/8', 'unix']"), "");
    assert_eq!(server.talk(format!("{LINE}{ASK}")), "");
    assert_eq!(server.figure("connections_turned_away_total"), 1);
}

#[test]
fn a_header_may_come_byte_by_byte() {
    let server = server(LISTEN, "");
    let v2 = binary(0x21, 0x11, &[203, 0, 113, 9, 192, 0, 2, 1, 0xdc, 0x04, 1, 0xbb, 4, 0, 1, 9]);
    for header in [LINE.as_bytes(), &v2] {
        let mut client = server.accept();
        client.stream.get_ref().set_nodelay(true).expect("it is a socket");
        header.iter().for_each(|byte| client.send([*byte]));
        client.send(ASK);
        let answer = client.rest();
        assert!(answer.contains("\r\n\r\nSome(203.0.113.9:56324)"), "{answer}");
    }
}

#[test]
fn a_header_that_does_not_come_in_time_is_waited_for_as_long_as_for_a_handshake() {
    let server = server(&format!("{LISTEN}\nssl_handshake_timeout = '3s'"), "");
    let (mut silent, mut slow) = (server.accept(), server.accept());
    slow.send("PROXY ");
    let time = server.time_until(|| server.is_alone());
    assert!(time >= Duration::from_secs(3) - STEP && time <= Duration::from_secs(3) + 2 * STEP, "{time:?}");
    assert_eq!((silent.rest(), slow.rest()), (String::new(), String::new()));
}

#[test]
fn a_connection_without_its_header_ends_with_a_drain() {
    let server = server(LISTEN, "");
    let _silent = server.accept();
    server.drain_at_leisure();
}

#[test]
fn what_the_client_claims_counts_only_if_its_address_is_trusted() {
    let server = server(&LISTEN.replace("'127.0.0.1']", "'127.0.0.1', '198.51.100.0/24']"), "");
    let ask = |remote: &str| {
        let ask = ASK.replace("Host", "X-Forwarded-For: 192.0.2.66\r\nHost");
        let answer = server.talk(format!("PROXY TCP4 {remote} 192.0.2.1 1 2\r\n{ask}"));
        answer.split("\r\n\r\n").nth(1).expect("it has a body").to_owned()
    };
    assert!(ask("203.0.113.9").starts_with("Some(203.0.113.9:1) ") && ask("203.0.113.9").ends_with(" -"));
    assert!(ask("198.51.100.7").starts_with("Some(192.0.2.66:0) ") && ask("198.51.100.7").ends_with(" 192.0.2.66"));
}

#[test]
fn the_log_has_the_client_of_the_header_on_each_way() {
    let log = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
    let server = server(&format!("access_log = '{}'\n{LISTEN}", log.path().display()), "");
    for path in ["/fast", "/app", "/bad\u{7f}"] {
        server.talk(format!("{LINE}{}", ASK.replace("/app", path)));
    }
    server.drain_at_leisure();
    let text = log_of(&server, log.path());
    assert!(text.lines().count() == 3 && text.lines().all(|line| line.starts_with("203.0.113.9 ")), "{text}");
}

#[test]
fn connections_per_address_counts_the_client_of_the_header() {
    let server = server(&format!("{LISTEN}\nconnections_per_address = 1"), "");
    let mut first = server.connect();
    first.send(format!("{LINE}{}", ASK.replace("Connection: close\r\n", "")));
    assert_eq!(first.answer().status(), 200);
    assert_eq!(server.talk(format!("{LINE}{ASK}")), "");
    assert_eq!(server.figure("connections_turned_away_total"), 1);
    assert!(server.talk(format!("{}{ASK}", LINE.replace("113.9", "113.10"))).starts_with("HTTP/1.1 200 "));
    drop(first);
    wait_until("its place is free again", || server.talk(format!("{LINE}{ASK}")).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_header_comes_before_tls() {
    let authority = Authority::new();
    let files = authority.issue("a", &["a.test"]);
    let server = server(&LISTEN.replace(":0 ", ":0 ssl "), &files.settings());
    let config = Arc::new(authority.client());
    let name = rustls::pki_types::ServerName::try_from("a.test").expect("it is a name");
    let session = rustls::ClientConnection::new(config, name).expect("the configuration is good");
    let mut socket = server.tls_socket();
    socket.write_all(LINE.as_bytes()).expect("the server reads");
    let mut stream = rustls::StreamOwned::new(session, socket);
    stream.write_all(ASK.as_bytes()).expect("the handshake is done");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the end is announced");
    assert!(answer.contains("\r\n\r\nSome(203.0.113.9:56324)"), "{answer}");
    let mut without = server.tls_socket();
    without.write_all(&[22, 3, 1, 0, 200, 1]).expect("the server reads");
    assert_eq!(Client::new(without).rest(), "");
}

#[test]
fn a_unix_socket_takes_a_header_too() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let path = folder.path().join("socket");
    let listen = format!("listen = ['unix:{} proxy_protocol']", path.display());
    let server = server(&format!("{listen}\ntrusted_proxies = ['unix']"), "");
    let talk = |bytes: String| {
        let mut client = UnixStream::connect(&path).expect("the server listens");
        client.write_all(bytes.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        client.read_to_string(&mut answer).map(|_| answer)
    };
    let answer = talk(format!("{LINE}{ASK}")).expect("it is answered");
    assert!(answer.contains("\r\n\r\nSome(203.0.113.9:56324)"), "{answer}");
    assert!(talk(ASK.to_owned()).map_or(true, |answer| answer.is_empty()));
    drop(server);
}

#[test]
fn a_listener_that_no_trusted_proxy_can_reach_is_an_error() {
    for (listen, trusted) in [
        ("127.0.0.1:0 proxy_protocol", "[]"),
        ("127.0.0.1:0 ssl proxy_protocol", "['unix']"),
        ("unix:/tmp/none proxy_protocol", "['127.0.0.1']"),
        ("unix:@none proxy_protocol", "['127.0.0.1']"),
        ("fd:3 proxy_protocol", "[]"),
    ] {
        let (web, sites) = settings(&format!("[web]\nlisten = ['{listen}']\ntrusted_proxies = {trusted}\n"));
        let error = Web::new(&web, &sites, None).err().expect("nobody can connect").to_string();
        assert!(error.starts_with("`web.listen`: ") && error.contains("`web.trusted_proxies` names none"), "{error}");
    }
}

#[test]
fn curl_speaks_it() {
    let server = server(LISTEN, "");
    let Some(Address::Tcp(address)) = foobar_web::WebTier::addresses(&server.web).into_iter().next() else {
        panic!("it listens on TCP")
    };
    let curl = Command::new("curl").args(["-s", "--haproxy-protocol", &format!("http://{address}/x")]).output();
    let said = String::from_utf8(curl.expect("curl is installed").stdout).expect("it is text");
    assert!(said.starts_with("Some(127.0.0.1:") && said.contains(&format!("Some({address})")), "{said}");
    drop(TcpStream::connect(address));
}
