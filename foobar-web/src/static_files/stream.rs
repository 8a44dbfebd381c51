use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use foobar_core::BoxError;
use http_body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use super::buffer::{Buffer, SLICE};
use super::disk_file::DiskFile;
use super::reply::Segment;
use super::source::Wait;

/// Pieces of a file, and text between them, read in slices as they are sent.
///
/// A slice that the system has in memory is read on the spot; for others the file-reading pool waits, and lets the
/// system read ahead meanwhile. It yields exactly the announced length: a file that grows is sent up to it, one that
/// shrinks ends in an error.
pub(super) struct FileStream {
    file: Arc<DiskFile>,
    segments: VecDeque<Segment>,
    reading: Option<JoinHandle<io::Result<Buffer>>>,
    remaining: u64,
}

/// What is read ahead of a slice that was not in memory.
const WINDOW: u64 = 2 << 20;

impl FileStream {
    /// Reads nothing before it is polled.
    pub(super) fn new(file: Arc<DiskFile>, segments: Vec<Segment>) -> Self {
        let remaining = segments.iter().map(Segment::len).sum();
        Self { file, segments: segments.into(), reading: None, remaining }
    }

    fn poll_slice(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(reading) = &mut self.reading {
            let read = ready!(Pin::new(reading).poll(cx)).unwrap_or_else(|lost| Err(lost.into()));
            self.reading = None;
            return Poll::Ready(Some(read.map(Bytes::from_owner)));
        }
        match self.segments.pop_front() {
            None => Poll::Ready(None),
            Some(Segment::Text(text)) => Poll::Ready(Some(Ok(text))),
            Some(Segment::File(range)) => match self.read(range) {
                Some(read) => Poll::Ready(Some(read.map(Bytes::from_owner))),
                None => self.poll_slice(cx),
            },
        }
    }

    /// Reads the first slice of a range and puts back the rest; `None` if the pool has to.
    fn read(&mut self, range: Range<u64>) -> Option<io::Result<Buffer>> {
        let length = (range.end - range.start).min(SLICE as u64);
        let rest = range.start + length..range.end;
        if !rest.is_empty() {
            self.segments.push_front(Segment::File(rest));
        }
        let mut buffer = Buffer::take(length as usize);
        match self.file.read(buffer.as_mut(), range.start, Wait::Never) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let file = Arc::clone(&self.file);
                self.reading = Some(self.file.pool().spawn(move || read_ahead(&file, buffer, range)));
                None
            }
            read => Some(read.map(|()| buffer)),
        }
    }
}

fn read_ahead(file: &DiskFile, mut buffer: Buffer, range: Range<u64>) -> io::Result<Buffer> {
    if let Some(window) = NonZeroU64::new((range.end - range.start).min(WINDOW)) {
        file.will_need(range.start, window);
    }
    file.read(buffer.as_mut(), range.start, Wait::Allowed)?;
    Ok(buffer)
}

impl http_body::Body for FileStream {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
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
