//! Connections that have left HTTP: what a WebSocket handler reads and writes.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_http::Payload;
use actix_http::body::{BoxBody, MessageBody};
use actix_http::error::PayloadError;
use bytes::{Bytes, BytesMut};
use foobar_core::{Io, Upgrade};
use futures_util::Stream;
use futures_util::future::{Either, poll_fn, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout_at;

/// How long a handler may go on writing after the last that it can read.
pub(super) const GOODBYE: Duration = Duration::from_secs(5);

/// How many pieces of input wait for the handler, and how large each may be.
const PIECES: usize = 4;
const PIECE: usize = 16 << 10;

type Chunk = Result<Bytes, PayloadError>;

/// All tunnels of a runtime, on whichever thread. Each holds a receiver of the drain's deadline until it ends.
pub(super) struct Tunnels {
    deadline: watch::Sender<Option<Instant>>,
}

impl Tunnels {
    /// Ends the input of all tunnels and waits until their handlers have ended the output, or `deadline`.
    pub(super) async fn drain(&self, deadline: Instant) {
        self.deadline.send_modify(|end| *end = Some(end.map_or(deadline, |earlier| earlier.min(deadline))));
        let _cut_off = timeout_at(deadline.into(), self.deadline.closed()).await;
    }
}

impl Default for Tunnels {
    fn default() -> Self {
        Self { deadline: watch::Sender::new(None) }
    }
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

    /// Sends `body` and feeds the payload, in a task of this thread, once the connection comes.
    pub(super) fn open(self, body: BoxBody, tunnels: &Tunnels) {
        let Some(pending) = self.upgrade.take() else { return };
        let drain = tunnels.deadline.subscribe();
        tokio::task::spawn_local(async move {
            let ended = match pending.await {
                Ok(connection) => carry(connection, self.input, body, drain).await,
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "an upgraded connection broke off");
            }
        });
    }
}

/// Carries both directions until the handler ends its output; once there is no more input it has a while to do so.
async fn carry(
    connection: Box<dyn Io>,
    input: mpsc::Sender<Chunk>,
    body: BoxBody,
    mut drain: watch::Receiver<Option<Instant>>,
) -> io::Result<()> {
    let (reader, writer) = tokio::io::split(connection);
    let mut draining = drain.clone();
    let inbound = pin!(async move {
        select(pin!(read(reader, input)), pin!(draining.wait_for(Option::is_some))).await;
    });
    match select(pin!(write(body, writer)), inbound).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), outbound)) => {
            let goodbye = Instant::now() + GOODBYE;
            let end = drain.borrow_and_update().map_or(goodbye, |deadline| deadline.min(goodbye));
            timeout_at(end.into(), outbound).await.unwrap_or(Ok(()))
        }
    }
}

/// Reads as fast as the handler takes it. What a handler does not want is read all the same, to notice the end.
async fn read(mut reader: ReadHalf<Box<dyn Io>>, input: mpsc::Sender<Chunk>) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(PIECE);
        let _unwanted = match reader.read_buf(&mut buffer).await {
            Ok(0) => return,
            Ok(_) => input.send(Ok(buffer.split().freeze())).await,
            Err(error) => return drop(input.send(Err(PayloadError::Io(error))).await),
        };
    }
}

async fn write(mut body: BoxBody, mut writer: WriteHalf<Box<dyn Io>>) -> io::Result<()> {
    while let Some(chunk) = poll_fn(|cx| body.as_pin_mut().poll_next(cx)).await {
        let chunk = chunk.map_err(|error| io::Error::other(error.to_string()))?;
        writer.write_all(&chunk).await?;
        writer.flush().await?;
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
