use std::borrow::Cow;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use foobar_core::RequestId;
use http::StatusCode;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::{Connection, Phase};
use crate::http1::fast_path::{self, Answer};
use crate::http1::head::{Field, HeadIndex, IndexedHead};
use crate::http1::outgoing;
use crate::http1::outgoing::{COPIED, Close, Outgoing, Request, SEND_QUANTUM};
use crate::http1::response_head::{Fields, Length, ResponseHead};
use crate::net::{AddressSlot, Transport};
use crate::reply::{Content, Reply};
use crate::request::origin;
use crate::worker::FastAnswer;

impl<S: Transport> Connection<S> {
    /// Answers a request from its head alone, which has come whole `now`; `false` if it is for the pipeline.
    pub(super) fn answer(
        &mut self,
        cx: &mut Context<'_>,
        head: &[u8],
        index: &HeadIndex,
        now: Instant,
    ) -> io::Result<bool> {
        let worker = Rc::clone(&self.worker);
        let Some(answer) = fast_path::answer(&mut self.fast_path, &worker, head, index) else { return Ok(false) };
        let Some((remote, place, id)) = self.client(head, index) else { return Ok(false) };
        let close = self.close_after_answer(&answer);
        let request = Request {
            remote,
            _place: place,
            head: Cow::Borrowed(head),
            index: Cow::Borrowed(index),
            id,
            since: self.since(),
            come: now,
            route: answer.answer.route,
            status: answer.answer.reply.status,
            overhead: 0,
            sent: 0,
            worker,
        };
        self.worker.clone().buffers.with_output(|out| self.write(cx, out, answer, request, close)).map(|()| true)
    }

    /// Who asks, for the log, the place that it takes, and the name of its request; `None` if it has too many.
    fn client(&self, head: &[u8], index: &HeadIndex) -> Option<(Option<Rc<str>>, AddressSlot, RequestId)> {
        let pipeline = &self.worker.pipeline;
        if !pipeline.clients.is_proxy(self.peer.remote) {
            return Some((self.remote.clone(), AddressSlot::default(), RequestId::generate()));
        }
        let origin =
            origin::find(&IndexedHead { index, head }, self.peer.remote, |remote| pipeline.clients.is_proxy(remote));
        let place = pipeline.clients.admit(origin.client)?;
        let logged = origin.client.filter(|_| pipeline.log.is_on());
        let id = index.value(Field::XRequestId, head).and_then(RequestId::given);
        Some((logged.map(|client| client.ip().to_string().into()), place, id.unwrap_or_else(RequestId::generate)))
    }

    fn close_after_answer(&self, answer: &Answer) -> Option<Close> {
        match answer.keeps {
            _ if self.is_last() => Some(Close::ByServer),
            true => None,
            false => Some(Close::ByClient),
        }
    }

    /// Whether no further request is taken.
    pub(super) fn is_last(&self) -> bool {
        let worker = &self.worker;
        let last = self.state.requests() >= worker.limits.requests || self.state.closes_when_idle();
        last || worker.connections.is_short()
    }

