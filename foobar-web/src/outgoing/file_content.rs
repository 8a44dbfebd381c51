use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::task::JoinHandle;

use super::poll_write;
use super::send_file::{poll_send_file, poll_write_before};
use crate::static_files::{Buffer, DiskFile, SLICE, Segment, Wait};
use crate::transport::Transport;

/// Pieces of a file on their way to a client, and text between them.
///
/// Nothing of the file is kept for a client that does not take it: a slice is read when there is room for it in the
/// socket, or sent by the system without being read. What is not in memory is read on the file-reading pool first.
/// Exactly the announced length is sent: of a file that grows no more, for one that shrinks the connection is cut.
pub(super) struct FileContent {
    file: Arc<DiskFile>,
    text: Bytes,
    segments: VecDeque<Segment>,
    reading: Option<JoinHandle<io::Result<Buffer>>>,
    slice: Option<Buffer>,
}

/// From so many bytes on, the system sends a range by itself; below, reading it and sending it with the head is cheaper.
const BY_THE_SYSTEM: u64 = 256 << 10;
/// What the system sends at a time, as in nginx; smaller pieces cost a quarter more.
const CHUNK: u64 = 2 << 20;
/// What is read ahead of a slice that was not in memory.
const WINDOW: u64 = 2 << 20;

impl FileContent {
    /// `head` is sent before the first piece.
    pub(super) fn new(head: Bytes, file: Arc<DiskFile>, segments: Vec<Segment>) -> Self {
        Self { file, text: head, segments: segments.into(), reading: None, slice: None }
    }

    pub(super) fn is_done(&self) -> bool {
        self.text.is_empty() && self.segments.is_empty()
    }

    /// Waits for the file-reading pool, where it has been asked.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(reading) = &mut self.reading {
            let read = ready!(Pin::new(reading).poll(cx)).unwrap_or_else(|lost| Err(lost.into()));
            self.reading = None;
            self.slice = Some(read?);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what the client takes, at most `limit` bytes; 0 where the pool has been asked for what comes next.
    pub(super) fn poll_write<S: Transport>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        if let (true, Some(Segment::Text(text))) = (self.text.is_empty(), self.segments.front_mut()) {
            self.text = std::mem::take(text);
            self.segments.pop_front();
        }
        let Some(Segment::File(range)) = self.segments.front().cloned() else {
            let text = &self.text[..self.text.len().min(limit)];
            return poll_write(cx, stream, text, &[]).map_ok(|written| self.took(written));
        };
        stream.watch()?;
        ready!(stream.poll_writable(cx))?;
        if S::SENDS_FILES && self.slice.is_none() && range.end - range.start >= BY_THE_SYSTEM {
            return self.poll_send(cx, stream, range, limit);
        }
        let Some(slice) = self.slice(range)? else { return Poll::Ready(Ok(0)) };
        let text = &self.text[..self.text.len().min(limit)];
        let content = &slice.as_ref()[..slice.as_ref().len().min(limit - text.len())];
        let written = poll_write(cx, stream, text, content);
        if written.is_pending() {
            self.slice = Some(slice);
        }
        written.map_ok(|written| self.took(written))
    }

    /// Has the system send the beginning of a range, after the text that comes before.
    fn poll_send<S: Transport>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        range: Range<u64>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        if !self.text.is_empty() {
            let text = &self.text[..self.text.len().min(limit)];
            return poll_write_before(cx, stream, text).map_ok(|written| self.took(written));
        }
        let length = CHUNK.min(limit as u64).min(range.end - range.start);
        match self.file.read(&mut [0], range.start + length - 1, Wait::Never) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.read(range);
                return Poll::Ready(Ok(0));
            }
            found => found?,
        }
        let sent = ready!(poll_send_file(cx, stream, &*self.file, range.start, length as usize))?;
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        Poll::Ready(Ok(self.took(sent)))
    }

    /// The beginning of a range; `None` if the pool has to read it.
    fn slice(&mut self, range: Range<u64>) -> io::Result<Option<Buffer>> {
        if let Some(slice) = self.slice.take() {
            return Ok(Some(slice));
        }
        let mut slice = Buffer::take(length_of_slice(&range));
        match self.file.read(slice.as_mut(), range.start, Wait::Never) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.read(range);
                Ok(None)
            }
            read => read.map(|()| Some(slice)),
        }
    }

    /// Has the pool read the beginning of a range, and the system what follows it.
    fn read(&mut self, range: Range<u64>) {
        let file = Arc::clone(&self.file);
        self.reading = Some(self.file.pool().spawn(move || {
            let mut slice = Buffer::take(length_of_slice(&range));
            if let Some(window) = NonZeroU64::new((range.end - range.start).min(WINDOW)) {
                file.will_need(range.start, window);
            }
            file.read(slice.as_mut(), range.start, Wait::Allowed)?;
            Ok(slice)
        }));
    }

    /// The client has taken so many bytes.
    fn took(&mut self, bytes: usize) -> usize {
        let of_text = bytes.min(self.text.len());
        self.text.advance(of_text);
        if let (of_file @ 1.., Some(Segment::File(range))) = (bytes - of_text, self.segments.front_mut()) {
            range.start += of_file as u64;
            if range.is_empty() {
                self.segments.pop_front();
            }
        }
        bytes
    }
}

fn length_of_slice(range: &Range<u64>) -> usize {
    (range.end - range.start).min(SLICE as u64) as usize
}
