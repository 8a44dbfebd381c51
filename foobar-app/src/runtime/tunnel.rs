//! Connections that have left HTTP: what a WebSocket handler reads and writes.

mod frames;
mod last_word;

use std::cell::Cell;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_http::Payload;
use actix_http::body::{BoxBody, MessageBody};
use actix_http::error::PayloadError;
use bytes::{Bytes, BytesMut};
use foobar_core::{Io, Size, Upgrade};
use futures_util::Stream;
use futures_util::future::{Either, poll_fn, select};
use http::HeaderMap;
use http::header::UPGRADE;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout_at;

use frames::{Frames, TooLarge};
use last_word::{LastWord, Reason};

/// How long a handler may go on writing after the last that it can read.
pub(super) const GOODBYE: Duration = Duration::from_secs(5);

/// How many pieces of input wait for the handler, and how large each may be.
const PIECES: usize = 4;
const PIECE: usize = 16 << 10;

type Chunk = Result<Bytes, PayloadError>;

/// All tunnels of a runtime, on whichever thread. Each holds a receiver of the drain's deadline until it ends.
pub(super) struct Tunnels {
    deadline: watch::Sender<Option<Instant>>,
    /// In bytes; 0 is no limit.
    max_frame: AtomicU64,
}

impl Tunnels {
    /// No tunnels yet; none will take a WebSocket frame larger than `max_frame`, unless that is zero.
    pub(super) fn new(max_frame: Size) -> Self {
        Self { deadline: watch::Sender::new(None), max_frame: AtomicU64::new(max_frame.as_u64()) }
    }

    /// The same for those that are made from now on.
    pub(super) fn set_max_frame(&self, max_frame: Size) {
        self.max_frame.store(max_frame.as_u64(), Relaxed);
    }

    /// Ends the input of all tunnels and waits until their handlers have ended the output, or `deadline`.
    pub(super) async fn drain(&self, deadline: Instant) {
        self.deadline.send_modify(|end| *end = Some(end.map_or(deadline, |earlier| earlier.min(deadline))));
        let _cut_off = timeout_at(deadline.into(), self.deadline.closed()).await;
    }

    /// What follows the frames of a tunnel whose protocol this 101 says is WebSocket.
    fn frames(&self, switched: &HeaderMap) -> Option<Frames> {
        let max_frame = self.max_frame.load(Relaxed);
        (is_websocket(switched) && max_frame > 0).then(|| Frames::new(Size::bytes(max_frame)))
    }
}

fn is_websocket(switched: &HeaderMap) -> bool {
    switched.get(UPGRADE).is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// A tunnel that its handler has not opened yet.
pub(super) struct Tunnel {
    upgrade: Upgrade,
    input: mpsc::Sender<Chunk>,
}

impl Tunnel {
    /// A tunnel, and the payload that its handler will read from.
    pub(super) fn new(upgrade: Upgrade) -> (Self, Payload) {
        let (input, output) = mpsc::channel(PIECES);
        (Self { upgrade, input }, Payload::Stream { payload: Box::pin(Input(output)) })
    }

    /// Sends `body` and feeds the payload, in a task of this thread, once the connection comes after the 101 whose
    /// headers are `switched`.
    pub(super) fn open(self, switched: &HeaderMap, body: BoxBody, tunnels: &Tunnels) {
        let Some(pending) = self.upgrade.take() else { return };
        let drain = tunnels.deadline.subscribe();
        let frames = tunnels.frames(switched);
        let reason = Rc::<Cell<Option<Reason>>>::default();
        let last_word = is_websocket(switched).then(|| LastWord::new(Rc::clone(&reason)));
        tokio::task::spawn_local(async move {
            let ended = match pending.await {
                Ok(connection) => {
                    let (reader, writer) = tokio::io::split(connection);
                    let inbound = Inbound { reader, buffer: BytesMut::new(), frames };
                    carry(inbound.read(self.input), write(body, writer, last_word), drain, &reason).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "an upgraded connection broke off");
            }
        });
    }
}

/// Carries both directions until the handler ends its output; once there is no more input, for the reason that `read`
/// or the drain gives, it has a while to do so.
async fn carry(
    read: impl Future<Output = Reason>,
    write: impl Future<Output = io::Result<()>>,
    mut drain: watch::Receiver<Option<Instant>>,
    reason: &Cell<Option<Reason>>,
) -> io::Result<()> {
    let mut draining = drain.clone();
    let inbound = pin!(async move {
        reason.set(Some(match select(pin!(read), pin!(draining.wait_for(Option::is_some))).await {
            Either::Left((reason, _)) => reason,
            Either::Right(_) => Reason::GoingAway,
        }));
    });
    match select(pin!(write), inbound).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), outbound)) => {
            let goodbye = tokio::time::Instant::now() + GOODBYE;
            let end = drain.borrow_and_update().map_or(goodbye, |deadline| goodbye.min(deadline.into()));
            timeout_at(end, outbound).await.unwrap_or(Ok(())) // the client does not take the goodbye
        }
    }
}

/// What the client sends.
struct Inbound {
    reader: ReadHalf<Box<dyn Io>>,
    buffer: BytesMut,
    frames: Option<Frames>,
}

impl Inbound {
    /// Reads as fast as the handler takes it. What a handler does not want is read all the same, to notice the end.
    /// The web tier ends the stream when it goes away, so nobody knows that from a client that has gone.
    async fn read(mut self, input: mpsc::Sender<Chunk>) -> Reason {
        loop {
            let _unwanted = match self.next().await {
                Ok(piece) if piece.is_empty() => return Reason::GoingAway,
                Ok(piece) => input.send(Ok(piece)).await,
                Err(error) => {
                    let is_too_large = error.get_ref().is_some_and(|error| error.is::<TooLarge>());
                    let _handler_gone = input.send(Err(PayloadError::Io(error))).await;
                    return if is_too_large { Reason::TooLarge } else { Reason::GoingAway };
                }
            };
        }
    }

    /// The next piece; an empty one at the end.
    async fn next(&mut self) -> io::Result<Bytes> {
        self.buffer.reserve(PIECE);
        self.reader.read_buf(&mut self.buffer).await?;
        let piece = self.buffer.split().freeze();
        if let Some(frames) = &mut self.frames {
            frames.follow(&piece).map_err(io::Error::other)?;
        }
        Ok(piece)
    }
}

async fn write(
    mut body: BoxBody,
    mut writer: WriteHalf<Box<dyn Io>>,
    mut last_word: Option<LastWord>,
) -> io::Result<()> {
    while let Some(chunk) = poll_fn(|cx| body.as_pin_mut().poll_next(cx)).await {
        let chunk = chunk.map_err(|error| io::Error::other(error.to_string()))?;
        let chunk = match &mut last_word {
            Some(last_word) => last_word.pass(chunk),
            None => chunk,
        };
        writer.write_all(&chunk).await?;
        writer.flush().await?;
    }
    if let Some(frame) = last_word.and_then(|last_word| last_word.at_end()) {
        writer.write_all(&frame).await?;
    }
    writer.shutdown().await
}

struct Input(mpsc::Receiver<Chunk>);

impl Stream for Input {
    type Item = Chunk;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Chunk>> {
        self.0.poll_recv(cx)
    }
}

#[cfg(test)]
mod tests;