    /// Writes an answer as far as the client takes it at once.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
        answer: Answer,
        mut request: Request<'_>,
        close: Option<Close>,
    ) -> io::Result<()> {
        let pace = answer.answer.reply.pace;
        let content = put(out, answer, &mut request, close);
        let at_once = match &content {
            Content::Empty => Some(&[][..]),
            Content::Memory(content) if pace.is_none() => Some(&content[..]),
            Content::Memory(_) | Content::Pieces(_) | Content::File(..) => None,
        };
        let mut outcome = Ok(());
        if let Some(content) = at_once {
            let first = &content[..content.len().min(SEND_QUANTUM)];
            let written = match (close, first) {
                (Some(_), []) => self.stream.poll_write_last(cx, out),
                _ => outgoing::poll_write(cx, &mut self.stream, out, first),
            };
            match written {
                Poll::Ready(Ok(bytes)) => {
                    request.sent = bytes as u64;
                    self.handed(bytes);
                    if bytes == out.len() + content.len() {
                        self.answered(close, request.come);
                        request.log_at_once();
                        return Ok(());
                    }
                    self.wrote = Instant::now();
                }
                Poll::Ready(Err(error)) => outcome = Err(error),
                Poll::Pending => {}
            }
        }
        self.outgoing = Some(Box::new(Outgoing::new(out, content, request.into_owned(), close, pace)));
        outcome
    }

    /// Writes on, until the client has taken the whole answer.
    pub(super) fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.sent_this_turn >= SEND_QUANTUM {
                return self.end_turn(cx);
            }
            let Some(outgoing) = &mut self.outgoing else { return Poll::Ready(Ok(())) };
            match ready!(outgoing.poll_ready(cx))? {
                Some(limit) => {
                    let result = outgoing.poll_write(cx, &mut self.stream, limit);
                    ready!(self.wrote(cx, result))?;
                }
                None => {
                    let close = outgoing.close;
                    self.outgoing = None;
                    self.answered(close, Instant::now());
                }
            }
        }
    }

    /// The client has taken the whole answer.
    pub(super) fn answered(&mut self, close: Option<Close>, now: Instant) {
        self.wrote = now;
        self.close = close;
        self.set_idle(now);
    }

    /// Comes back after the other connections and what has happened on their sockets: a task that only wakes itself is
    /// among those that run before the runtime looks there.
    pub(super) fn end_turn<T>(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        self.sent_this_turn = 0;
        _ = pin!(yield_now()).poll(cx); // pending, and the runtime knows whom to wake
        Poll::Pending
    }

    /// It waits for a request, since then.
    pub(super) fn set_idle(&mut self, since: Instant) {
        self.phase = Phase::Idle { since };
        self.state.set_idle(since);
    }
}

/// Writes the head of an answer, and its content if that is small; gives the content that is left.
fn put(out: &mut Vec<u8>, answer: Answer, request: &mut Request<'_>, close: Option<Close>) -> Content {
    let FastAnswer { reply, page, .. } = answer.answer;
    let left_out = request.index.method(&request.head) == b"HEAD";
    let lines = [page.as_ref().map_or(&[][..], |page| &page.fields), reply.fields.as_bytes()];
    let second = request.worker.clock.at(request.come);
    let expires = reply.fields.lifetime().map(|lifetime| second.http_after(lifetime));
    let head = ResponseHead {
        minor: request.index.minor,
        status: reply.status,
        lines,
        fields: Fields::List(&reply.extra),
        expires: expires.as_deref(),
        length: length(&reply, page.as_deref().map(|page| page.length(request.id)), left_out),
        id: request.id,
        connection: connection(request.index.minor, close),
        date: &second.http,
    };
    head.put(out);
    drop(second);
    request.overhead = out.len();
    match (page, reply.content) {
        _ if left_out => {}
        (Some(page), _) => page.put(out, request.id),
        (None, Content::Memory(content)) if content.len() <= COPIED => out.extend_from_slice(&content),
        (None, content) => return content,
    }
    Content::Empty
}

/// What `Content-Length` says; nothing of a content that nobody announced and that is left out.
fn length(reply: &Reply, page: Option<usize>, left_out: bool) -> Length {
    match (reply.length, page, &reply.content) {
        (Some(length), ..) if left_out => Length::Announced(length),
        (Some(length), ..) => Length::Added(length),
        (None, Some(page), _) => Length::Added(page as u64),
        (None, None, Content::Memory(content)) => Length::Added(content.len() as u64),
        (None, None, _) if left_out || matches!(reply.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => {
            Length::None
        }
        (None, None, _) => Length::Added(0),
    }
}

/// What is told of the connection; in HTTP/1.0 that it is kept, in HTTP/1.1 that it is not.
pub(super) const fn connection(minor: u8, close: Option<Close>) -> Option<&'static [u8]> {
    match (minor, close) {
        (_, Some(Close::ByServer)) | (1, Some(Close::ByClient)) => Some(b"close"),
        (0, None) => Some(b"keep-alive"),
        _ => None,
    }
}
