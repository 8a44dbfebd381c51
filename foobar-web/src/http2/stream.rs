use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use foobar_core::{ClientAbort, LocalBoxFuture, RequestBody};
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::header::EXPECT;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::early_hints::Hints;
use super::incoming::{IncomingBody, Remains};
use super::outgoing::Outgoing;
use super::priority::Priority;
use super::request::{Taken, take};
use super::stream_io::StreamIo;
use super::streams::Streams;
use super::{response_head, websocket};
use crate::pipeline::{Logged, Offered};
use crate::tunnel::{self, Taker, Tunnel};

/// Answers a request as far as that can be done at once; gives what is left to do.
pub(super) fn begin(
    streams: &Rc<Streams>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Option<LocalBoxFuture<'static, ()>> {
    let since = Instant::now();
    let (parts, body) = request.into_parts();
    let asked = Asked { is_head: parts.method == Method::HEAD, priority: streams.priority_of(&parts.headers) };
    match take(parts, streams.worker().limits.head) {
        Taken::Malformed => {
            respond.send_reset(Reason::PROTOCOL_ERROR);
            None
        }
        Taken::Refused(request, refusal) => {
            let (worker, arrival) = (streams.worker(), streams.arrival(since));
            let answer = Box::pin(async move { worker.pipeline.refuse(request, refusal, arrival).await });
            let (remains, abort) = (Remains::of(body), ClientAbort::of(&Method::GET)); // nobody works on it
            let stream = Stream { streams: Rc::clone(streams), respond, remains, hints: None, asked, abort };
            Some(Box::pin(stream.answer(answer, false)))
        }
        Taken::WebSocket(parts) => {
            let abort = ClientAbort::of(&parts.method);
            let (answer, taker) = upgraded(streams, parts, abort.clone(), since);
            let remains = Remains::default();
            let stream = Stream { streams: Rc::clone(streams), respond, remains, hints: None, asked, abort };
            Some(Box::pin(stream.upgrade(answer, body, taker)))
        }
        Taken::Request(parts) => {
            let ready = if body.is_end_stream() { streams.ready_answer(&parts, since) } else { None };
            match ready {
                Some(response) => send_ready(streams, response, asked, since, &mut respond),
                None => Some(by_pipeline(streams, parts, body, respond, asked, since)),
            }
        }
    }
}

/// What a request wants of its answer.
#[derive(Clone, Copy)]
struct Asked {
    is_head: bool,
    priority: Priority,
}

/// Sends an answer that was ready; gives what is left of it.
fn send_ready(
    streams: &Rc<Streams>,
    response: Response<Logged>,
    asked: Asked,
    now: Instant,
    respond: &mut SendResponse<Bytes>,
) -> Option<LocalBoxFuture<'static, ()>> {
    let mut outgoing = begin_response(streams, response, asked, now, respond)?;
    if outgoing.send_at_once() { None } else { Some(Box::pin(async move { poll_fn(|cx| outgoing.poll(cx)).await })) }
}

fn by_pipeline(
    streams: &Rc<Streams>,
    mut parts: Parts,
    body: RecvStream,
    respond: SendResponse<Bytes>,
    asked: Asked,
    since: Instant,
) -> LocalBoxFuture<'static, ()> {
    let expects = parts.headers.contains_key(EXPECT);
    let abort = ClientAbort::of(&parts.method);
    let (worker, arrival) = (streams.worker(), streams.arrival(since));
    let (body, remains) = IncomingBody::new(body, &parts.headers, &worker.limits);
    let (hints, to_send) = Hints::offer();
    let offered = Offered { body, abort: abort.clone(), hints: Some(hints), upgrade: None };
    // Boxed where it is made: it is large, and a future that is handed on is copied.
    let answer = Box::pin(async move { worker.pipeline.serve(&mut parts, offered, arrival).await });
    let stream = Stream { streams: Rc::clone(streams), respond, remains, hints: Some(to_send), asked, abort };
    Box::pin(stream.answer(answer, expects))
}

/// The answer to a request that may become a WebSocket, and who gets that.
fn upgraded(
    streams: &Streams,
    mut parts: Parts,
    abort: ClientAbort,
    since: Instant,
) -> (LocalBoxFuture<'static, Response<Logged>>, Taker) {
    let (upgrade, taker) = tunnel::offer();
    let offered = Offered { body: RequestBody::empty(), abort, hints: None, upgrade: Some(upgrade) };
    let (worker, arrival) = (streams.worker(), streams.arrival(since));
    let answer = async move { worker.pipeline.serve(&mut parts, offered, arrival).await };
    (Box::pin(answer), taker)
}

