use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::control_budget::ControlBudget;
use super::frame_meter::FrameMeter;
use crate::deadline::HalfClosed;
use crate::net::Transport;
use crate::worker::Worker;

/// The stream under HTTP/2, between its library and the socket.
///
/// The library writes frame by frame; here they gather, and whoever polls the connection sends them in one call, and in
/// one turn of TLS records. What is read passes the [`FrameMeter`].
pub(super) struct Gather<S> {
    pub(super) stream: S,
    pub(super) worker: Rc<Worker>,
    /// What was read before, and belongs to HTTP/2.
    unread: BytesMut,
    pub(super) input: Input,
    /// What has gathered, in the worker's buffer.
    pub(super) out: Vec<u8>,
    /// How much of it has been sent.
    sent: usize,
    /// Whether the library waits for room.
    is_full: bool,
    pub(super) meter: FrameMeter,
    pub(super) budget: ControlBudget,
    /// More control frames came than the budget allows: nothing more is read.
    pub(super) is_flooded: bool,
    /// What the library may read of many control frames before it is asked what came of them.
    portion: usize,
}

/// What the library learns of the client's side.
pub(super) enum Input {
    Open,
    /// The client has closed it, which the library does not know yet.
    HalfClosed(HalfClosed),
    Ended,
}

/// How many control frames there are in what was read.
enum Density {
    Usual,
    Many,
}

/// The library's side of it.
pub(super) struct Shared<S>(pub(super) Rc<RefCell<Gather<S>>>);

/// What gathers before the library has to wait.
const MOST: usize = 128 << 10;
/// So many control frames in one read are looked at in portions.
const MANY: u32 = 64;
/// What the library gets of them in one turn; there is no room in it for a hundred streams that are opened and reset.
const PORTION: usize = 2 << 10;

impl<S: Transport> Gather<S> {
    pub(super) fn new(stream: S, unread: BytesMut, worker: Rc<Worker>) -> Self {
        let mut gather = Self {
            stream,
            worker,
            unread: BytesMut::new(),
            input: Input::Open,
            out: Vec::new(),
            sent: 0,
            is_full: false,
            meter: FrameMeter::new(),
            budget: ControlBudget::new(Instant::now()),
            is_flooded: false,
            portion: PORTION,
        };
        gather.count(&unread);
        Self { unread, ..gather }
    }

    /// Sends what has gathered, as far as the client takes it; ready when it has taken all. Gives each piece to `wrote`.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>, mut wrote: impl FnMut(usize)) -> Poll<io::Result<()>> {
        while self.sent < self.out.len() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out[self.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
            self.budget.sent(written);
            wrote(written);
        }
        self.sent = 0;
        if self.out.capacity() > 0 {
            self.worker.buffers.give_back(std::mem::take(&mut self.out));
        }
        if std::mem::take(&mut self.is_full) {
            cx.waker().wake_by_ref(); // the library may go on, after the other connections
        }
        Poll::Ready(Ok(()))
    }

    /// The library may read on. Gives how much has gathered.
    pub(super) fn begin_turn(&mut self) -> usize {
        self.portion = PORTION;
        self.out.len()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            return self.poll_portion(cx, buf);
        }
        match self.input {
            Input::Open if self.is_flooded => return Poll::Pending, // the connection ends
            Input::Open => {}
            Input::HalfClosed(_) => return Poll::Pending,
            Input::Ended => return Poll::Ready(Ok(())),
        }
        let worker = Rc::clone(&self.worker);
        worker.buffers.with_input(|input| {
            let most = input.len().min(buf.remaining());
            let length = ready!(self.stream.poll_receive(cx, &mut input[..most]))?;
            if length == 0 && most > 0 {
                self.input = Input::HalfClosed(HalfClosed::now());
                return Poll::Pending;
            }
            worker.pipeline.counters.received(length);
            match self.count(&input[..length]) {
                Density::Usual => buf.put_slice(&input[..length]),
                Density::Many => {
                    self.unread.extend_from_slice(&input[..length]);
                    return self.poll_portion(cx, buf);
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    /// Gives the library a part of what was read, in each turn not more than a portion: it sees only after that which streams
    /// were opened and reset meanwhile, and takes many at once for an attack.
    fn poll_portion(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let length = self.unread.len().min(buf.remaining()).min(self.portion);
        if length == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.portion -= length;
        buf.put_slice(&self.unread[..length]);
        self.unread.advance(length);
        if self.unread.is_empty() {
            self.unread = BytesMut::new(); // no memory is kept
        }
        Poll::Ready(Ok(()))
    }

    /// Looks at what has come.
    fn count(&mut self, bytes: &[u8]) -> Density {
        self.meter.read(bytes);
        let frames = self.meter.take_control_frames();
        self.is_flooded |= !self.budget.spend(frames, Instant::now());
        if frames > MANY { Density::Many } else { Density::Usual }
    }

    fn poll_write(&mut self, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.out.len() >= MOST {
            self.is_full = true; // and is woken when it has been sent
            return Poll::Pending;
        }
        if self.out.capacity() == 0 {
            self.out = self.worker.buffers.take_output();
        }
        let before = self.out.len();
        pieces.iter().for_each(|piece| self.out.extend_from_slice(piece));
        Poll::Ready(Ok(self.out.len() - before))
    }
}

impl<S: Transport> AsyncRead for Shared<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read(cx, buf)
    }
}

impl<S: Transport> AsyncWrite for Shared<S> {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_write(&[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_write(pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// It is sent once for each time the connection is polled.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The connection says goodbye itself.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
