use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::random::Random;
use crate::net::Transport;

/// The server's end of a simulated connection. It reads and writes as much at a time as chance has it, and sometimes
/// has its task come back for no reason, as the runtime does with one that has used up its share.
pub(crate) struct Socket(Arc<Mutex<Line>>);

/// What lies between the two ends.
pub(crate) struct Line {
    random: Random,
    /// What the client has sent and the server has not read.
    pub(crate) sent: BytesMut,
    /// Whether the client has closed its side.
    pub(crate) ended: bool,
    /// What the server has written and the client has not taken.
    pub(crate) written: BytesMut,
    /// The most that may wait for the client.
    room: usize,
    /// Whether it takes several pieces in one write.
    gathers: bool,
    /// Once in so many times it takes or gives less than it could, or nothing.
    hinders: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Whether the server has closed its side.
    pub(crate) shut: bool,
    /// Whether the server has discarded what the client did not take.
    pub(crate) reset: bool,
    /// How often the server was sent back for no reason.
    pub(crate) postponed: usize,
    /// How many bytes it has read and written.
    pub(crate) moved: usize,
    /// How often it read or wrote.
    pub(crate) calls: usize,
}

/// More than the longest connection needs.
const MOST_CALLS: usize = 1 << 20;

impl Line {
    pub(crate) fn new(mut random: Random, room: usize) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            gathers: random.one_in(2),
            hinders: [3, 10, 100][random.below(3)],
            random,
            sent: BytesMut::new(),
            ended: false,
            written: BytesMut::new(),
            room,
            reader: None,
            writer: None,
            shut: false,
            reset: false,
            postponed: 0,
            moved: 0,
            calls: 0,
        }))
    }

    /// The client sends.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.sent.extend_from_slice(bytes);
        self.reader.take().inspect(Waker::wake_by_ref);
    }

    /// The client closes its side.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.reader.take().inspect(Waker::wake_by_ref);
    }

    /// The client takes so many bytes.
    pub(crate) fn take(&mut self, bytes: usize) -> BytesMut {
        self.writer.take().inspect(Waker::wake_by_ref);
        self.written.split_to(bytes)
    }

    fn poll_turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.calls += 1;
        assert!(self.calls < MOST_CALLS, "it reads or writes for ever");
        if self.random.one_in(self.hinders) {
            self.postponed += 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<usize> {
        match self.room.saturating_sub(self.written.len()) {
            0 => {
                self.writer = Some(cx.waker().clone());
                Poll::Pending
            }
            room => Poll::Ready(room),
        }
    }

    fn poll_write(&mut self, cx: &Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(cx));
        let mut room = ready!(self.poll_room(cx));
        if self.random.one_in(self.hinders) {
            room = self.random.up_to(room);
        }
        let before = self.written.len();
        for slice in slices {
            let length = slice.len().min(room);
            self.written.extend_from_slice(&slice[..length]);
            room -= length;
        }
        let written = self.written.len() - before;
        self.moved += written;
        Poll::Ready(Ok(written))
    }
}

impl Socket {
    pub(crate) fn new(line: &Arc<Mutex<Line>>) -> Self {
        Self(Arc::clone(line))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // also where the test has failed
    }
}

impl Transport for Socket {
    const SUPPORTS_SENDFILE: bool = false;

    fn reset(&self) {
        self.line().reset = true;
    }

    fn enable_keepalive(&self) {}

    fn cork(&self) -> bool {
        false
    }

    fn uncork(&self) {}

    fn unacknowledged(&self) -> u64 {
        self.line().written.len() as u64
    }

    fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.line().ended)
    }

    fn is_reset(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line().poll_room(cx).map(|_| Ok(()))
    }

    fn try_write_with<R>(&self, _write: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut line = self.line();
        ready!(line.poll_turn(cx));
        let most = line.sent.len().min(buf.remaining());
        if most == 0 && !line.ended {
            line.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let hinders = line.hinders;
        let length = if most > 1 && line.random.one_in(hinders) { line.random.up_to(most) } else { most };
        line.moved += length;
        buf.put_slice(&line.sent.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.line().poll_write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.line().poll_write(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.line().gathers
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line().shut = true;
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ended, shut, reset, postponed, calls, .. } = self;
        write!(f, "sent {}, written {}, ended {ended}, ", self.sent.len(), self.written.len())?;
        write!(f, "shut {shut}, reset {reset}, postponed {postponed}, calls {calls}")
    }
}
