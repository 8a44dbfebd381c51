//! What has been answered and the client has not taken yet.
//!
//! - Nothing of a large file is held for a client: it is sent by sendfile in pieces of 2 MiB. Whether a piece would
//!   wait for a disk is asked before (`preadv2` with `RWF_NOWAIT`, a byte in every 128 KiB); what would is read on the
//!   file-reading pool, and so is all of it on a file system that does not tell, such as overlayfs.
//!   `benches/static/README.md` has the figures.
//! - A file that has changed within the last 2 s is read instead: sendfile queues the page itself, whose tail the
//!   system clears when the file is truncated. One that is truncated in place for the first time while it is sent may
//!   so arrive with zeros in its last page, as from any server that uses sendfile: replace files by renaming.
//! - A turn is 512 KiB, or one piece by sendfile; then the other connections have theirs. Where the congestion control
//!   is BBR, this also saves a quarter of the time for 1 MiB: it spaces out what one connection sends at once by a
//!   timer.

mod file_body;
mod send_file;
mod write;

use std::borrow::Cow;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use foobar_core::RequestId;
use http::StatusCode;
use tokio::time::Instant;

use super::head::{Field, HeadIndex};
use crate::access_log::{Line, RequestLine};
use crate::counters::RouteId;
use crate::deadline::Pacer;
use crate::net::{AddressSlot, Transport};
use crate::reply::{Content, Pace, Pieces};
use crate::worker::Worker;
use file_body::FileContent;

pub(crate) use write::{poll_write, poll_write_vectored};

/// An answer of the fast path's on its way to the client, as far as the client has not taken it.
pub(crate) struct Outgoing {
    rest: Rest,
    pacer: Option<Pacer>,
    request: Request<'static>,
    /// How the connection ends with it, if it does.
    pub(crate) close: Option<Close>,
}

/// Why nothing follows an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// The client asked for it, and sends nothing more.
    ByClient,
    /// The server wants it.
    ByServer,
}

/// A request that the fast path answers, and how far the answer has come.
pub(crate) struct Request<'a> {
    pub(crate) worker: Rc<Worker>,
    /// The client's address.
    pub(crate) remote: Option<Rc<str>>,
    /// The client's place, until it has taken the answer.
    pub(crate) _place: AddressSlot,
    pub(crate) head: Cow<'a, [u8]>,
    pub(crate) index: Cow<'a, HeadIndex>,
    pub(crate) id: RequestId,
    /// When its first byte came.
    pub(crate) since: Instant,
    /// When its head had come whole.
    pub(crate) come: Instant,
    pub(crate) route: RouteId,
    pub(crate) status: StatusCode,
    /// The bytes of the answer that are not content.
    pub(crate) overhead: usize,
    /// The bytes of the answer that were sent.
    pub(crate) sent: u64,
}

/// What is left of an answer.
enum Rest {
    Memory(Pieces),
    File(FileContent),
}

/// After so many bytes it is another connection's turn. From memory no more is written at once; a file that the system
/// sends goes in larger pieces. Turns of 2 MiB take two fifths more time for contents of 1 MiB where the congestion control
/// is BBR, which spaces out what one connection sends.
pub(crate) const SEND_QUANTUM: usize = 512 << 10;

/// Up to this many bytes a copy costs less than a second piece in a write.
pub(crate) const COPIED: usize = 16 << 10;

impl Outgoing {
    /// What is left of an answer with this head and content, of which the request tells how much has been sent.
    pub(crate) fn new(
        head: &[u8],
        content: Content,
        request: Request<'static>,
        close: Option<Close>,
        pace: Option<Pace>,
    ) -> Self {
        let sent = request.sent as usize;
        let left = Bytes::copy_from_slice(head.get(sent..).unwrap_or_default()); // it may have been sent whole
        let rest = match content {
            Content::Empty => Rest::Memory(Pieces::from_iter([left])),
            Content::Memory(content) => {
                Rest::Memory(Pieces::from_iter([left, content.slice(sent.saturating_sub(head.len())..)]))
            }
            Content::Pieces(mut pieces) => {
                pieces.advance(sent.saturating_sub(head.len()));
                pieces.push_front(left);
                Rest::Memory(pieces)
            }
            Content::File(file, segments) => Rest::File(FileContent::new(left, file, segments)),
        };
        Self { rest, pacer: pace.map(Pacer::new), request, close }
    }

    fn is_done(&self) -> bool {
        match &self.rest {
            Rest::Memory(pieces) => pieces.is_empty(),
            Rest::File(content) => content.is_done(),
        }
    }

    /// Waits for what is not the client: the disk, the pace. Gives how much may be written; `None` when all has been.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<usize>>> {
        if self.is_done() {
            return Poll::Ready(Ok(None));
        }
        if let Rest::File(content) = &mut self.rest {
            ready!(content.poll_ready(cx))?;
        }
        let limit = match &mut self.pacer {
            Some(pacer) => ready!(pacer.poll(cx)),
            None => usize::MAX,
        };
        Poll::Ready(Ok(Some(limit)))
    }

    /// Writes what the client takes, at most `limit` bytes.
    pub(crate) fn poll_write<S: Transport>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.rest {
            Rest::File(content) => ready!(content.poll_write(cx, stream, limit))?,
            Rest::Memory(pieces) => {
                let mut slices = [IoSlice::new(&[]); Pieces::MOST];
                let count = pieces.first(&mut slices, limit.min(SEND_QUANTUM));
                let written = ready!(poll_write_vectored(cx, stream, &slices[..count]))?;
                pieces.advance(written);
                written
            }
        };
        self.request.sent += written as u64;
        if let Some(pacer) = &mut self.pacer {
            pacer.sent(written);
        }
        Poll::Ready(Ok(written))
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.request.log(Instant::now());
    }
}

impl Request<'_> {
    /// Counts and logs what has been sent as soon as the request had come: only the log wants to know how long that took, as
    /// the clock takes as long.
    pub(crate) fn log_at_once(&self) {
        let is_told = self.worker.pipeline.log.is_on();
        self.log(if is_told { Instant::now() } else { self.come });
    }

    /// Counts and logs what has become of it, until it `ended`.
    pub(crate) fn log(&self, ended: Instant) {
        let pipeline = &self.worker.pipeline;
        let duration = ended.saturating_duration_since(self.since);
        pipeline.counters.answered(self.route, self.status, duration);
        pipeline.counters.at_once();
        if !pipeline.log.is_on() {
            return;
        }
        let value = |field| self.index.value(field, &self.head);
        pipeline.log.write(&Line {
            remote: self.remote.as_deref(),
            request: RequestLine::Raw(self.index.line(&self.head)),
            host: value(Field::Host),
            referer: value(Field::Referer),
            agent: value(Field::UserAgent),
            id: self.id,
            status: self.status,
            sent: self.sent.saturating_sub(self.overhead as u64),
            duration,
        });
    }

    /// The same, for as long as it takes.
    pub(crate) fn into_owned(self) -> Request<'static> {
        Request { head: Cow::Owned(self.head.into_owned()), index: Cow::Owned(self.index.into_owned()), ..self }
    }
}
