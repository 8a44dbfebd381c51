use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use foobar_core::BodyError;
use tokio::time::Instant;

use super::{Client, Connection};
use crate::deadline::HalfClosed;
use crate::http1::early_hints::Hints;
use crate::http1::incoming_content::{Framing, IncomingContent, Rest};
use crate::http1::outgoing::poll_write;
use crate::http1::request_body::Demand;
use crate::net::Transport;

/// It is waited for this long, as in nginx (`lingering_time`).
const LONGEST: Duration = Duration::from_secs(30);

impl<S: Transport> Connection<S> {
    /// What the client does while its request is being answered: reads as much of the body as somebody wants.
    pub(super) fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Client>> {
        let Some(content) = &mut self.content else { return self.poll_gone(cx) };
        match content.feed.demand(cx) {
            Demand::Nothing => return self.poll_gone(cx),
            Demand::More => ready!(self.poll_continue(cx))?,
            Demand::Dropped => match &mut content.rest {
                Rest::Left => return self.poll_gone(cx),
                Rest::Discarded { since, .. } => _ = since.get_or_insert_with(Instant::now),
            },
        }
        match ready!(self.poll_content(cx)) {
            Ok(data) => Poll::Ready(Ok(self.hand_on(data))),
            Err(error) => self.break_off(error),
        }
    }

    /// Tells a client that waits for it to send the content, unless that has come by now.
    fn poll_continue(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let has_come = !self.unread.is_empty();
        while let Some(interim) = self.content.as_mut().and_then(|content| content.interim(has_come)) {
            let written = poll_write(cx, &mut self.stream, interim, &[]);
            let written = ready!(self.wrote(cx, written))?;
            if let Some(content) = &mut self.content {
                content.interim = &interim[written..];
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what the handler tells the client before it answers.
    pub(super) fn poll_hints(&mut self, cx: &mut Context<'_>, hints: &mut Hints) -> Poll<io::Result<()>> {
        while let Some(unsent) = hints.unsent(cx) {
            if self.content.as_deref().is_some_and(IncomingContent::is_being_told) {
                ready!(self.poll_continue(cx))?;
            }
            let written = poll_write(cx, &mut self.stream, unsent, &[]);
            let written = ready!(self.wrote(cx, written))?;
            hints.sent(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads a piece of the content; none of it at its end.
    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        if self.unread.is_empty() {
            let most = self.content.as_deref().map_or(0, |content| content.framing.most());
            let Poll::Ready(read) = self.read_on(cx, most) else { return self.poll_content_deadline(cx) };
            if read? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Poll::Ready(self.take_content())
    }

    /// Takes what belongs to the content from what has been read.
    fn take_content(&mut self) -> io::Result<Bytes> {
        let Some(content) = &mut self.content else { return Ok(Bytes::new()) };
        let data = match &mut content.framing {
            Framing::Sized(left) => {
                let length = usize::try_from(*left).map_or(self.unread.len(), |left| left.min(self.unread.len()));
                *left -= length as u64;
                self.receiving.moved(length as u64);
                self.unread.split_to(length)
            }
            Framing::Chunked(chunks) => {
                let mut data = BytesMut::new();
                let read = chunks.read(&self.unread, &mut data);
                let read = read.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?; // there is one reason
                self.receiving.moved(read as u64);
                drop(self.unread.split_to(read));
                data
            }
        };
        if self.unread.is_empty() {
            self.unread = BytesMut::new(); // no memory is kept
        }
        Ok(data.freeze())
    }

    /// Gives data to whoever reads it, or discards it.
    fn hand_on(&mut self, data: Bytes) -> Client {
        let Some(content) = &mut self.content else { return Client::Sent };
        let is_whole = content.framing.is_done();
        match &mut content.rest {
            Rest::Discarded { most, since: Some(_) } => match most.checked_sub(data.len() as u64) {
                Some(less) => *most = less,
                None => return Client::Gone,
            },
            _ if data.is_empty() => {}
            _ => content.feed.push(data),
        }
        if is_whole {
            content.feed.end(Ok(()));
            self.content = None;
        }
        Client::Sent
    }

    /// The content will not come whole: whoever reads it learns why, and answers.
    fn break_off(&mut self, error: io::Error) -> Poll<io::Result<Client>> {
        let Some(content) = self.content.take() else { return Poll::Ready(Err(error)) };
        self.is_broken = true;
        if error.kind() == io::ErrorKind::UnexpectedEof {
            self.half_closed.get_or_insert_with(HalfClosed::now);
        }
        let is_discarded = matches!(content.rest, Rest::Discarded { since: Some(_), .. });
        content.feed.end(Err(error));
        Poll::Ready(Ok(if is_discarded { Client::Gone } else { Client::Sent }))
    }

    /// By when more of the content has to come.
    fn poll_content_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let limits = self.worker.limits;
        let mut deadline = self.receiving.deadline(limits.body_time, limits.rate);
        if let Some(Rest::Discarded { since: Some(since), .. }) = self.content.as_ref().map(|content| content.rest) {
            deadline = deadline.min(since + LONGEST);
        }
        ready!(self.reading.poll(cx, deadline));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, BodyError::TooSlow)))
    }
}
