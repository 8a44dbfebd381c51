use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use foobar_core::{Connection, LocalBoxFuture};
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::header::{CONTENT_LENGTH, EXPECT, HOST};
use http::request::Parts;
use http::{Method, Request, Response};
use tokio::time::Instant;

use super::incoming::IncomingBody;
use super::outgoing::Outgoing;
use super::request::{Taken, take};
use super::response_head;
use crate::pipeline::{Arrival, Logged};
use crate::request::{Asked, Verb};
use crate::worker::{FastPath, Worker};

/// What the streams of a connection have in common.
pub(super) struct Streams {
    peer: Connection,
    pub(super) worker: Rc<Worker>,
    /// Requests that were answered since the connection looked.
    pub(super) answered: Cell<u32>,
    /// `None` behind a trusted proxy, whose requests the pipeline answers.
    fast_path: Option<RefCell<FastPath>>,
}

/// One stream: a request and its answer.
pub(super) struct Stream;

impl Streams {
    pub(super) fn new(peer: Connection, worker: Rc<Worker>) -> Self {
        let is_proxy = worker.pipeline.clients.is_proxy(peer.remote);
        let fast_path = (!is_proxy).then(|| RefCell::new(FastPath::new(Some(peer.scheme))));
        Self { peer, worker, answered: Cell::new(0), fast_path }
    }

    async fn send(self: Rc<Self>, mut outgoing: Outgoing) {
        let is_answered = poll_fn(|cx| outgoing.poll(cx)).await;
        self.ended(is_answered);
    }

    fn ended(&self, is_answered: bool) {
        self.answered.set(self.answered.get() + u32::from(is_answered));
    }

    /// The answer to a request that is ready.
    fn ready_answer(&self, request: &Parts, since: Instant) -> Option<Response<Logged>> {
        let path = self.fast_path.as_ref()?;
        if request.headers.contains_key(EXPECT) {
            return None;
        }
        let asked = Asked::of(request);
        if !matches!(asked.verb, Verb::Get | Verb::Head) {
            return None;
        }
        let mut hosts = request.headers.get_all(HOST).iter();
        let host = hosts.next().filter(|_| hosts.next().is_none())?;
        let pipeline = &self.worker.pipeline;
        let answer = path.borrow_mut().answer(&pipeline.sites, &self.worker.desk, Some(host.as_bytes()), &asked)?;
        pipeline.ready(answer.reply, request, &Arrival { connection: self.peer, since })
    }
}

impl Stream {
    /// Answers a request as far as that can be done at once; gives what is left to do.
    pub(super) fn begin(
        streams: &Rc<Streams>,
        cx: &mut Context<'_>,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) -> Option<LocalBoxFuture<'static, ()>> {
        let since = Instant::now();
        let (parts, body) = request.into_parts();
        let (worker, is_head) = (Rc::clone(&streams.worker), parts.method == Method::HEAD);
        let arrival = Arrival { connection: streams.peer, since };
        let answer: LocalBoxFuture<'static, _> = match take(parts, &worker.limits) {
            Taken::Malformed => {
                respond.send_reset(Reason::PROTOCOL_ERROR);
                return None;
            }
            Taken::Refused(request, refusal) => {
                Box::pin(async move { worker.pipeline.refuse(request, refusal, arrival).await })
            }
            Taken::Request(mut parts) => {
                let ready = if body.is_end_stream() { streams.ready_answer(&parts, since) } else { None };
                if let Some(response) = ready {
                    let mut outgoing = begin_response(streams, response, is_head, &mut respond)?;
                    return match outgoing.poll(cx) {
                        Poll::Ready(is_answered) => {
                            streams.ended(is_answered);
                            None
                        }
                        Poll::Pending => Some(Box::pin(Rc::clone(streams).send(outgoing))),
                    };
                }
                let body = IncomingBody::new(body, content_length(&parts), &worker.limits);
                Box::pin(async move { worker.pipeline.serve(&mut parts, body, arrival).await })
            }
        };
        let streams = Rc::clone(streams);
        Some(Box::pin(async move {
            let Some(response) = unless_reset(answer, &mut respond).await else { return };
            let Some(outgoing) = begin_response(&streams, response, is_head, &mut respond) else { return };
            drop(respond);
            streams.send(outgoing).await;
        }))
    }
}

/// The length that the client has announced, which h2 has found to be a number.
fn content_length(request: &Parts) -> Option<u64> {
    request.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The answer, unless the client gives the request up before it is there.
async fn unless_reset(
    mut answer: LocalBoxFuture<'static, Response<Logged>>,
    respond: &mut SendResponse<Bytes>,
) -> Option<Response<Logged>> {
    poll_fn(|cx| match answer.as_mut().poll(cx) {
        Poll::Ready(response) => Poll::Ready(Some(response)),
        Poll::Pending => respond.poll_reset(cx).map(|_| None), // reset, or the connection has ended
    })
    .await
}

/// Sends the head; gives what follows it.
fn begin_response(
    streams: &Streams,
    response: Response<Logged>,
    is_head: bool,
    respond: &mut SendResponse<Bytes>,
) -> Option<Outgoing> {
    let (head, body, end) = response_head::prepare(response, is_head, &streams.worker);
    let entry = body.entry();
    match respond.send_response(head, end.is_none()) {
        Ok(stream) => match end {
            Some(end) => Some(Outgoing::new(stream, body, end, streams.worker.limits)),
            None => {
                streams.ended(true);
                None
            }
        },
        Err(error) => {
            entry.cut(0);
            tracing::debug!(%error, "a response could not be sent");
            None
        }
    }
}
