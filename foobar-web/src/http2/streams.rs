use std::cell::{Cell, RefCell};
use std::rc::Rc;

use foobar_core::ConnectInfo;
use http::header::{EXPECT, HOST};
use http::request::Parts;
use http::{HeaderMap, Response};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::priority::Priority;
use super::send_order::SendOrder;
use crate::deadline::Drain;
use crate::net::TlsClient;
use crate::pipeline::{Logged, RequestContext};
use crate::request::{RequestView, Verb};
use crate::worker::{FastPath, Worker};

/// What the streams of a connection have in common.
pub(super) struct Streams {
    configured: RefCell<Configured>,
    peer: ConnectInfo,
    /// Requests that were answered since the connection looked.
    answered: Cell<u32>,
    /// Bytes of all bodies that could be sent.
    moved: Cell<u64>,
    /// Handlers that have not answered.
    at_work: Cell<usize>,
    /// Which of their bodies is the next to send.
    pub(super) order: SendOrder,
    drain: Cell<Option<Drain>>,
    draining: Notify,
}

/// What changes with the configuration.
struct Configured {
    worker: Rc<Worker>,
    /// What its TLS handshake said of the client.
    tls: Option<TlsClient>,
    fast_path: FastPath,
}

impl Streams {
    pub(super) fn new(peer: ConnectInfo, tls: Option<TlsClient>, worker: Rc<Worker>) -> Self {
        let fast_path = FastPath::new(&worker, &peer, tls.as_ref());
        Self {
            configured: Configured { worker, tls, fast_path }.into(),
            peer,
            answered: Cell::default(),
            moved: Cell::default(),
            at_work: Cell::default(),
            order: SendOrder::default(),
            drain: Cell::default(),
            draining: Notify::new(),
        }
    }

    /// The worker of the configuration that the next request goes by.
    pub(super) fn worker(&self) -> Rc<Worker> {
        Rc::clone(&self.configured.borrow().worker)
    }

    /// The next request goes by the configuration in use: gives its worker, if it has been replaced.
    pub(super) fn follow_configuration(&self) -> Option<Rc<Worker>> {
        let mut configured = self.configured.borrow_mut();
        let Configured { worker, tls, .. } = &mut *configured;
        let latest = worker.replacement(tls)?;
        configured.fast_path = FastPath::new(&latest, &self.peer, configured.tls.as_ref());
        configured.worker = Rc::clone(&latest);
        Some(latest)
    }

    /// How a request came whose head had come whole then.
    pub(super) fn arrival(&self, since: Instant) -> RequestContext {
        RequestContext { connection: self.peer, tls: self.configured.borrow().tls.clone(), since }
    }

    /// The answer to a request without content, if it is ready.
    pub(super) fn ready_answer(&self, request: &Parts, since: Instant) -> Option<Response<Logged>> {
        let asked = RequestView::of(request);
        if !matches!(asked.verb, Verb::Get | Verb::Head) || request.headers.contains_key(EXPECT) {
            return None;
        }
        let mut hosts = request.headers.get_all(HOST).iter();
        let host = hosts.next().filter(|_| hosts.next().is_none())?; // the pipeline refuses it
        let worker = self.worker();
        let pipeline = &worker.pipeline;
        if pipeline.clients.is_proxy(self.peer.remote) {
            return None; // the pipeline looks whom it speaks for
        }
        let answer = {
            let path = &mut self.configured.borrow_mut().fast_path;
            path.answer(pipeline, &worker.buffers, Some(host.as_bytes()), &asked)?
        };
        pipeline.ready((answer.reply, answer.route), request, &self.arrival(since))
    }

    /// What a client says of how urgent its answer is; nothing where a proxy speaks for several, who share the line.
    pub(super) fn priority_of(&self, headers: &HeaderMap) -> Priority {
        let is_of_proxy = self.worker().pipeline.clients.is_proxy(self.peer.remote);
        if is_of_proxy { Priority::UNKNOWN } else { Priority::of(headers) }
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
