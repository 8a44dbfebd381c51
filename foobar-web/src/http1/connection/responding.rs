use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use foobar_core::{ClientAbort, DefaultFields, LocalBoxFuture};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderValue};
use http::request;
use http::response::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use tokio::time::Instant;

use super::answering::connection;
use super::{Client, Close, Connection, Phase};
use crate::http1::chunked::Chunked;
use crate::http1::connection_option::ConnectionOptions;
use crate::http1::early_hints::Hints;
use crate::http1::incoming_content::{CONTINUE, Framing, IncomingContent, MOST, Rest};
use crate::http1::outgoing::{COPIED, SEND_QUANTUM, poll_write};
use crate::http1::request_body::{IncomingBody, channel};
use crate::http1::request_head::{Received, RequestHead};
use crate::http1::response_body::{Delimiter, OutgoingBody};
use crate::http1::response_head::{Fields, Length, ResponseHead};
use crate::http1::{head, refused_head, upgrade};
use crate::net::Transport;
use crate::pipeline::{Logged, Offered, Refusal, RequestContext};
use crate::reply::{self, Pace};
use crate::tunnel::Taker;

/// A request for the pipeline, or what stands in the place of one that is refused.
type Taken = Result<(request::Parts, Offered<IncomingBody>), (Request<()>, Refusal)>;

/// What of a request its response depends on.
pub(super) struct RequestFacts {
    minor: u8,
    is_head: bool,
    keep_alive: bool,
    is_refused: bool,
    /// Whether the rest of its content may be read after the response, so that another request can follow.
    may_discard: bool,
    /// Who gets the connection if the response is 101.
    upgrade: Option<Taker>,
    /// What its handler tells the client before the response.
    pub(super) hints: Option<Hints>,
    /// What becomes of the handler if the client goes before it has the response.
    pub(super) abort: ClientAbort,
}

/// A response on its way to the client.
pub(super) struct OutgoingResponse {
    minor: u8,
    /// What is sent before it: the rest of what has begun, and the hints that wait.
    interim: Vec<u8>,
    parts: Parts,
    length: Length,
    options: ConnectionOptions,
    /// How the connection ends with it, if it does.
    close: Option<Close>,
    body: OutgoingBody,
    /// Who is to get the connection after a 101.
    taker: Option<Taker>,
}

