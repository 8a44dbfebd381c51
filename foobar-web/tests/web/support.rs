//! A running web tier, and clients that speak bytes to it.

mod application;
mod clock;
pub(crate) mod gateway;
pub(crate) mod http2;
mod other_end;
pub(crate) mod tls;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use foobar_core::config::Loader;
use foobar_core::{
    BodyError, BoxError, Chain, MakeHandler, Readiness, Request, Response, ResponseBody, Tier, handler_fn,
};
use foobar_web::{AcmeSettings, Address, RouteSettings, SiteSettings, Warning, Web, WebSettings, WebTier};
use http::StatusCode;
use http_body::{Body, Frame};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Sleep, sleep, timeout};

pub(crate) use application::{answer, read};
use clock::Clock;
use gateway::{Connection, Transport};
use other_end::OtherEnd;

/// Ends a test that hangs; nothing else depends on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// A time that is never over.
pub(crate) const FOREVER: Duration = Duration::from_secs(60 * 60);

/// A web tier with one worker, drained when it is dropped. The time of one with an application stands still unless the
/// test lets it [pass](Self::pass), or drains it.
pub(crate) struct Server {
    pub(crate) web: Web,
    runtime: Runtime,
    clock: Clock,
}

/// The settings in a TOML text; `[web]` listens on a free port, has one worker and logs nothing unless it says so.
pub(crate) fn settings(toml: &str) -> (WebSettings, BTreeMap<String, SiteSettings>) {
    let mut file = tempfile::NamedTempFile::with_suffix(".toml").expect("the temporary folder is writable");
    file.write_all(toml.as_bytes()).expect("a temporary file takes bytes");
    let mut loader = Loader::default()
        .section::<WebSettings>()
        .section::<AcmeSettings>()
        .section_in::<AcmeSettings>("acme.*")
        .section::<SiteSettings>()
        .section::<RouteSettings>();
    for (key, value) in [("listen", "127.0.0.1:0"), ("workers", "1"), ("access_log", "off")] {
        if !toml.lines().any(|line| line.starts_with(key)) {
            loader = loader.set(format!("web.{key}"), value, "test");
        }
    }
    let mut config = loader.clone().file(file.path()).load().expect("the configuration is good");
    let sites: BTreeMap<String, SiteSettings> = config.at("sites").expect("the sites are good");
    for (key, value) in Transport::of_this_run().settings(sites.keys()) {
        loader = loader.set(key, value, "test");
        config = loader.clone().file(file.path()).load().expect("the configuration is good");
    }
    let mut web: WebSettings = config.section().expect("the section is good");
    web.acme = config.section().expect("the section is good");
    let named = config.tables("acme").into_iter();
    web.acme_named =
        named.map(|name| (name.clone(), config.at(&format!("acme.{name}")).expect("it is good"))).collect();
    (web, config.at("sites").expect("the sites are good"))
}

impl Server {
    /// Starts with these settings and [`answer`] as the application.
    pub(crate) fn start(toml: &str) -> Self {
        Self::with(toml, Some(Arc::new(handler_fn(answer))))
    }

    pub(crate) fn with(toml: &str, app: Option<Arc<dyn MakeHandler>>) -> Self {
        let (web, sites) = settings(toml);
        let clock = Clock::default();
        let app = app.map(|app| clock.rule(app));
        Self::start_by(Web::new(&web, &sites, app).expect("the settings are good"), clock)
    }

    /// Starts this tier, whose time passes by itself.
    pub(crate) fn of(web: Web) -> Self {
        Self::start_by(web, Clock::default())
    }

