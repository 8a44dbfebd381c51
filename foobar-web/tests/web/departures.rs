//! What becomes of a handler and its answer when the client goes, by each way that it can, and when the server does.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use foobar_core::{BoxError, ClientAbort, MakeHandler, Request, Response, ResponseBody, handler_fn};
use foobar_web::Web;
use h2::Reason;
use http_body::{Body, Frame, SizeHint};
use socket2::SockRef;
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};

use crate::support::http2::{Http2Client, Http2Stream, PREFACE, frame};
use crate::support::tls::{Authority, TlsClient};
use crate::support::{PATIENCE, Server, log_of, settings, wait_until};

/// What becomes of a handler or a body.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Begun,
    Ended,
    Dropped,
}

/// A server that tells what becomes of its handlers.
struct Site {
    server: Server,
    told: Receiver<Told>,
    /// Lets handlers end.
    gate: Arc<Semaphore>,
    authority: Authority,
}

/// Tells of an end before the end.
struct Witness(Option<Sender<Told>>);

impl Witness {
    fn begin(told: Sender<Told>) -> Self {
        tell(&told, Told::Begun);
        Self(Some(told))
    }

    fn end(mut self) {
        self.0.take().inspect(|told| tell(told, Told::Ended));
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.take().inspect(|told| tell(told, Told::Dropped));
    }
}

fn tell(told: &Sender<Told>, what: Told) {
    _ = told.send(what); // the test may be over
}

/// A body that waits after its first piece, for as long as it is told or for ever.
struct Slow {
    pieces: std::vec::IntoIter<Bytes>,
    wait: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    length: Option<u64>,
    _witness: Witness,
}

impl Body for Slow {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(timer) = &mut self.timer {
            std::task::ready!(timer.as_mut().poll(cx));
        }
        let Some(piece) = self.pieces.next() else {
            return if self.wait.is_some() { Poll::Ready(None) } else { Poll::Pending };
        };
        self.timer = self.wait.map(|wait| Box::pin(sleep(wait))); // time is what is tested
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn app(told: Sender<Told>, gate: Arc<Semaphore>) -> Arc<dyn MakeHandler> {
    Arc::new(handler_fn(move |request| answer(request, told.clone(), Arc::clone(&gate))))
}

async fn answer(request: Request, told: Sender<Told>, gate: Arc<Semaphore>) -> Response {
    let witness = Witness::begin(told);
    let abort = request.extensions().get::<ClientAbort>().expect("each request has one");
    match request.uri().query() {
        Some("cancel") => abort.cancel(),
        Some("run") => abort.run_to_end(),
        _ => {}
    }
    let slow = |pieces: &[&'static [u8]], wait, length, witness| {
        let pieces: Vec<_> = pieces.iter().map(|piece| Bytes::from_static(piece)).collect();
        Slow { pieces: pieces.into_iter(), wait, timer: None, length, _witness: witness }
    };
    let wait = Some(Duration::from_secs(3));
    let body = match request.uri().path() {
        "/silent" | "/events" => slow(&[b"data: 1\n\n"], None, None, witness),
        "/chunks" => slow(&[b"one", b"two"], wait, None, witness),
        "/known" => slow(&[b"one", b"two"], wait, Some(6), witness),
        "/flood" => {
            Slow { pieces: vec![Bytes::from(vec![b'x'; 64 << 20])].into_iter(), ..slow(&[], None, None, witness) }
        }
        _ => {
            gate.acquire().await.expect("it is open").forget();
            witness.end();
            return Response::new(ResponseBody::full("done"));
        }
    };
    let kind = if request.uri().path() == "/events" { "text/event-stream; charset=utf-8" } else { "text/plain" };
    let mut response = Response::new(ResponseBody::stream(body));
    response.headers_mut().insert("content-type", kind.parse().expect("it is a value"));
    response
}

impl Site {
    fn start() -> Self {
        Self::with("")
    }

    fn with(web: &str) -> Self {
        let ((told, receiver), gate) = (channel(), Arc::new(Semaphore::new(0)));
        let authority = Authority::new();
        let server = Server::with(&toml(&authority, web), Some(app(told, Arc::clone(&gate))));
        Self { server, told: receiver, gate, authority }
    }

