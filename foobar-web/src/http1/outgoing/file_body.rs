use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::send_file::{poll_send_file, poll_write_before};
use super::write::poll_write;
use crate::file_source::{Blocking, Buffer, DiskFile, SLICE, is_refused};
use crate::net::Transport;
use crate::reply::Segment;

/// Pieces of a file on their way to a client, and text between them.
///
/// Nothing of the file is kept for a client that does not take it: a slice is read when there is room for it in the
/// socket, or sent by the system without being read. What is not in memory is read on the file-reading pool first.
/// Exactly the announced length is sent: of a file that grows no more, for one that shrinks the connection is cut.
pub(crate) struct FileContent {
    file: Arc<DiskFile>,
    text: Bytes,
    segments: VecDeque<Segment>,
    reading: Option<JoinHandle<io::Result<Buffer>>>,
    slice: Option<Buffer>,
    /// Up to here the first range was found to be in memory.
    seen: u64,
    cork: Cork,
    /// Whether the system refused to send the file by itself: then it is read.
    refused: bool,
}

/// Whether the socket [holds back](Transport::cork) what does not fill a packet.
enum Cork {
    /// It has not been asked to.
    Out,
    In,
    /// It would save nothing.
    Needless,
}

/// From so many bytes on, the system sends a range by itself; below, reading it and sending it with the head is cheaper.
const BY_THE_SYSTEM: u64 = 256 << 10;
/// What the system sends at a time, as in nginx; smaller pieces cost a quarter more.
const CHUNK: u64 = 2 << 20;
/// What the system reads ahead, mostly: what is in memory is so in pieces of this size. To ask for each costs 1.5 %.
const UNIT: u64 = 128 << 10;
/// What is read ahead of a slice that was not in memory.
const WINDOW: u64 = 2 << 20;

impl FileContent {
    /// `head` is sent before the first piece.
    pub(crate) fn new(head: Bytes, file: Arc<DiskFile>, segments: Vec<Segment>) -> Self {
        Self {
            file,
            text: head,
            segments: segments.into(),
            reading: None,
            slice: None,
            seen: 0,
            cork: Cork::Out,
            refused: false,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.text.is_empty() && self.segments.is_empty()
    }

    /// Waits for the file-reading pool, where it has been asked.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(reading) = &mut self.reading {
            let read = ready!(Pin::new(reading).poll(cx)).unwrap_or_else(|lost| Err(lost.into()));
            self.reading = None;
            self.slice = Some(read?);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what the client takes, at most `limit` bytes; 0 where the pool has been asked for what comes next.
    pub(crate) fn poll_write<S: Transport>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.poll_piece(cx, stream, limit))?;
        if self.is_done() && matches!(self.cork, Cork::In) {
            stream.uncork();
        }
        Poll::Ready(Ok(written))
    }

    fn poll_piece<S: Transport>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let owed = ready!(stream.poll_owed(cx))?;
        if owed > 0 {
            return Poll::Ready(Ok(self.took(owed))); // it need not be read again
        }
        if let (true, Some(Segment::Text(text))) = (self.text.is_empty(), self.segments.front_mut()) {
            self.text = std::mem::take(text);
            self.segments.pop_front();
        }
        let Some(Segment::File(range)) = self.segments.front().cloned() else {
            let text = &self.text[..self.text.len().min(limit)];
            return poll_write(cx, stream, text, &[]).map_ok(|written| self.took(written));
        };
        ready!(stream.poll_writable(cx))?;
        let long = !self.refused && self.slice.is_none() && range.end - range.start >= BY_THE_SYSTEM;
        // What the system has queued is the page itself: of a file that is being truncated it would send zeros.
        if S::SUPPORTS_SENDFILE && long && !self.file.is_changing()? {
            return self.poll_send(cx, stream, range, limit);
        }
        let Some(slice) = self.slice(range, limit)? else { return Poll::Ready(Ok(0)) };
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
        let end = range.end.min(range.start + CHUNK.min(limit as u64));
        let length = self.in_memory(range.start..end)?;
        if length == 0 {
            self.read(range, SLICE);
            return Poll::Ready(Ok(0));
        }
        let paced = limit < usize::MAX; // then each piece is to go out when it is its time
        if matches!(self.cork, Cork::Out) && !paced {
            self.cork = if stream.cork() { Cork::In } else { Cork::Needless };
        }
        let sent = match ready!(poll_send_file(cx, stream, &*self.file, range.start, length)) {
            Err(error) if Errno::from_io_error(&error).is_some_and(is_refused) => {
                self.refused = true;
                return self.poll_piece(cx, stream, limit);
            }
            sent => sent?,
        };
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        Poll::Ready(Ok(self.took(sent)))
    }

    /// How many bytes at the beginning of a range are in memory, so that sending them does not wait for the disk. Nothing
    /// is asked for twice.
    fn in_memory(&mut self, range: Range<u64>) -> io::Result<usize> {
        self.seen = self.seen.max(range.start);
        while self.seen < range.end {
            let next = range.end.min(self.seen + UNIT);
            match self.file.read(&mut [0], next - 1, Blocking::Forbidden) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                found => found?,
            }
            self.seen = next;
        }
        Ok((self.seen.min(range.end) - range.start) as usize)
    }

    /// The beginning of a range, at most `limit` bytes; `None` if the pool has to read it.
    fn slice(&mut self, range: Range<u64>, limit: usize) -> io::Result<Option<Buffer>> {
        if let Some(slice) = self.slice.take() {
            return Ok(Some(slice));
        }
        let mut slice = Buffer::take(length_of_slice(&range, limit));
        match self.file.read(slice.as_mut(), range.start, Blocking::Forbidden) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.read(range, limit);
                Ok(None)
            }
            read => read.map(|()| Some(slice)),
        }
    }

    /// Has the pool read the beginning of a range, at most `limit` bytes, and the system what follows it.
    fn read(&mut self, range: Range<u64>, limit: usize) {
        let file = Arc::clone(&self.file);
        self.reading = Some(self.file.pool().spawn(move || {
            let mut slice = Buffer::take(length_of_slice(&range, limit));
            if let Some(window) = NonZeroU64::new((range.end - range.start).min(WINDOW)) {
                file.will_need(range.start, window);
            }
            file.read(slice.as_mut(), range.start, Blocking::Allowed)?;
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
                self.seen = 0;
            }
        }
        bytes
    }
}