impl<S: Transport> Connection<S> {
    /// Asks the pipeline for the response to a request.
    pub(super) fn ask(&mut self, received: Received) -> (RequestFacts, LocalBoxFuture<'static, Response<Logged>>) {
        let arrival = RequestContext { connection: self.peer, tls: self.tls.clone(), since: self.since() };
        let (facts, request) = match received {
            Received::Request(head, content) => match self.request(&head, content) {
                Ok((facts, request)) => (facts, Ok(request)),
                Err(error) => {
                    tracing::debug!(%error, "a head that is well-formed is refused");
                    self.is_broken = true;
                    let refusal = refused_head::refusal(head::MALFORMED, &head.bytes);
                    self.refused(refusal, head.index.method(&head.bytes) == b"HEAD")
                }
            },
            Received::Refused(refusal, is_head) => self.refused(refusal, is_head),
        };
        let worker = Rc::clone(&self.worker);
        // Boxed where it is made: it is large, and a future that is handed on is copied.
        let response: LocalBoxFuture<'static, _> = match request {
            Ok((mut request, offered)) => {
                Box::pin(async move { worker.pipeline.serve(&mut request, offered, arrival).await })
            }
            Err((request, refusal)) => Box::pin(async move { worker.pipeline.refuse(request, refusal, arrival).await }),
        };
        (facts, response)
    }

    /// The request for the pipeline, with its content or the way to it.
    fn request(
        &mut self,
        head: &RequestHead,
        content: head::Content,
    ) -> Result<(RequestFacts, (request::Parts, Offered<IncomingBody>)), http::Error> {
        let parts = head.parts()?;
        let minor = head.index.minor;
        let options = ConnectionOptions::of(&parts.headers);
        let abort = ClientAbort::of(&parts.method);
        let (hints, to_send) = (minor == 1).then(Hints::offer).unzip();
        let (upgrade, taker) = upgrade::offer(&parts, options);
        let expects = minor == 1 && parts.headers.contains_key(EXPECT);
        let facts = RequestFacts {
            minor,
            is_head: parts.method == Method::HEAD,
            keep_alive: !options.close && (minor == 1 || options.keep_alive),
            is_refused: false,
            may_discard: minor == 1
                && !options.close
                && !matches!(content, head::Content::Length(length) if length > MOST),
            upgrade: taker,
            hints: to_send,
            abort: abort.clone(),
        };
        let body = self.incoming(content, expects);
        Ok((facts, (parts, Offered { body, abort, hints, upgrade })))
    }

    fn incoming(&mut self, content: head::Content, expects: bool) -> IncomingBody {
        let (framing, length) = match content {
            head::Content::Length(0) => return IncomingBody::Whole(Bytes::new()),
            head::Content::Length(length) if length <= self.unread.len() as u64 => {
                let whole = self.unread.split_to(length as usize).freeze();
                if self.unread.is_empty() {
                    self.unread = BytesMut::new(); // no memory is kept
                }
                return IncomingBody::Whole(whole);
            }
            head::Content::Length(length) => (Framing::Sized(length), Some(length)),
            head::Content::Chunked => (Framing::Chunked(Chunked::new(self.worker.limits.head)), None),
        };
        let (feed, body) = channel(length);
        let interim = if expects { CONTINUE } else { &[] };
        self.content = Some(Box::new(IncomingContent { framing, feed, interim, rest: Rest::Left }));
        body
    }

    /// Boxed, as what waits for the client has to be small: see [`Connection::exchange`].
    pub(super) fn prepare(&mut self, response: Response<Logged>, mut facts: RequestFacts) -> Box<OutgoingResponse> {
        let (parts, body) = response.into_parts();
        self.begin_responding();
        let taker = facts.upgrade.take().filter(|_| parts.status == StatusCode::SWITCHING_PROTOCOLS);
        let (length, delimiter) = framing(&parts, body.size_hint().exact(), &facts);
        let options = ConnectionOptions::of(&parts.headers);
        let close = if taker.is_some() { None } else { self.close_after(options, &facts, delimiter) };
        if let (Some(content), None) = (&mut self.content, close) {
            content.rest = Rest::DISCARDED;
        }
        let pace = parts.extensions.get::<Pace>().copied();
        let body = OutgoingBody::new(body, delimiter, pace, reply::is_event_stream(&parts.headers));
        let interim = self.end_interim(facts.hints.take());
        Box::new(OutgoingResponse { minor: facts.minor, interim, parts, length, options, close, body, taker })
    }

    /// Sends a response, and reads meanwhile what somebody wants of the request's content, or what nobody wants any more.
    /// Gives who is to get the connection after a 101.
    pub(super) async fn respond(&mut self, mut response: Box<OutgoingResponse>) -> io::Result<Option<Taker>> {
        poll_fn(|cx| Poll::Ready(self.begin_response(cx, &mut response))).await?;
        drop((response.interim, response.parts));
        poll_fn(|cx| self.poll_respond(cx, &mut response.body)).await?;
        drop(response.body);
        self.answered(self.close.or(response.close), self.wrote);
        if self.close.is_none() && self.content.is_some() {
            poll_fn(|cx| self.poll_discard(cx)).await?;
        }
        Ok(response.taker)
    }

    fn begin_responding(&mut self) {
        self.phase = Phase::Responding;
        if let Some(half_closed) = &mut self.half_closed {
            half_closed.test_again();
        }
    }

    /// What is to be sent before the response: the rest of what has begun, and the hints that wait.
    fn end_interim(&mut self, hints: Option<Hints>) -> Vec<u8> {
        let mut interim = self.content.as_mut().map_or(&[][..], |content| content.end_interim()).to_vec();
        interim.extend(hints.map(Hints::end).unwrap_or_default()); // there may be none
        interim
    }

    /// Writes the head, and as much of the body as is ready and can be sent at once.
    fn begin_response(&mut self, cx: &mut Context<'_>, response: &mut OutgoingResponse) -> io::Result<()> {
        let OutgoingResponse { minor, interim, parts, length, options, close, body, .. } = response;
        let worker = Rc::clone(&self.worker);
        let handler = &worker.pipeline.handler;
        let now = Instant::now();
        worker.buffers.with_output(|out| {
            out.extend_from_slice(interim);
            let head = ResponseHead {
                minor: *minor,
                status: parts.status,
                lines: [&[], &[]],
                fields: Fields::Map(
                    &parts.headers,
                    if body.is_by_handler() { handler.default_fields() } else { DefaultFields::NONE },
                ),
                expires: None,
                length: *length,
                id: body.id(),
                connection: connection_options(parts, *options, *minor, *close),
                date: &worker.clock.at(now).http,
            };
            head.put(out);
            out.drain(..std::mem::take(&mut self.begun));
            let head = out.len();
            let first = body.first(cx)?;
            let rest = if first.len() <= COPIED {
                out.extend_from_slice(&first);
                Bytes::new()
            } else {
                first
            };
            let written = match poll_write(cx, &mut self.stream, out, &rest[..rest.len().min(SEND_QUANTUM)]) {
                Poll::Ready(written) => written?,
                Poll::Pending => 0,
            };
            self.wrote = now;
            self.handed(written);
            body.began(head, out, &rest, written);
            Ok(())
        })
    }

    /// Writes on, until the client has taken the whole response.
    fn poll_respond(&mut self, cx: &mut Context<'_>, outgoing: &mut OutgoingBody) -> Poll<io::Result<()>> {
        loop {
            if let Poll::Ready(sent) = self.poll_send(cx, outgoing) {
                return Poll::Ready(sent);
            }
            if let Some(Poll::Ready(ending)) = self.state.drain().map(|drain| outgoing.poll_drain(cx, drain)) {
                outgoing.end(ending)?;
                continue;
            }
            self.patience = if outgoing.is_silent() { SILENCE } else { self.worker.limits.send_time };
            match ready!(self.poll_client(cx))? {
                Client::Sent => {}
                Client::HalfClosed => outgoing.test_client(),
                Client::Gone => self.give_up_content(),
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outgoing: &mut OutgoingBody) -> Poll<io::Result<()>> {
        loop {
            outgoing.fill(cx)?;
            if outgoing.is_done() {
                return Poll::Ready(Ok(()));
            }
            if outgoing.is_empty() {
                return Poll::Pending;
            }
            if self.sent_this_turn >= SEND_QUANTUM {
                return self.end_turn(cx);
            }
            let limit = ready!(outgoing.poll_pace(cx)).min(SEND_QUANTUM);
            let written = outgoing.poll_write(cx, &mut self.stream, limit);
            ready!(self.wrote(cx, written))?;
        }
    }

    /// Reads what nobody wants of the request's content, so that another request can follow. Meanwhile the connection is
    /// as idle as any other.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.content.is_some() {
            let client = match self.state.closes_when_idle() {
                true => Client::Gone,
                false => ready!(self.poll_client(cx))?,
            };
            if let Client::Gone | Client::HalfClosed = client {
                self.give_up_content();
                return Poll::Ready(Ok(()));
            }
        }
        self.set_idle(Instant::now());
        Poll::Ready(Ok(()))
    }

    /// No request can be found behind content that is not read to its end.
    fn give_up_content(&mut self) {
        self.content = None;
        self.is_broken = true;
        self.close = Some(Close::ByServer);
    }

    fn close_after(&self, options: ConnectionOptions, facts: &RequestFacts, delimiter: Delimiter) -> Option<Close> {
        let leaves_content = |content: &IncomingContent| !facts.may_discard || content.is_awaited();
        let ends = self.is_broken || facts.is_refused || delimiter == Delimiter::Close;
        let ends = ends || self.content.as_deref().is_some_and(leaves_content);
        match facts.keep_alive {
            _ if ends || self.is_last() || options.close => Some(Close::ByServer),
            true => None,
            false => Some(Close::ByClient),
        }
    }

    fn refused(&mut self, refusal: Refusal, is_head: bool) -> (RequestFacts, Taken) {
        let mut request = Request::new(());
        if is_head {
            *request.method_mut() = Method::HEAD;
        }
        let facts = RequestFacts {
            minor: 1,
            is_head,
            keep_alive: false,
            is_refused: true,
            may_discard: false,
            upgrade: None,
            hints: None,
            abort: ClientAbort::of(&Method::GET), // nobody works on it
        };
        (facts, Err((request, refusal)))
    }
}

