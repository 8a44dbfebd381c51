use std::borrow::Cow;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use foobar_core::RequestId;
use http::StatusCode;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::{Message, Wire};
use crate::http1::fast_path::Answer;
use crate::http1::head::Noted;
use crate::http1::outgoing;
use crate::http1::outgoing::{End, Outgoing, Request, TURN};
use crate::http1::response_head::{Length, ResponseHead};
use crate::net::Transport;
use crate::reply::{Content, ProblemPage, Reply};

impl<S: Transport> Wire<S> {
    /// Answers a request from its head alone, which has come whole `now`; `false` if it is for hyper.
    pub(crate) fn answer(
        &mut self,
        cx: &mut Context<'_>,
        head: &[u8],
        noted: &Noted,
        now: Instant,
    ) -> io::Result<bool> {
        let worker = Rc::clone(&self.worker);
        let Some(answer) = self.front.answer(&worker, head, noted) else { return Ok(false) };
        let end = self.end_after(&answer);
        let request = Request {
            remote: self.remote.clone(),
            head: Cow::Borrowed(head),
            noted: Cow::Borrowed(noted),
            id: RequestId::generate(),
            since: self.exchange.since(),
            come: now,
            status: answer.reply.status,
            overhead: 0,
            sent: 0,
            worker,
        };
        self.worker.clone().desk.with_output(|out| self.write(cx, out, answer, request, end)).map(|()| true)
    }

    fn end_after(&self, answer: &Answer) -> Option<End> {
        let worker = &self.worker;
        let last = self.exchange.connection.requests() >= worker.limits.requests
            || self.exchange.connection.closes_when_idle();
        match answer.keeps {
            _ if last || worker.connections.is_short() => Some(End::Wanted),
            true => None,
            false => Some(End::Asked),
        }
    }

    /// Writes an answer as far as the client takes it at once.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<u8>,
        answer: Answer,
        mut request: Request<'_>,
        end: Option<End>,
    ) -> io::Result<()> {
        let pace = answer.reply.pace;
        let content = put(out, answer, &mut request, end);
        let at_once = match &content {
            Content::Empty => Some(&[][..]),
            Content::Memory(content) if pace.is_none() => Some(&content[..]),
            Content::Memory(_) | Content::Pieces(_) | Content::File(..) => None,
        };
        let mut outcome = Ok(());
        if let Some(content) = at_once {
            let first = &content[..content.len().min(TURN)];
            let written = match (end, first) {
                (Some(_), []) => self.stream.poll_write_last(cx, out),
                _ => outgoing::poll_write(cx, &mut self.stream, out, first),
            };
            match written {
                Poll::Ready(Ok(bytes)) => {
                    request.sent = bytes as u64;
                    self.handed(bytes);
                    if bytes == out.len() + content.len() {
                        self.answered(end, request.come);
                        request.log();
                        return Ok(());
                    }
                    self.wrote = Instant::now();
                }
                Poll::Ready(Err(error)) => outcome = Err(error),
                Poll::Pending => {}
            }
        }
        self.outgoing = Some(Box::new(Outgoing::new(out, content, request.into_owned(), end, pace)));
        outcome
    }

    /// Writes on, until the client has taken the whole answer.
    pub(crate) fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.spent >= TURN {
                return end_turn(cx);
            }
            let Some(outgoing) = &mut self.outgoing else { return Poll::Ready(Ok(())) };
            match ready!(outgoing.poll_ready(cx))? {
                Some(limit) => {
                    let result = outgoing.poll_write(cx, &mut self.stream, limit);
                    ready!(self.wrote(cx, result))?;
                }
                None => {
                    let end = outgoing.end;
                    self.outgoing = None;
                    self.answered(end, Instant::now());
                }
            }
        }
    }

    /// The client has taken the whole answer.
    fn answered(&mut self, end: Option<End>, now: Instant) {
        self.wrote = now;
        self.end = end;
        self.message = Message::Head(None);
        self.exchange.answered_at_once(now);
    }
}

/// Comes back after the other connections and what has happened on their sockets: a task that only wakes itself is among
/// those that run before the runtime looks there.
fn end_turn<T>(cx: &mut Context<'_>) -> Poll<T> {
    _ = pin!(yield_now()).poll(cx); // pending, and the runtime knows whom to wake
    Poll::Pending
}

/// Writes the head of an answer, and its content if that is small; gives the content that is left.
fn put(out: &mut Vec<u8>, answer: Answer, request: &mut Request<'_>, end: Option<End>) -> Content {
    let Answer { reply, page, .. } = answer;
    let left_out = request.noted.method(&request.head) == b"HEAD";
    let lines = [page.as_ref().map_or(&[][..], |page| &page.fields), reply.fields.as_bytes()];
    let second = request.worker.clock.at(request.come);
    let expires = reply.fields.lifetime().map(|lifetime| second.http_after(lifetime));
    let head = ResponseHead {
        minor: request.noted.minor,
        status: reply.status,
        lines,
        fields: &reply.extra,
        expires: expires.as_deref(),
        length: length(&reply, page.as_deref(), left_out),
        id: request.id,
        connection: connection(request.noted.minor, end),
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

/// What `Content-Length` says; as hyper has it, nothing of a content that nobody announced and that is left out.
fn length(reply: &Reply, page: Option<&ProblemPage>, left_out: bool) -> Length {
    match (reply.length, page, &reply.content) {
        (Some(length), ..) if left_out => Length::Announced(length),
        (Some(length), ..) => Length::Added(length),
        (None, Some(page), _) => Length::Added(page.len() as u64),
        (None, None, Content::Memory(content)) => Length::Added(content.len() as u64),
        (None, None, _) if left_out || reply.status == StatusCode::NOT_MODIFIED => Length::None,
        (None, None, _) => Length::Added(0),
    }
}

/// What is told of the connection; in HTTP/1.0 that it is kept, in HTTP/1.1 that it is not.
const fn connection(minor: u8, end: Option<End>) -> Option<&'static str> {
    match (minor, end) {
        (_, Some(End::Wanted)) | (1, Some(End::Asked)) => Some("close"),
        (0, None) => Some("keep-alive"),
        _ => None,
    }
}

/// Up to so many bytes a copy costs less than a second piece in a write.
const COPIED: usize = 16 << 10;
