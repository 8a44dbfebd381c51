//! The access log: entries of requests, their lines, and the thread that writes them. It must not know connections.

mod hidden;
mod line;
mod writer;

use std::cell::{Cell, OnceCell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use bytes::Bytes;
use foobar_core::RequestId;
use http::header::{HOST, HeaderName, HeaderValue, REFERER, USER_AGENT};
use http::request::Parts;
use http::{Method, StatusCode, Uri, Version};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::LogFormat;
use crate::clock::Clock;
use crate::counters::{Counters, RouteId};

pub(crate) use hidden::LineStyle;
pub(crate) use line::{Line, RequestLine};
pub(crate) use writer::{Lines, Sink, writer};

/// The access log of one worker: lines gather in memory and go to the writer's thread a batch at a time.
pub(crate) struct AccessLog {
    style: LineStyle,
    writer: Option<SyncSender<Lines>>,
    counters: Arc<Counters>,
    text: RefCell<Vec<u8>>,
    lines: Cell<u64>,
    clock: Rc<Clock>,
    filled: Rc<Notify>,
}

/// What the log says of a request; its line is written when it is dropped, once the answer has been sent.
pub(crate) struct Entry {
    log: Rc<AccessLog>,
    remote: Option<IpAddr>,
    /// `None` where no line is written.
    asked: Option<Asked>,
    raw: OnceCell<Bytes>,
    id: RequestId,
    since: Instant,
    route: Cell<RouteId>,
    status: Cell<StatusCode>,
    sent: Cell<u64>,
}

/// What a line says of what was asked.
struct Asked {
    line: (Method, Uri, Version),
    host: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    agent: Option<HeaderValue>,
}

impl AccessLog {
    /// Without a writer nothing is logged, only counted.
    pub(crate) fn new(
        style: LineStyle,
        writer: Option<SyncSender<Lines>>,
        counters: Arc<Counters>,
        clock: Rc<Clock>,
    ) -> Self {
        Self { style, writer, counters, text: RefCell::default(), lines: Cell::new(0), clock, filled: Rc::default() }
    }

    /// Hands on what has gathered, every [`DELAY`], for as long as the log is there.
    pub(crate) fn flush_regularly(self: &Rc<Self>) -> impl Future<Output = ()> + use<> {
        let (filled, log) = (Rc::clone(&self.filled), Rc::downgrade(self));
        async move {
            while log.strong_count() > 0 {
                filled.notified().await;
                tokio::time::sleep(DELAY).await;
                log.upgrade().iter().for_each(|log| log.flush());
            }
        }
    }

    /// Hands on what has gathered; drops it where the writer is too far behind.
    fn flush(&self) {
        let (text, lines) = (self.text.take(), self.lines.take());
        if let Some(writer) = self.writer.as_ref().filter(|_| lines > 0)
            && writer.try_send(Lines::Batch { text, lines, counters: self.counters.clone() }).is_err()
        {
            self.counters.log_lines_lost(lines);
        }
    }

    /// Whether lines are written at all.
    pub(crate) const fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    pub(crate) fn write(&self, line: &Line<'_>) {
        if !self.is_on() {
            return;
        }
        let mut text = self.text.borrow_mut();
        if text.is_empty() {
            text.reserve(FULL + SLACK);
            self.filled.notify_one();
        }
        let now = Instant::now();
        let time = self.clock.at(now);
        let LineStyle { format, hidden } = &self.style;
        match format {
            LogFormat::Combined => line.combined(&mut text, &time, false, hidden),
            LogFormat::CombinedId => line.combined(&mut text, &time, true, hidden),
            LogFormat::Json => line.json(&mut text, &time, now, hidden),
        }
        self.lines.set(self.lines.get() + 1);
        if text.len() >= FULL {
            drop(text);
            self.flush();
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.flush();
        self.filled.notify_one(); // who waits for it sees that it has gone
    }
}

/// How long a line waits at most for others.
const DELAY: Duration = Duration::from_millis(50);
/// The bytes of a batch that does not wait.
const FULL: usize = 64 << 10;
/// Room for the line that fills it.
const SLACK: usize = 4 << 10;

impl Entry {
    /// The entry of a request that came at `since`, and has not been answered.
    pub(crate) fn new(
        log: &Rc<AccessLog>,
        request: &Parts,
        remote: Option<IpAddr>,
        id: RequestId,
        since: Instant,
    ) -> Rc<Self> {
        Rc::new(Self {
            log: log.clone(),
            remote,
            asked: log.is_on().then(|| Asked::of(request)),
            raw: OnceCell::new(),
            id,
            since,
            route: Cell::new(RouteId::NONE),
            status: Cell::new(CLIENT_GONE),
            sent: Cell::new(0),
        })
    }

    /// Puts the bytes that came in the place of the request line.
    pub(crate) fn raw(&self, line: Bytes) {
        self.raw.get_or_init(|| line);
    }

    /// It is for this route.
    pub(crate) fn is_for(&self, route: RouteId) {
        self.route.set(route);
    }

    /// The answer has been made.
    pub(crate) fn answered(&self, status: StatusCode) {
        self.status.set(status);
    }

    /// So many bytes of its body have been handed to the connection.
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.set(self.sent.get() + bytes as u64);
    }

    /// Counts the answer, which has been made whole or given up.
    pub(crate) fn count(&self) {
        self.log.counters.answered(self.route.get(), self.status.get(), self.since.elapsed());
    }

    pub(crate) const fn id(&self) -> RequestId {
        self.id
    }

    /// The connection has ended after so many bytes of the body, at most.
    pub(crate) fn cut(&self, sent: u64) {
        self.sent.set(self.sent.get().min(sent));
    }
}

impl Asked {
    fn of(request: &Parts) -> Self {
        let field = |name: HeaderName| request.headers.get(name).cloned();
        Self {
            line: (request.method.clone(), request.uri.clone(), request.version),
            host: field(HOST),
            referer: field(REFERER),
            agent: field(USER_AGENT),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Some(Asked { line: (method, uri, version), host, referer, agent }) = &self.asked else { return };
        let remote = self.remote.map(|remote| remote.to_string());
        self.log.write(&Line {
            remote: remote.as_deref(),
            request: match self.raw.get() {
                Some(line) => RequestLine::Raw(line),
                None => RequestLine::Parsed(method, uri, *version),
            },
            host: host.as_ref().map(HeaderValue::as_bytes),
            referer: referer.as_ref().map(HeaderValue::as_bytes),
            agent: agent.as_ref().map(HeaderValue::as_bytes),
            id: self.id,
            status: self.status.get(),
            sent: self.sent.get(),
            duration: self.since.elapsed(),
        });
    }
}

/// nginx's status for a client that closed the connection before it was answered.
const CLIENT_GONE: StatusCode = match StatusCode::from_u16(499) {
    Ok(status) => status,
    Err(_) => unreachable!(),
};