/// A stream whose answer has to be waited for.
struct Stream {
    streams: Rc<Streams>,
    respond: SendResponse<Bytes>,
    remains: Remains,
    hints: Option<Hints>,
    asked: Asked,
    abort: ClientAbort,
}

impl Stream {
    async fn answer(mut self, answer: LocalBoxFuture<'static, Response<Logged>>, expects: bool) {
        if let Some(response) = self.unless_reset(answer, expects).await {
            self.respond(response).await;
        }
    }

    async fn respond(mut self, response: Response<Logged>) {
        if let Some(mut outgoing) =
            begin_response(&self.streams, response, self.asked, Instant::now(), &mut self.respond)
        {
            poll_fn(|cx| outgoing.poll(cx)).await;
        }
        self.remains.discard().await;
    }

    /// Gives the stream to whoever answers 101, and waits until it has been dropped there. Any other success would be taken
    /// for one here.
    async fn upgrade(mut self, answer: LocalBoxFuture<'static, Response<Logged>>, body: RecvStream, taker: Taker) {
        let Some(mut response) = self.unless_reset(answer, false).await else { return };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.switch(response, body, taker).await;
        }
        if response.status().is_success() {
            response.body().entry().answered(StatusCode::NOT_IMPLEMENTED);
            *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
        }
        self.remains = Remains::of(body);
        self.respond(response).await;
    }

    async fn switch(mut self, response: Response<Logged>, body: RecvStream, taker: Taker) {
        let (mut head, logged, _) = response_head::prepare(response, false, &self.streams.worker(), Instant::now());
        websocket::reveal(&mut head);
        drop(logged); // its line is written now
        let Ok(sending) = self.respond.send_response(head, false) else { return }; // the client has gone
        let stream = StreamIo::new(sending, body);
        let (tunnel, grip) = Tunnel::new(stream, Bytes::new(), self.streams.worker().limits.send_time);
        if taker.send(Box::new(tunnel)).is_ok() {
            grip.closed(self.streams.draining()).await;
        }
    }

    /// The answer, unless the client gives the request up before it is there; then the handler is cancelled, or runs to its
    /// end, and counts as one of the connection's streams until then. Hints go out as they come; a client that waits to be told
    /// to send the content is told when somebody reads it.
    async fn unless_reset(
        &mut self,
        mut answer: LocalBoxFuture<'static, Response<Logged>>,
        mut expects: bool,
    ) -> Option<Response<Logged>> {
        let streams = Rc::clone(&self.streams);
        let answered = poll_fn(|cx| {
            if self.respond.poll_reset(cx).is_ready() {
                return Poll::Ready(None); // or the connection has ended
            }
            let answered = answer.as_mut().poll(cx);
            if let Some(hints) = &mut self.hints {
                hints.send(cx, &mut self.respond);
            }
            if let Poll::Ready(response) = answered {
                self.hints = None; // none follows
                return Poll::Ready(Some(response));
            }
            if expects && self.remains.poll_wanted(cx).is_ready() {
                expects = false;
                self.go_on();
            }
            Poll::Pending
        });
        let answered = streams.work(answered).await;
        if answered.is_none() && self.abort.runs_to_end() {
            self.hints = None; // nobody takes them
            drop(answer.await);
        }
        answered
    }

    fn go_on(&mut self) {
        let mut interim = Response::new(());
        *interim.status_mut() = StatusCode::CONTINUE;
        if let Err(error) = self.respond.send_informational(interim) {
            tracing::debug!(%error, "a client was not told to go on");
        }
    }
}

/// Sends the head; gives what follows it.
fn begin_response(
    streams: &Rc<Streams>,
    response: Response<Logged>,
    asked: Asked,
    now: Instant,
    respond: &mut SendResponse<Bytes>,
) -> Option<Outgoing> {
    let (head, body, end) = response_head::prepare(response, asked.is_head, &streams.worker(), now);
    match (respond.send_response(head, end.is_none()), end) {
        (Ok(stream), Some(end)) => {
            return Some(Outgoing::new(stream, body, end, asked.priority, Rc::clone(streams)));
        }
        (Ok(_), None) => streams.count_answer(),
        (Err(error), _) => {
            body.entry().cut(0);
            tracing::debug!(%error, "a response could not be sent");
        }
    }
    None
}