    fn start_by(web: Web, clock: Clock) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
        runtime.block_on(web.start()).expect("the tier starts");
        assert_eq!(web.readiness(), Readiness::Ready);
        Self { web, runtime, clock }
    }

    pub(crate) fn connect(&self) -> Client {
        let Connection { client, end, .. } = self.connection();
        Client { stream: patient(client), end }
    }

    fn connection(&self) -> Connection {
        let (Address::Tcp(address) | Address::Tls(address)) = self.web.addresses().remove(0) else {
            panic!("it listens on TCP")
        };
        Transport::of_this_run().connect(address)
    }

    /// Has it serve by other settings; gives those that stay, or why all do.
    pub(crate) fn reload(&self, toml: &str) -> Result<Vec<Warning>, String> {
        let (web, sites) = settings(toml);
        let told = |error: BoxError| Chain(&*error).to_string();
        let reload = self.web.prepare(&web, &sites, Duration::from_secs(5)).map_err(told)?;
        let unchanged = reload.unchanged.clone();
        self.runtime.block_on(reload.apply()).map_err(told)?;
        Ok(unchanged)
    }

    /// Sends `bytes` on a new connection and reads until the server closes it.
    pub(crate) fn talk(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect();
        client.send(bytes);
        client.rest()
    }

    /// The figures of a scrape.
    pub(crate) fn metrics(&self) -> String {
        let mut metrics = foobar_core::Metrics::default();
        self.web.metrics(&mut metrics);
        metrics.into_text()
    }

    /// One of them, or the sum of those of this name.
    pub(crate) fn figure(&self, name: &str) -> u64 {
        let metrics = self.metrics();
        let of_name = metrics.lines().filter(|line| {
            let rest = line.strip_prefix("foobar_web_").and_then(|line| line.strip_prefix(name));
            rest.is_some_and(|rest| rest.starts_with([' ', '{']))
        });
        let values = of_name.map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<u64>().ok()));
        values.reduce(|sum, value| Some(sum? + value?)).flatten().expect("there is such a figure, and it is a number")
    }

    /// A connection that the server has accepted: its time has begun.
    pub(crate) fn accept(&self) -> Client {
        let before = self.figure("connections_total");
        let Connection { client, end, greeting } = self.connection();
        wait_until("the connection is accepted", || self.figure("connections_total") > before);
        assert_eq!(greeting.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected), "the greeting ends");
        Client { stream: patient(client), end }
    }

    /// Whether all connections have ended.
    pub(crate) fn is_alone(&self) -> bool {
        self.figure("connections") == 0
    }

    /// Waits until all connections have ended.
    pub(crate) fn wait_until_alone(&self) {
        wait_until("all connections have ended", || self.is_alone());
    }

    /// Lets so much of the server's time pass.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.pass(time);
    }

    /// Lets the server's time pass until something has happened; gives how much that took, to [`STEP`]. It is given up when both
    /// the server and the test have had [`PATIENCE`]: on a busy machine a step may take long.
    pub(crate) fn time_until(&self, mut has_happened: impl FnMut() -> bool) -> Duration {
        let (begun, mut time) = (Instant::now(), Duration::ZERO);
        while !has_happened() {
            assert!(time < PATIENCE || begun.elapsed() < PATIENCE, "it does not happen within {PATIENCE:?}");
            self.pass(STEP);
            time += STEP;
        }
        time
    }

    /// The same until the server answers this client, or ends its side of the connection: it is the server's time, however
    /// late the client learns of it. No other client may be answered meanwhile.
    pub(crate) fn time_until_told(&self, client: &mut Client) -> Duration {
        let time = self.time_until(self.tells(client));
        wait_until("the client learns of it", || client.is_told());
        time
    }

    /// Tells when that has happened.
    fn tells<'a>(&'a self, client: &Client) -> impl FnMut() -> bool + 'a {
        self.pass(Duration::ZERO); // what has been sent is counted then
        let (before, end) = (self.figure("sent_bytes_total"), client.end);
        move || self.figure("sent_bytes_total") != before || !end.is_open()
    }

    /// Lets the server's time pass while this works; gives how much has passed at most.
    pub(crate) fn time_for<T: Send>(&self, work: impl FnOnce() -> T + Send) -> (Duration, T) {
        std::thread::scope(|scope| {
            let work = scope.spawn(work);
            let time = self.time_until(|| work.is_finished());
            (time, work.join().expect("it does not panic"))
        })
    }

    /// From now on the server's time passes by itself.
    pub(crate) fn drain(&self, time: Duration) {
        self.clock.run();
        self.runtime.block_on(self.web.drain(Instant::now() + time));
    }

    /// Drains without a deadline that could end it.
    pub(crate) fn drain_at_leisure(&self) {
        self.clock.run();
        let drain = self.web.drain(Instant::now() + FOREVER);
        self.runtime.block_on(async { timeout(PATIENCE, drain).await.expect("the drain ends by itself") });
    }

    /// The same while the server's time stands still, unless the test lets it pass.
    pub(crate) fn drain_in_no_time(&self) {
        let drain = self.web.drain(Instant::now() + FOREVER);
        self.runtime.block_on(async { timeout(PATIENCE, drain).await.expect("the drain ends by itself") });
    }
}

/// The access log of a server that has drained, with a line for each answer.
pub(crate) fn log_of(server: &Server, path: &Path) -> String {
    let metrics = server.metrics();
    let counts = metrics.lines().filter(|line| line.starts_with("foobar_web_requests_total{"));
    let answers: usize =
        counts.map(|line| line.rsplit(' ').next().map_or(0, |count| count.parse().expect("a count"))).sum();
    let mut text = String::new();
    // The drain itself waits for them, but not for long.
    wait_until("each answer has its line", || {
        text = std::fs::read_to_string(path).unwrap_or_default(); // it may be made with its first line
        text.lines().count() == answers
    });
    text
}

