//! A server that tells what becomes of its handlers, and clients that go.

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
use http_body::{Body, Frame, SizeHint};
use socket2::SockRef;
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};

use crate::support::http2::{Http2Client, Http2Stream};
use crate::support::tls::{Authority, TlsClient};
use crate::support::{PATIENCE, Server, settings};

/// What becomes of a handler or a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Begun,
    Ended,
    Dropped,
}

/// A server that tells what becomes of its handlers.
pub(super) struct Site {
    pub(super) server: Server,
    pub(super) told: Receiver<Told>,
    /// Lets handlers end.
    pub(super) gate: Arc<Semaphore>,
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
    pub(super) fn start() -> Self {
        Self::with("")
    }

    pub(super) fn with(web: &str) -> Self {
        let ((told, receiver), gate) = (channel(), Arc::new(Semaphore::new(0)));
        let authority = Authority::new();
        let server = Server::with(&toml(&authority, web), Some(app(told, Arc::clone(&gate))));
        Self { server, told: receiver, gate, authority }
    }

    /// One whose time passes by itself, and whose streams have this long when it stops.
    pub(super) fn stopping(stream_time: Duration) -> Self {
        let ((told, receiver), gate) = (channel(), Arc::new(Semaphore::new(0)));
        let authority = Authority::new();
        let (web, sites) = settings(&toml(&authority, ""));
        let web = Web::new(&web, &sites, Some(app(told, Arc::clone(&gate)))).expect("the settings are good");
        Self { server: Server::of(web.stream_timeout(stream_time)), told: receiver, gate, authority }
    }

    /// The next thing that it tells.
    pub(super) fn tells(&self) -> Told {
        self.told.recv_timeout(PATIENCE).expect("it tells")
    }

    /// A request that a handler has begun with, over TLS or without.
    pub(super) fn ask(&self, over_tls: bool, request: &str) -> Wire {
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
    pub(super) fn open(&self, client: &mut Http2Client, method: &str, path: &str) -> Http2Stream {
        let request = http::Request::builder().method(method).uri(format!("http://a.test{path}"));
        let stream = client.open(request.body(()).expect("it is a request"), true);
        assert_eq!(self.tells(), Told::Begun, "{method} {path}");
        stream
    }

    /// Its handler or its body is dropped within a second.
    pub(super) fn is_dropped(&self, case: &str) {
        let mut told = None;
        let time = self.server.time_until(|| {
            told = self.told.try_recv().ok(); // nothing yet
            told.is_some()
        });
        assert_eq!(told, Some(Told::Dropped), "{case}");
        assert!(time <= Duration::from_secs(1), "{case}: {time:?}");
    }

    /// Its handler works on, however long it takes, and ends.
    pub(super) fn runs_to_its_end(&self, case: &str) {
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
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsClient>),
}

impl Wire {
    pub(super) fn send(&mut self, text: &str) {
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
    pub(super) fn read_to(&mut self, end: &str) -> String {
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
    pub(super) fn half_close(&mut self) {
        if let Self::Tls(client) = self {
            let stream = client.stream.get_mut();
            stream.conn.send_close_notify();
            stream.flush().expect("the server reads");
        }
        self.socket().shutdown(Shutdown::Write).expect("it is open");
    }

    pub(super) fn go(self, way: Way) {
        match way {
            Way::Fin => {}
            Way::Goodbye => {
                let mut wire = self;
                wire.half_close();
            }
            Way::Reset => SockRef::from(self.socket()).set_linger(Some(Duration::ZERO)).expect("it is a socket"),
        }
    }

    pub(super) fn rest(&mut self) -> std::io::Result<String> {
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
pub(super) enum Way {
    /// Without a word: its system ends the connection.
    Fin,
    /// It closes its side, with the word that TLS has for it, and then all.
    Goodbye,
    /// Its system breaks the connection off.
    Reset,
}

pub(super) const WAYS: [Way; 3] = [Way::Fin, Way::Goodbye, Way::Reset];
