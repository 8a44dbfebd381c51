use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use foobar_core::BoxError;
use futures_util::task::AtomicWaker;
use http_body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use super::segment::Segment;
use crate::file_source::{Blocking, DiskFile};

/// Pieces of a file, and text between them, read in slices as they are sent.
///
/// A slice is read when the one before has been dropped, so that a client that takes nothing costs no more than one.
/// Who wants the whole content must copy the slices, for it gets no further while it holds one.
///
/// A slice that the system has in memory is read on the spot; for others the file-reading pool waits, and lets the
/// system read ahead meanwhile. It yields exactly the announced length: a file that grows is sent up to it, one that
/// shrinks ends in an error.
pub(crate) struct FileStream {
    file: Arc<DiskFile>,
    segments: VecDeque<Segment>,
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
    remaining: u64,
    out: Arc<Out>,
}

/// What is read at a time, as by nginx.
const SLICE: u64 = 32 << 10;
/// What is read ahead of a slice that was not in memory.
const WINDOW: u64 = 2 << 20;

impl FileStream {
    /// Reads nothing before it is polled.
    pub(crate) fn new(file: Arc<DiskFile>, segments: Vec<Segment>) -> Self {
        let remaining = segments.iter().map(Segment::len).sum();
        Self { file, segments: segments.into(), reading: None, remaining, out: Arc::default() }
    }

    fn poll_slice(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(reading) = &mut self.reading {
            let read = ready!(Pin::new(reading).poll(cx)).unwrap_or_else(|lost| Err(lost.into()));
            self.reading = None;
            return Poll::Ready(Some(read.map(|slice| self.lend(slice))));
        }
        match self.segments.pop_front() {
            None => Poll::Ready(None),
            Some(Segment::Text(text)) => Poll::Ready(Some(Ok(text))),
            Some(Segment::File(range)) => match self.read(range) {
                Some(read) => Poll::Ready(Some(read.map(|slice| self.lend(slice)))),
                None => self.poll_slice(cx),
            },
        }
    }

    fn lend(&self, slice: Vec<u8>) -> Bytes {
        self.out.held.store(true, Ordering::Relaxed);
        Bytes::from_owner(Slice { content: slice, out: Arc::clone(&self.out) })
    }

    /// Reads the first slice of a range and puts back the rest; `None` if the pool has to.
    fn read(&mut self, range: Range<u64>) -> Option<io::Result<Vec<u8>>> {
        let length = (range.end - range.start).min(SLICE);
        let rest = range.start + length..range.end;
        if !rest.is_empty() {
            self.segments.push_front(Segment::File(rest));
        }
        let mut buffer = vec![0; length as usize];
        match self.file.read(&mut buffer, range.start, Blocking::Forbidden) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let file = Arc::clone(&self.file);
                self.reading = Some(self.file.pool().spawn(move || read_ahead(&file, buffer, range)));
                None
            }
            read => Some(read.map(|()| buffer)),
        }
    }
}

/// The slice that was given out last.
struct Slice {
    content: Vec<u8>,
    out: Arc<Out>,
}

/// Whether a slice is out, and who waits for it to be dropped.
#[derive(Default)]
struct Out {
    held: AtomicBool,
    waits: AtomicWaker,
}

impl Out {
    fn poll_back(&self, cx: &Context<'_>) -> Poll<()> {
        self.waits.register(cx.waker());
        if self.held.load(Ordering::Acquire) { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

impl Drop for Slice {
    fn drop(&mut self) {
        self.out.held.store(false, Ordering::Release);
        self.out.waits.wake();
    }
}

fn read_ahead(file: &DiskFile, mut buffer: Vec<u8>, range: Range<u64>) -> io::Result<Vec<u8>> {
    if let Some(window) = NonZeroU64::new((range.end - range.start).min(WINDOW)) {
        file.will_need(range.start, window);
    }
    file.read(&mut buffer, range.start, Blocking::Allowed)?;
    Ok(buffer)
}

impl http_body::Body for FileStream {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        ready!(self.out.poll_back(cx));
        let Some(read) = ready!(self.poll_slice(cx)) else { return Poll::Ready(None) };
        match &read {
            Ok(bytes) => self.remaining -= bytes.len() as u64,
            Err(_) => self.segments.clear(), // what follows a gap is not sent
        }
        Poll::Ready(Some(read.map(Frame::data).map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
