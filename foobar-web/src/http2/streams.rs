use std::cell::{Cell, RefCell};
use std::rc::Rc;

use foobar_core::ConnectInfo;
use http::Response;
use http::header::{EXPECT, HOST};
use http::request::Parts;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::deadline::Drain;
use crate::net::TlsClient;
use crate::pipeline::{Logged, RequestContext};
use crate::request::{RequestView, Verb};
use crate::worker::{FastPath, Worker};

/// What the streams of a connection have in common.
pub(super) struct Streams {
    pub(super) worker: Rc<Worker>,
    peer: ConnectInfo,
    /// What its TLS handshake said of the client.
    tls: Option<TlsClient>,
    /// `None` behind a trusted proxy, whose requests the pipeline answers.
    fast_path: Option<RefCell<FastPath>>,
    /// Requests that were answered since the connection looked.
    answered: Cell<u32>,
    /// Bytes of all bodies that could be sent.
    moved: Cell<u64>,
    /// Handlers that have not answered.
    at_work: Cell<usize>,
    drain: Cell<Option<Drain>>,
    draining: Notify,
}

impl Streams {
    pub(super) fn new(peer: ConnectInfo, tls: Option<TlsClient>, worker: Rc<Worker>) -> Self {
        let is_proxy = worker.pipeline.clients.is_proxy(peer.remote);
        let tls_site = tls.as_ref().map(|tls| tls.site);
        let fast_path = (!is_proxy).then(|| RefCell::new(FastPath::new(Some(peer.scheme), tls_site)));
        Self {
            worker,
            peer,
            tls,
            fast_path,
            answered: Cell::default(),
            moved: Cell::default(),
            at_work: Cell::default(),
            drain: Cell::default(),
            draining: Notify::new(),
        }
    }

    /// How a request came whose head had come whole then.
    pub(super) fn arrival(&self, since: Instant) -> RequestContext {
        RequestContext { connection: self.peer, tls: self.tls.clone(), since }
    }

    /// The answer to a request without content, if it is ready.
    pub(super) fn ready_answer(&self, request: &Parts, since: Instant) -> Option<Response<Logged>> {
        let path = self.fast_path.as_ref()?;
        let asked = RequestView::of(request);
        if !matches!(asked.verb, Verb::Get | Verb::Head) || request.headers.contains_key(EXPECT) {
            return None;
        }
        let mut hosts = request.headers.get_all(HOST).iter();
        let host = hosts.next().filter(|_| hosts.next().is_none())?; // the pipeline refuses it
        let pipeline = &self.worker.pipeline;
        let answer = path.borrow_mut().answer(&pipeline.sites, &self.worker.buffers, Some(host.as_bytes()), &asked)?;
        pipeline.ready((answer.reply, answer.route), request, &self.arrival(since))
    }

    /// The worker drains; `false` if that is known.
    pub(super) fn begin_drain(&self, drain: Drain) -> bool {
        let is_new = self.drain.replace(Some(drain)).is_none();
        if is_new {
            self.draining.notify_waiters();
        }
        is_new
    }

    /// The worker's drain, if it has begun.
    pub(super) fn drain(&self) -> Option<Drain> {
        self.drain.get()
    }

    /// Completes when it has begun, with the end of what has no end of its own.
    pub(super) async fn draining(&self) -> Instant {
        loop {
            if let Some(drain) = self.drain() {
                return drain.end_of_streams();
            }
            self.draining.notified().await;
        }
    }

    /// An answer has been sent whole.
    pub(super) fn count_answer(&self) {
        self.answered.set(self.answered.get() + 1);
    }

    /// How many have been since this was asked last.
    pub(super) fn take_answered(&self) -> u32 {
        self.answered.take()
    }

    /// Does the work of a handler, which counts meanwhile.
    pub(super) async fn work<T>(&self, handler: impl Future<Output = T>) -> T {
        self.at_work.set(self.at_work.get() + 1);
        let answer = handler.await;
        self.at_work.set(self.at_work.get() - 1);
        answer
    }

    /// Whether a handler has not answered.
    pub(super) fn has_work(&self) -> bool {
        self.at_work.get() > 0
    }

    /// So much of a body could be sent.
    pub(super) fn count_moved(&self, bytes: usize) {
        self.moved.set(self.moved.get() + bytes as u64);
    }

    /// How much of all bodies could be sent so far.
    pub(super) fn moved(&self) -> u64 {
        self.moved.get()
    }
}