    /// One whose time passes by itself, and whose streams have this long when it stops.
    fn stopping(stream_time: Duration) -> Self {
        let ((told, receiver), gate) = (channel(), Arc::new(Semaphore::new(0)));
        let authority = Authority::new();
        let (web, sites) = settings(&toml(&authority, ""));
        let web = Web::new(&web, &sites, Some(app(told, Arc::clone(&gate)))).expect("the settings are good");
        Self { server: Server::of(web.stream_timeout(stream_time)), told: receiver, gate, authority }
    }

    /// The next thing that it tells.
    fn tells(&self) -> Told {
        self.told.recv_timeout(PATIENCE).expect("it tells")
    }

    /// A request that a handler has begun with, over TLS or without.
    fn ask(&self, over_tls: bool, request: &str) -> Wire {
        let mut wire = match over_tls {
            false => Wire::Plain(self.server.plain_socket()),
            true => {
                let config = Arc::new(self.authority.client());
                Wire::Tls(Box::new(self.server.connect_tls(&config, "a.test").expect("they agree")))
            }
        };
        wire.send(&format!("{request} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(self.tells(), Told::Begun, "{request}");
        wire
    }

    /// The same over HTTP/2.
    fn open(&self, client: &mut Http2Client, method: &str, path: &str) -> Http2Stream {
        let request = http::Request::builder().method(method).uri(format!("http://a.test{path}"));
        let stream = client.open(request.body(()).expect("it is a request"), true);
        assert_eq!(self.tells(), Told::Begun, "{method} {path}");
        stream
    }

    /// Its handler or its body is dropped within a second.
    fn is_dropped(&self, case: &str) {
        let mut told = None;
        let time = self.server.time_until(|| {
            told = self.told.try_recv().ok(); // nothing yet
            told.is_some()
        });
        assert_eq!(told, Some(Told::Dropped), "{case}");
        assert!(time <= Duration::from_secs(1), "{case}: {time:?}");
    }

    /// Its handler works on, however long it takes, and ends.
    fn runs_to_its_end(&self, case: &str) {
        self.server.pass(Duration::from_secs(100));
        assert!(self.told.try_recv().is_err(), "{case}");
        self.gate.add_permits(1);
        assert_eq!(self.tells(), Told::Ended, "{case}");
    }
}

fn toml(authority: &Authority, web: &str) -> String {
    format!(
        "[web]\nlisten = ['127.0.0.1:0', '127.0.0.2:0 ssl']\nhttp2 = 'cleartext'\n{web}\n[sites.a]\nserver_name = 'a.test'\nhttps = 'keep'\n{}",
        authority.issue("a", &["a.test"]).settings()
    )
}

/// A connection, with or without TLS.
enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsClient>),
}

impl Wire {
    fn send(&mut self, text: &str) {
        match self {
            Self::Plain(stream) => stream.write_all(text.as_bytes()).expect("the server reads"),
            Self::Tls(client) => client.send(text),
        }
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(client) => &client.stream.get_ref().sock,
        }
    }

    /// Reads until this has come.
    fn read_to(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let mut byte = [0];
            match self {
                Self::Plain(stream) => stream.read_exact(&mut byte).expect("it comes"),
                Self::Tls(client) => client.stream.read_exact(&mut byte).expect("it comes"),
            }
            text.push(byte[0]);
        }
        String::from_utf8(text).expect("it is text")
    }

    /// Closes its side, and goes on reading.
    fn half_close(&mut self) {
        if let Self::Tls(client) = self {
            let stream = client.stream.get_mut();
            stream.conn.send_close_notify();
            stream.flush().expect("the server reads");
        }
        self.socket().shutdown(Shutdown::Write).expect("it is open");
    }

    fn go(self, way: Way) {
        match way {
            Way::Fin => {}
            Way::Goodbye => {
                let mut wire = self;
                wire.half_close();
            }
            Way::Reset => SockRef::from(self.socket()).set_linger(Some(Duration::ZERO)).expect("it is a socket"),
        }
    }

    fn rest(&mut self) -> std::io::Result<String> {
        let mut text = String::new();
        match self {
            Self::Plain(stream) => stream.read_to_string(&mut text)?,
            Self::Tls(client) => client.stream.read_to_string(&mut text)?,
        };
        Ok(text)
    }
}

/// How a client goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Without a word: its system ends the connection.
    Fin,
    /// It closes its side, with the word that TLS has for it, and then all.
    Goodbye,
    /// Its system breaks the connection off.
    Reset,
}

const WAYS: [Way; 3] = [Way::Fin, Way::Goodbye, Way::Reset];

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
