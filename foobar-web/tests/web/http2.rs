//! HTTP/2 as curl speaks it: over TLS and by prior knowledge, with the answers that HTTP/1 gives.

#![expect(clippy::unwrap_used, reason = "a failure here is one of the test that asks")]

use std::fs;
use std::io::{Read, Write};
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use bytes::Bytes;
use foobar_core::{BoxError, Upgrade, handler_fn};
use foobar_web::{Address, WebTier};
use h2::Reason;
use http::{HeaderName, HeaderValue, Request, StatusCode};
use http_body::{Body, Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::http2::{PREFACE, frame, get};
use super::support::tls::Authority;
use super::support::{Server, log_of, wait_until};

/// A server that speaks HTTP/2 over TLS and without, of one site at `a.test` that has these files.
pub(crate) fn server(authority: &Authority, web: &str, files: &[(&str, &[u8])]) -> Server {
    let certificate = authority.issue("a", &["a.test"]);
    let root = authority.path("root");
    fs::create_dir_all(&root).expect("the temporary folder is writable");
    files.iter().for_each(|(name, content)| fs::write(root.join(name), content).expect("a file can be written"));
    Server::start(&format!(
        "[web]\nlisten = [\"127.0.0.1:0\", \"127.0.0.2:0 ssl\"]\nhttp2 = \"cleartext\"\n{web}[sites.a]\nserver_name = \"a.test\"\nhttps = \"keep\"\nroot = {root:?}\n{}",
        certificate.settings()
    ))
}

/// What curl prints of these requests, which are for the same server: one to each path.
pub(crate) fn curl(server: &Server, options: &[&str], paths: &[&str]) -> String {
    let (scheme, address) = match options.contains(&"--http2") {
        true => ("https", server.tls_address()),
        false => ("http", plain(server)),
    };
    let resolve = format!("a.test:{}:{}", address.port(), address.ip());
    let urls = paths.iter().map(|path| format!("{scheme}://a.test:{}{path}", address.port()));
    let output = Command::new("curl")
        .args(["-s", "-S", "-k", "--max-time", "60", "--resolve", &resolve])
        .args(options)
        .args(urls)
        .output()
        .expect("curl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn plain(server: &Server) -> std::net::SocketAddr {
    let tcp = |address| if let Address::Tcp(address) = address { Some(address) } else { None };
    server.web.addresses().into_iter().find_map(tcp).expect("it listens on TCP")
}

const WAYS: [&str; 2] = ["--http2", "--http2-prior-knowledge"];

#[test]
fn files_and_the_application_are_answered_over_http2() {
    let authority = Authority::new();
    let large: String = (0..3_000_000_u32).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let server = server(&authority, "", &[("small.txt", b"small"), ("large.txt", large.as_bytes())]);
    for way in WAYS {
        let version = ["-w", "\n%{http_version} %{response_code}\n", way];
        for _ in 0..2 {
            assert_eq!(curl(&server, &version, &["/small.txt"]), "small\n2 200\n");
            assert_eq!(curl(&server, &version, &["/app?x"]), "GET /app?x\n2 200\n");
            assert!(curl(&server, &[way], &["/large.txt"]) == large, "{way}");
        }
        let body = format!("@{}", authority.path("root").join("large.txt").display());
        let sent = ["--data-binary", &body[..], way];
        assert!(curl(&server, &sent, &["/echo"]).contains("Payload Too Large"), "{way}");
        fs::write(authority.path("sent"), &large[..900_000]).expect("a file can be written");
        let body = format!("@{}", authority.path("sent").display());
        assert!(curl(&server, &["--data-binary", &body, way], &["/echo"]) == large[..900_000], "{way}");
    }
}

#[test]
fn the_answers_are_those_of_http1_over_tls() {
    let authority = Authority::new();
    let server = server(&authority, "", &[("a.txt", &b"0123456789".repeat(500)), ("index.html", b"<p>")]);
    for (path, options) in [
        ("/", &[][..]),
        ("/a.txt", &[]),
        ("/a.txt", &["-I"]),
        ("/a.txt", &["-H", "Range: bytes=1-3"]),
        ("/a.txt", &["-H", "Range: bytes=9999-"]),
        ("/a.txt", &["-H", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"]),
        ("/a.txt", &["-H", "Accept-Encoding: gzip"]),
        ("/a.txt", &["-X", "DELETE"]),
        ("/app", &[]),
        ("/app", &["-I"]),
        ("/app", &["-d", "x=y"]),
        ("/echo", &["-d", "x=y"]),
        ("/500", &[]),
        ("/stream", &["-I"]),
        ("/panic", &[]),
        ("/app", &["-X", "TRACE"]),
        ("/%00", &[]),
        ("/b\u{e4}r", &[]),
        ("/app", &["-H", "Expect: nothing"]),
    ] {
        let ask = |way: &str| {
            let text = curl(&server, &[&["-i", "--http2", way], options].concat(), &[path]);
            let (head, body) = text.split_once("\r\n\r\n").expect("there is a head");
            let mut fields: Vec<_> = head.lines().skip(1).filter(|line| is_the_same(line)).map(str::to_owned).collect();
            fields.sort();
            let status = head.split(' ').nth(1).expect("there is a status").to_owned();
            (status, fields, body.split("urn:foobar:request:").next().map(str::to_owned))
        };
        for _ in 0..2 {
            assert_eq!(ask("--http2"), ask("--http1.1"), "{path} {options:?}");
        }
    }
}

/// Whether a field is the same in each answer to the same request, over whatever version.
fn is_the_same(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    !["date", "x-request-id", "connection", "transfer-encoding"].contains(&name)
        && !line.contains("boundary=")
        && !line.contains("urn:foobar:request:")
}

#[test]
fn streams_whose_client_gives_no_room_are_reset_after_send_timeout() {
    let authority = Authority::new();
    let server = server(&authority, "send_timeout = \"20s\"\nmin_rate = \"0\"\n", &[("a.txt", b"something")]);
    for window in [0, 1] {
        let mut client = server.http2(move |settings| _ = settings.initial_window_size(window));
        let mut streams: Vec<_> = (0..100).map(|_| client.open(get("/a.txt"), true)).collect();
        let time = server.time_until(|| streams.iter_mut().all(|stream| stream.end() == Some(Err(Reason::CANCEL))));
        assert!(streams.iter_mut().all(|stream| stream.got == window as usize));
        assert!((19..=22).contains(&time.as_secs()), "{time:?}");
        assert_eq!(client.end(), None);
    }
}

#[test]
fn a_client_that_gives_room_byte_by_byte_is_held_to_min_rate() {
    let authority = Authority::new();
    let web = "send_timeout = \"60s\"\nmin_rate = \"100B\"\nmin_rate_grace = \"5s\"\n";
    let server = server(&authority, web, &[("a.txt", &[b'x'; 1000])]);
    let mut client = server.http2(|settings| _ = settings.initial_window_size(1));
    let mut stream = client.open(get("/a.txt"), true);
    let mut drip = |least: usize| {
        let end = stream.end();
        stream.give_room();
        end.is_some() || stream.got >= least
    };
    wait_until("some of it has come", || drip(3));
    let time = server.time_until(|| drip(1000));
    assert_eq!(stream.end(), Some(Err(Reason::CANCEL)));
    assert!((4..=15).contains(&time.as_secs()) && stream.got < 1000, "{time:?}, {} bytes", stream.got);
    assert_eq!(client.end(), None);
}

#[test]
fn an_idle_connection_ends_after_keepalive_timeout() {
    let authority = Authority::new();
    let server = server(&authority, "keepalive_timeout = \"30s\"\n", &[("a.txt", b"something")]);
    let mut client = server.http2(|_| {});
    assert_eq!(client.get("/a.txt").unwrap().body(), b"something");
    let mut end = None;
    let time = server.time_until(|| {
        end = end.or(client.end());
        end.is_some()
    });
    assert!((29..=32).contains(&time.as_secs()), "{time:?}");
    assert!(matches!(end, Some(None | Some(Reason::NO_ERROR))), "{end:?}");
}

#[test]
fn a_preface_and_a_header_block_that_do_not_end_have_client_header_timeout() {
    let authority = Authority::new();
    let server = server(&authority, "", &[]);
    let begun = [PREFACE, &frame(4, 0, 0, &[]), &frame(1, 1, 1, &[0x82])].concat();
    for bytes in [&PREFACE[..10], &begun] {
        let mut client = server.accept();
        client.send(bytes);
        let time = server.time_until(|| server.is_alone());
        assert!((9..=12).contains(&time.as_secs()), "{time:?}");
    }
}

#[test]
fn a_flood_of_frames_that_carry_nothing_ends_the_connection() {
    let authority = Authority::new();
    let server = server(&authority, "", &[("a.txt", b"something")]);
    for flood in [frame(6, 0, 0, &[0; 8]), frame(4, 0, 0, &[]), frame(2, 0, 1, &[0, 0, 0, 0, 1])] {
        let mut socket = server.plain_socket();
        let all = [PREFACE, &frame(4, 0, 0, &[]), &flood.repeat(50_000)].concat();
        let mut writer = socket.try_clone().unwrap();
        let writing = thread::spawn(move || _ = writer.write_all(&all)); // it is cut off
        let mut told = Vec::new();
        _ = socket.read_to_end(&mut told); // a reset may follow
        writing.join().unwrap();
        let goaway = told.windows(9).any(|frame| frame[3..5] == [7, 0] && frame[..3] == [0, 0, 8]);
        assert!(goaway && told.windows(4).any(|code| code == [0, 0, 0, 11]), "{}", flood[3]);
    }
    assert_eq!(server.http2(|_| {}).get("/a.txt").unwrap().body(), b"something");
}

#[test]
fn a_browser_that_opens_and_cancels_many_streams_is_not_cut_off() {
    let authority = Authority::new();
    let server = server(&authority, "keepalive_requests = 2000\n", &[("a.txt", b"something")]);
    let mut client = server.http2(|_| {});
    for _ in 0..10 {
        let streams: Vec<_> = (0..100).map(|_| client.open(get("/never"), true)).collect();
        drop(streams);
    }
    let answer = loop {
        match client.get("/a.txt") {
            Err(error) if error.reason() == Some(Reason::REFUSED_STREAM) => {} // what was cancelled has not ended yet
            answer => break answer.unwrap(),
        }
    };
    assert_eq!(answer.body(), b"something");
    assert_eq!(client.end(), None);
}

#[test]
fn the_last_of_keepalive_requests_is_answered_and_the_connection_ends() {
    let authority = Authority::new();
    let server = server(&authority, "keepalive_requests = 3\n", &[("a.txt", b"something")]);
    let mut client = server.http2(|_| {});
    for path in ["/a.txt", "/app", "/a.txt"] {
        assert_eq!(client.get(path).unwrap().status(), 200);
    }
    assert_eq!(client.wait_for_end(), None);
}

#[test]
fn requests_beyond_a_limit_are_refused_and_others_go_on() {
    let authority = Authority::new();
    let server =
        server(&authority, "max_headers = 10\nmax_request_line = \"1KiB\"\nclient_max_body_size = \"10B\"\n", &[]);
    let mut client = server.http2(|_| {});
    assert_eq!(client.get(&format!("/{}", "a".repeat(1100))).unwrap().status(), 414);
    let mut many = get("/app");
    (0..11).for_each(|n| {
        _ = many.headers_mut().insert(HeaderName::try_from(format!("x-{n}")).unwrap(), "1".parse().unwrap())
    });
    assert_eq!(client.ask(many).unwrap().status(), 431);
    let mut upload = client.open(Request::post("http://a.test/echo").body(()).unwrap(), false);
    upload.sending.send_data("12345678901".into(), true).unwrap();
    assert_eq!(client.answer(upload).unwrap().status(), 413);
    let mut other = get("/app");
    other.headers_mut().insert("host", "b.test".parse().unwrap());
    assert_eq!(client.ask(other).unwrap().status(), 400);
    assert_eq!(client.get("/app").unwrap().body(), b"GET /app");
    assert_eq!(server.figure("requests_refused_total"), 4);
}

#[test]
fn a_drain_lets_streams_end_and_takes_no_more() {
    let authority = Authority::new();
    let server = server(&authority, "", &[]);
    let mut client = server.http2(|_| {});
    let mut idle = server.http2(|_| {});
    assert_eq!(idle.get("/app").unwrap().status(), 200);
    let mut stream = client.open(get("/ticks"), true);
    wait_until("the answer has begun", || {
        assert_eq!(stream.end(), None);
        stream.got > 0
    });
    server.drain_at_leisure();
    wait_until("the answer has ended", || stream.end().is_some());
    assert_eq!((stream.end(), stream.got), (Some(Ok(())), 5));
    assert_eq!((client.wait_for_end(), idle.wait_for_end()), (None, None));
}

#[test]
fn http2_is_spoken_to_whom_the_key_says() {
    let authority = Authority::new();
    let config = Arc::new({
        let mut config = authority.client();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    });
    let certificate = authority.issue("a", &["a.test"]);
    for (value, over_tls, without) in [("false", false, false), ("true", true, false), ("\"cleartext\"", true, true)] {
        let listen = "listen = [\"127.0.0.1:0\", \"127.0.0.2:0 ssl\"]";
        let site = format!("[sites.a]\nserver_name = \"a.test\"\n{}", certificate.settings());
        let server = Server::start(&format!("[web]\n{listen}\nhttp2 = {value}\n{site}"));
        let agreed =
            server.connect_tls(&config, "a.test").unwrap().stream.get_ref().conn.alpn_protocol() == Some(b"h2");
        let mut plain = server.connect();
        plain.send([PREFACE, &frame(4, 0, 0, &[])].concat());
        let mut first = [0; 5];
        plain.stream.read_exact(&mut first).unwrap();
        assert_eq!((agreed, (first[..2] == [0, 0] && first[3] == 4)), (over_tls, without), "{value}");
    }
}

#[test]
fn a_client_is_told_how_many_streams_it_may_have() {
    let authority = Authority::new();
    let server = server(&authority, "http2_max_concurrent_streams = 7\n", &[]);
    let mut client = server.http2(|_| {});
    assert_eq!(client.get("/app").unwrap().status(), 200);
    assert_eq!(client.requests.current_max_send_streams(), 7);
}

/// Answers 101 to what looks like a WebSocket over HTTP/1.1, and sends back each byte; 200 to anything else.
async fn echo(request: foobar_core::Request) -> foobar_core::Response {
    let mut response = foobar_core::Response::new(foobar_core::ResponseBody::full("no upgrade"));
    let field = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asks = field("upgrade") == "websocket" && !field("sec-websocket-key").is_empty() && request.method() == "GET";
    let upgrade = request.extensions().get::<Upgrade>().filter(|_| asks && request.uri() == "/socket");
    let Some(connection) = upgrade.and_then(Upgrade::take) else { return response };
    tokio::task::spawn_local(async move {
        let mut connection = connection.await.expect("the connection comes");
        let mut byte = [0];
        while connection.read(&mut byte).await.is_ok_and(|read| read > 0) {
            connection.write_all(&byte).await.expect("the client reads");
        }
    });
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("sec-websocket-accept", HeaderValue::from_static("of HTTP/1"));
    response
}

fn websocket(protocol: &'static str, path: &str) -> Request<()> {
    let uri = format!("http://a.test{path}");
    Request::connect(uri).extension(h2::ext::Protocol::from_static(protocol)).body(()).unwrap()
}

#[test]
fn a_websocket_is_an_upgrade_to_its_handler_and_ends_with_a_drain() {
    let server = Server::with("[web]\nhttp2 = \"cleartext\"\n", Some(Arc::new(handler_fn(echo))));
    let mut client = server.http2(|_| {});
    assert_eq!(client.get("/socket").unwrap().body(), b"no upgrade");
    let mut socket = client.open(websocket("websocket", "/socket"), false);
    socket.sending.send_data("hello".into(), false).unwrap();
    wait_until("it is echoed", || {
        assert_eq!(socket.end(), None);
        socket.got == 5
    });
    assert_eq!(client.get("/other").unwrap().body(), b"no upgrade", "the connection goes on");
    server.drain_at_leisure();
    wait_until("it has ended", || socket.end().is_some());
    assert_eq!(socket.end(), Some(Ok(())));
}

#[test]
fn what_no_handler_takes_is_no_websocket() {
    let server = Server::with("[web]\nhttp2 = \"cleartext\"\n", Some(Arc::new(handler_fn(echo))));
    let mut client = server.http2(|_| {});
    assert_eq!(client.get("/").unwrap().status(), 200);
    for request in [websocket("websocket", "/other"), websocket("connect-udp", "/socket")] {
        let stream = client.open(request, false);
        assert_eq!(client.answer(stream).unwrap().status(), 501);
    }
}

#[test]
fn an_upload_that_stops_is_408() {
    let authority = Authority::new();
    let server = server(&authority, "", &[]);
    let mut client = server.http2(|_| {});
    let mut upload = client.open(Request::post("http://a.test/echo").body(()).unwrap(), false);
    upload.sending.send_data("begun".into(), false).unwrap();
    let mut status = None;
    let time = server.time_until(|| {
        status = status.or_else(|| upload.status());
        status.is_some()
    });
    assert!(status == Some(408) && (4..=31).contains(&time.as_secs()), "{status:?} {time:?}");
}

#[test]
fn a_body_that_fails_in_the_middle_resets_its_stream_alone() {
    let server = Server::with("[web]\nhttp2 = \"cleartext\"\n", Some(Arc::new(handler_fn(short))));
    let mut client = server.http2(|_| {});
    for path in ["/short", "/long"] {
        let mut stream = client.open(get(path), true);
        wait_until("it ends", || stream.end().is_some());
        assert_eq!(stream.end(), Some(Err(Reason::INTERNAL_ERROR)), "{path}");
    }
    assert_eq!(client.get("/right").unwrap().body(), b"12345");
}

/// A body whose length is not that of the head.
async fn short(request: foobar_core::Request) -> foobar_core::Response {
    let (length, text) = match request.uri().path() {
        "/short" => (9, "12345"),
        "/long" => (3, "12345"),
        _ => (5, "12345"),
    };
    let mut response = foobar_core::Response::new(foobar_core::ResponseBody::stream(Unsized(Some(text))));
    response.headers_mut().insert("content-length", length.into());
    response
}

/// Says nothing of its length.
struct Unsized(Option<&'static str>);

impl Body for Unsized {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.0.take().map(|text| Ok(Frame::data(text.into()))))
    }
}

#[test]
fn cookies_are_joined_and_the_log_says_http2() {
    let authority = Authority::new();
    let log = authority.path("access.log");
    let server = server(&authority, &format!("access_log = {log:?}\n"), &[("a.txt", b"something")]);
    let mut client = server.http2(|_| {});
    assert_eq!(client.get("/a.txt?q").unwrap().status(), 200);
    assert_eq!(client.get("/a.txt?q").unwrap().status(), 200);
    let mut request = get("/cookies");
    ["a=1", "b=2"].iter().for_each(|crumb| _ = request.headers_mut().append("cookie", HeaderValue::from_static(crumb)));
    assert_eq!(client.ask(request).unwrap().body(), b"a=1; b=2");
    server.drain_at_leisure();
    let lines = log_of(&server, &log);
    assert_eq!(lines.matches("\"GET /a.txt?q HTTP/2.0\" 200 9").count(), 2, "{lines}");
}

#[test]
fn an_idle_connection_makes_room_for_another() {
    let server = Server::start("[web]\nhttp2 = \"cleartext\"\nworker_connections = 1\n");
    let mut first = server.http2(|_| {});
    assert_eq!(first.get("/app").unwrap().status(), 200);
    let mut second = server.http2(|_| {});
    assert_eq!(second.get("/app").unwrap().status(), 200);
    assert_eq!(first.wait_for_end(), None);
}
