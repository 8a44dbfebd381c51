use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use foobar_core::BoxError;
use http_body::{Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use super::reply::Segment;

/// Pieces of a file, and text between them, read in slices on the blocking pool; one slice is read ahead while the
/// former is sent.
///
/// It yields exactly the announced length: a file that grows is sent up to it, one that shrinks ends in an error.
pub(super) struct FileStream {
    file: Arc<File>,
    segments: VecDeque<Segment>,
    next: Option<Slice>,
    remaining: u64,
}

enum Slice {
    AtHand(Bytes),
    Reading(JoinHandle<io::Result<Bytes>>),
}

/// Large enough that a thread's wake-up is small beside the copy, small enough for many slow clients.
const SLICE: u64 = 128 << 10;

impl FileStream {
    /// Reads nothing before it is polled, which must happen on a tokio runtime.
    pub(super) fn new(file: Arc<File>, segments: Vec<Segment>) -> Self {
        let remaining = segments.iter().map(Segment::len).sum();
        Self { file, segments: segments.into(), next: None, remaining }
    }

    /// Begins to read the next slice; `None` at the end.
    fn advance(&mut self) -> Option<Slice> {
        let slice = match self.segments.pop_front()? {
            Segment::Text(text) => Slice::AtHand(text),
            Segment::File(range) => Slice::Reading(self.read(range)),
        };
        Some(slice)
    }

    /// Reads the first slice of a range and puts back the rest.
    fn read(&mut self, range: Range<u64>) -> JoinHandle<io::Result<Bytes>> {
        let slice = range.start..range.end.min(range.start + SLICE);
        if slice.end < range.end {
            self.segments.push_front(Segment::File(slice.end..range.end));
        }
        let file = Arc::clone(&self.file);
        spawn_blocking(move || read(&file, slice))
    }
}

impl Slice {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        match self {
            Self::AtHand(text) => Poll::Ready(Ok(std::mem::take(text))),
            Self::Reading(read) => Pin::new(read).poll(cx).map(|done| done.unwrap_or_else(|lost| Err(lost.into()))),
        }
    }
}

impl http_body::Body for FileStream {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.next.is_none() {
            self.next = self.advance();
        }
        let Some(slice) = &mut self.next else { return Poll::Ready(None) };
        let read = ready!(slice.poll(cx));
        match &read {
            Ok(bytes) => self.remaining -= bytes.len() as u64,
            Err(_) => self.segments.clear(), // what follows a gap is not sent
        }
        self.next = self.advance();
        Poll::Ready(Some(read.map(Frame::data).map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

/// Reads these bytes of a file; an error if it ends before.
pub(super) fn read(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut buffer = Vec::with_capacity(length);
    while buffer.len() < length {
        let offset = range.start + buffer.len() as u64;
        if rustix::io::pread(file, rustix::buffer::spare_capacity(&mut buffer), offset)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
        }
    }
    buffer.truncate(length); // it may have had room for more
    Ok(buffer.into())
}

/// The segments in one piece, from a file that is in memory.
pub(super) fn gather(content: &Bytes, segments: &[Segment]) -> Bytes {
    let piece = |segment: &Segment| match segment {
        Segment::Text(text) => text.clone(),
        Segment::File(range) => content.slice(range.start as usize..range.end as usize),
    };
    match segments {
        [only] => piece(only),
        several => several.iter().map(piece).collect::<Vec<_>>().concat().into(),
    }
}