/// How long a client that has closed its side is sent nothing of a body that its end delimits, before it is taken to have gone:
/// nothing that could be sent to it would not be content.
const SILENCE: Duration = Duration::from_millis(500);

/// What a response says of its connection. A handler's word counts only where it is about an upgrade (RFC 9110 §7.8).
fn connection_options(parts: &Parts, options: ConnectionOptions, minor: u8, close: Option<Close>) -> Option<&[u8]> {
    match connection(minor, close) {
        _ if parts.status == StatusCode::SWITCHING_PROTOCOLS => {
            parts.headers.get(CONNECTION).map(HeaderValue::as_bytes)
        }
        said if !options.upgrade => said,
        Some(b"close") => Some(b"close, upgrade"),
        Some(_) => Some(b"keep-alive, upgrade"),
        None => Some(b"upgrade"),
    }
}

/// What a response says of the length of its body, and how the body ends (RFC 9112 §6.3). A length that is announced beside a
/// body of unknown length, or of none that is sent, has been found to be a number.
fn framing(parts: &Parts, known: Option<u64>, facts: &RequestFacts) -> (Length, Delimiter) {
    // No number: as if it were not there.
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let unsent = announced.map_or(Length::None, Length::Announced);
    match (parts.status, known, announced) {
        (status, ..) if status.is_informational() || status == StatusCode::NO_CONTENT => {
            (Length::None, Delimiter::NoContent)
        }
        (StatusCode::NOT_MODIFIED, ..) => (unsent, Delimiter::NoContent),
        (_, Some(length @ 1..), _) if facts.is_head => (Length::Added(length), Delimiter::NoContent),
        _ if facts.is_head => (unsent, Delimiter::NoContent),
        (_, Some(length), _) => (Length::Added(length), Delimiter::Length(length)),
        (_, None, Some(length)) => (Length::Announced(length), Delimiter::Length(length)),
        (_, None, None) if facts.minor == 1 => (Length::Chunked, Delimiter::Chunks),
        (_, None, None) => (Length::None, Delimiter::Close),
    }
}