fn length_of_slice(range: &Range<u64>, limit: usize) -> usize {
    (range.end - range.start).min(SLICE.min(limit) as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_source::tells_what_is_in_memory;
    use crate::net::TcpConnection;
    use crate::plan::{Given, Plan};
    use crate::reply::Content;
    use crate::request::RequestView;
    use crate::{SiteSettings, WebSettings};
    use rustix::fs::Advice;
    use std::fs::File;
    use std::io::{Read, Write};

    const MIB: u64 = 1 << 20;

    /// A file of 8 MiB, as a site serves it.
    async fn content(folder: &std::path::Path) -> FileContent {
        let mut file = File::create(folder.join("a.bin")).unwrap();
        (0..2048).for_each(|_| file.write_all(&[b'x'; 4096]).unwrap()); // small pieces in memory too
        file.sync_all().unwrap(); // what has not been written cannot be given up
        let web = WebSettings { access_log: "off".to_owned(), ..WebSettings::default() };
        let site = SiteSettings { root: Some(folder.to_owned()), ..SiteSettings::default() };
        let plan = Plan::compile(&web, &[("a".to_owned(), site)].into(), &Given::default()).unwrap();
        let request = http::Request::get("/a.bin").body(()).unwrap().into_parts().0;
        let site = plan.sites.at(plan.sites.serving(None).unwrap());
        let route = site.routes.find(b"/a.bin");
        let reply = route.reply(RequestView::of(&request), b"/a.bin").await.unwrap();
        let Content::File(file, segments) = reply.content else { panic!("it is not kept in memory") };
        FileContent::new(Bytes::new(), file, segments)
    }

    #[tokio::test]
    async fn what_has_left_memory_is_noticed_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        if !tells_what_is_in_memory(folder.path()) {
            return;
        }
        let mut content = content(folder.path()).await;
        assert_eq!(content.in_memory(0..2 * MIB).unwrap(), 2 << 20);
        assert_eq!((content.seen, content.in_memory(MIB..3 * MIB).unwrap()), (2 * MIB, 2 << 20));
        if rustix::fs::fstatfs(&*content.file).unwrap().f_type == TMPFS {
            return; // there is nowhere else for it to be
        }
        while content.in_memory(3 * MIB..5 * MIB).unwrap() > 1 << 20 {
            content.seen = 3 * MIB;
            // The system keeps what it is just putting away, and has to be told again.
            rustix::fs::fadvise(&*content.file, 4 * MIB, NonZeroU64::new(256 << 10), Advice::DontNeed).unwrap();
            std::thread::yield_now();
        }
        assert_eq!(content.in_memory(3 * MIB..5 * MIB).unwrap(), 1 << 20);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_socket_holds_back_what_fills_no_packet_and_nothing_after_the_end_of_a_file() {
        use rustix::net::sockopt::{set_tcp_congestion, tcp_cork};
        let folder = tempfile::tempdir().unwrap();
        if !tells_what_is_in_memory(folder.path()) {
            return;
        }
        let mut content = content(folder.path()).await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.accept().unwrap().0;
        set_tcp_congestion(&server, "reno").unwrap(); // every Linux has it
        let socket = server.try_clone().unwrap();
        server.set_nonblocking(true).unwrap();
        let mut stream = TcpConnection::Fresh(server);
        let reader = std::thread::spawn(move || client.read_exact(&mut vec![0; 8 << 20]));
        while content.file.is_changing().unwrap() {
            std::thread::yield_now(); // what may still be written to is not left to the system
        }
        let mut corked = false;
        while !content.is_done() {
            std::future::poll_fn(|cx| content.poll_ready(cx)).await.unwrap();
            std::future::poll_fn(|cx| content.poll_write(cx, &mut stream, usize::MAX)).await.unwrap();
            corked |= tcp_cork(&socket).unwrap();
        }
        assert!(corked && !tcp_cork(&socket).unwrap());
        reader.join().unwrap().unwrap();
    }

    const TMPFS: i64 = 0x0102_1994;

    #[tokio::test]
    async fn no_more_of_a_file_is_read_than_may_be_sent() {
        let folder = tempfile::tempdir().unwrap();
        let mut content = content(folder.path()).await;
        if let Some(slice) = content.slice(0..8 * MIB, 1000).unwrap() {
            assert_eq!(slice.as_ref().len(), 1000);
        } else {
            assert!(!tells_what_is_in_memory(folder.path()), "it has just been written");
        }
        content.read(0..8 * MIB, 1000);
        std::future::poll_fn(|cx| content.poll_ready(cx)).await.unwrap();
        assert_eq!(content.slice.unwrap().as_ref().len(), 1000);
    }
}