/// How much of a server's time passes at once.
pub(crate) const STEP: Duration = Duration::from_millis(10);

/// Asks again and again until it is so. What is waited for tells no other way that it has happened.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain(Duration::ZERO);
    }
}

/// A connection; reads give up after [`PATIENCE`].
pub(crate) struct Client {
    pub(crate) stream: BufReader<TcpStream>,
    /// The server's end.
    pub(crate) end: OtherEnd,
}

fn patient(stream: TcpStream) -> BufReader<TcpStream> {
    stream.set_read_timeout(Some(PATIENCE)).expect("the timeout is not zero");
    stream.set_write_timeout(Some(PATIENCE)).expect("the timeout is not zero");
    BufReader::new(stream)
}

/// A folder with these files and their texts.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("the folder is writable");
        std::fs::write(path, text).expect("the folder is writable");
    }
    folder
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        status(&self.head)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.split(':').next().is_some_and(|found| found.eq_ignore_ascii_case(name));
        self.head.lines().skip(1).find(named).map(|line| line[name.len() + 1..].trim())
    }
}

impl Answer {
    /// How long after `Date` its `Expires` is, in seconds; to the minute, as the two may be of different seconds.
    pub(crate) fn expires_after(&self) -> Option<u64> {
        let time = |name| self.header(name).map(|date| httpdate::parse_http_date(date).expect("it is a date"));
        let seconds = time("expires")?.duration_since(time("date")?).expect("it is later").as_secs();
        Some((seconds + 30) / 60 * 60)
    }
}

/// The answers to three requests: two for the fast path, of which the second finds what the first has left in the cache, and
/// one with a field that comes twice, which takes the way through the pipeline.
pub(crate) fn thrice(client: &mut Client, path: &str, fields: &str) -> [Answer; 3] {
    ["", "", "User-Agent: x\r\nUser-Agent: x\r\n"].map(|twice| {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}{twice}\r\n"));
        client.answer()
    })
}

/// The status of the first answer in `text`; 0 if there is none.
pub(crate) fn status(text: &str) -> u16 {
    text.split(' ').nth(1).map_or(0, |status| status.parse().expect("a status is a number"))
}

/// How many answers there are in `text`.
pub(crate) fn answers(text: &str) -> usize {
    text.split("HTTP/1.1 ").skip(1).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).count()
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let end = OtherEnd::of(&stream);
        Self { stream: patient(stream), end }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // A server that has refused what came first may close before the rest is written.
        _ = self.stream.get_mut().write_all(bytes.as_ref());
    }

    /// Reads until the server closes the connection.
    pub(crate) fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the server did not close: {error}, {:?}", String::from_utf8_lossy(&bytes)),
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Reads one answer with a `Content-Length`.
    pub(crate) fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    /// The same to a request that begins with `line`: one to HEAD has no content.
    pub(crate) fn answer_to(&mut self, line: &str) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.stream.read_line(&mut head).expect("the server answers") > 0, "closed after {head:?}");
        }
        let mut answer = Answer { head, body: String::new() };
        if line.starts_with("HEAD") {
            return answer;
        }
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length is a number"));
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the body comes whole");
        answer.body = String::from_utf8_lossy(&body).into_owned();
        answer
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        self.answer()
    }

    /// Sends this, and waits until the server has read it.
    pub(crate) fn send_to(&mut self, server: &Server, bytes: impl AsRef<[u8]>) {
        let after = server.figure("received_bytes_total") + bytes.as_ref().len() as u64;
        self.send(bytes);
        wait_until("the server reads it", || server.figure("received_bytes_total") >= after);
    }

    /// Sends one byte after the other, [`STEP`] apart, until the server answers or closes; gives when that was.
    pub(crate) fn dribble(&mut self, server: &Server, bytes: &[u8]) -> (Duration, String) {
        let (mut tells, mut bytes) = (server.tells(self), bytes.chunks(1).cycle());
        let time = server.time_until(|| {
            let answered = tells();
            if !answered {
                self.send_to(server, bytes.next().expect("there are bytes"));
            }
            answered
        });
        (time, self.rest())
    }

    /// Takes what has come, without waiting; whether more may come.
    pub(crate) fn take(&mut self, text: &mut Vec<u8>) -> bool {
        self.stream.get_ref().set_nonblocking(true).expect("it is a socket");
        let waits = self.stream.read_to_end(text).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        self.stream.get_ref().set_nonblocking(false).expect("it is a socket");
        waits
    }

    /// Whether something has come, an answer or the end of the connection.
    pub(crate) fn is_told(&mut self) -> bool {
        self.stream.get_ref().set_nonblocking(true).expect("it is a socket");
        let waits = self.stream.fill_buf().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        self.stream.get_ref().set_nonblocking(false).expect("it is a socket");
        !waits
    }
}
