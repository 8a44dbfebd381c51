use std::io::{self, IoSlice, Read, Write};
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client;
use crate::net::tls_client::TlsClient;
use crate::net::transport::Transport;

/// A stream of bytes in TLS records over another stream.
///
/// A write is done when the socket has taken the records: what was encrypted and not sent yet is `owed`, and whoever
/// wrote it is asked to write it again until then, as of a socket that is full. So deadlines and rates mean the same
/// with TLS as without.
pub(crate) struct TlsStream<S> {
    socket: S,
    session: Box<ServerConnection>,
    /// The site whose rules the handshake goes by.
    site: usize,
    /// Bytes that were decrypted and not read.
    decrypted: usize,
    /// Records that would have been decrypted into more than the session holds.
    undecrypted: Vec<u8>,
    /// Bytes that were encrypted and not reported as written.
    owed: usize,
    /// Nothing more can be read.
    has_ended: bool,
    /// The end has been announced to the client.
    is_closing: bool,
}

/// What is encrypted and sent at a time.
const SEND_QUANTUM: usize = 256 << 10;
/// What the session holds decrypted at most before it refuses more.
const DECRYPTED: usize = 16 << 10;
/// The pieces of a write that are taken at a time.
const PIECES: usize = 64;

impl<S: Transport> TlsStream<S> {
    pub(super) fn new(socket: S, session: ServerConnection, site: usize) -> Self {
        Self {
            socket,
            session: Box::new(session),
            site,
            decrypted: 0,
            undecrypted: Vec::new(),
            owed: 0,
            has_ended: false,
            is_closing: false,
        }
    }

    /// Leaves the records.
    pub(super) fn into_socket(self) -> S {
        self.socket
    }

    /// What the client and this server have agreed to speak (ALPN), if they have.
    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        self.session.alpn_protocol()
    }

    /// Goes on with the handshake, to its end. `room` is for what is read.
    pub(super) fn poll_handshake(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<()>> {
        while self.session.is_handshaking() {
            if ready!(self.poll_records(cx, room))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Decrypts what was read before.
    pub(super) fn take(&mut self, cx: &mut Context<'_>, records: &[u8]) -> io::Result<()> {
        self.process(cx)?;
        self.decrypt(cx, records)
    }

    /// Reads and decrypts what has come; 0 at the end. Before it waits, it sends what the session has to say itself.
    fn poll_records(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.undecrypted.is_empty() {
            let records = std::mem::take(&mut self.undecrypted);
            return Poll::Ready(self.decrypt(cx, &records).map(|()| records.len()));
        }
        let Poll::Ready(read) = self.socket.poll_receive(cx, room) else {
            self.flush(cx)?;
            self.shrink();
            return Poll::Pending;
        };
        let read = read?;
        self.decrypt(cx, &room[..read])?;
        Poll::Ready(Ok(read))
    }

    fn decrypt(&mut self, cx: &mut Context<'_>, mut records: &[u8]) -> io::Result<()> {
        while !records.is_empty() && self.decrypted < DECRYPTED && !self.has_ended {
            self.session.read_tls(&mut records)?;
            self.process(cx)?;
        }
        if !self.has_ended {
            self.undecrypted.extend_from_slice(records); // what follows the end is nobody's
        }
        Ok(())
    }

    /// Gives back the room that a record has taken which came in parts, once it is complete: rustls does so when it is about to
    /// read.
    fn shrink(&mut self) {
        let _nothing_came = self.session.read_tls(&mut NothingYet);
    }

    fn process(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.session.process_new_packets() {
            Ok(state) => {
                self.decrypted = state.plaintext_bytes_to_read();
                self.has_ended |= state.peer_has_closed();
                Ok(())
            }
            Err(error) => {
                self.flush(cx)?; // the alert
                Err(io::Error::new(io::ErrorKind::InvalidData, error))
            }
        }
    }

    /// Encrypts the beginning of what is to be written; gives how much.
    fn encrypt(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut turn = [IoSlice::new(&[]); PIECES];
        let (mut count, mut left) = (0, SEND_QUANTUM);
        for piece in pieces.iter().take(PIECES) {
            turn[count] = IoSlice::new(&piece[..piece.len().min(left)]);
            left -= turn[count].len();
            count += 1;
        }
        self.session.writer().write_vectored(&turn[..count])
    }

    /// Sends what can be sent at once.
    fn flush(&mut self, cx: &mut Context<'_>) -> io::Result<usize> {
        let mut sent = 0;
        while self.session.wants_write() {
            let mut sink = Sink { socket: &mut self.socket, cx: &mut *cx, is_closing: self.is_closing };
            match self.session.write_tls(&mut sink) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                written => sent += written?,
            }
        }
        Ok(sent)
    }

    /// Sends what is owed; gives how much of it was sent, at most `most`. Records are a little longer than what is in
    /// them, so the last of it is not reported before all is sent.
    fn poll_sent(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        let sent = self.flush(cx)?;
        let reported = if self.session.wants_write() { sent.min(self.owed.saturating_sub(1)) } else { self.owed };
        let reported = reported.min(most);
        self.owed -= reported;
        if reported == 0 && most > 0 { Poll::Pending } else { Poll::Ready(Ok(reported)) }
    }

    /// Announces the end to the client (`close_notify`), once.
    fn say_goodbye(&mut self) {
        if !std::mem::replace(&mut self.is_closing, true) {
            self.session.send_close_notify();
        }
    }
}

/// Where no records come from for now.
struct NothingYet;

impl Read for NothingYet {
    fn read(&mut self, _room: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// Where records go.
struct Sink<'a, 'b, S> {
    socket: &'a mut S,
    cx: &'a mut Context<'b>,
    is_closing: bool,
}

impl<S: Transport> Write for Sink<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, records: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = match records {
            [only] if self.is_closing => self.socket.poll_write_last(self.cx, only),
            _ if self.is_closing && total(records) <= TOGETHER => {
                let together: Vec<u8> = records.iter().flat_map(|record| record.iter().copied()).collect();
                self.socket.poll_write_last(self.cx, &together)
            }
            _ => Pin::new(&mut *self.socket).poll_write_vectored(self.cx, records),
        };
        match written {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Up to this many bytes the last records are copied, so that one packet carries the end too.
const TOGETHER: usize = 32 << 10;

fn total(pieces: &[IoSlice<'_>]) -> usize {
    pieces.iter().map(|piece| piece.len()).sum()
}

impl<S: Transport> Transport for TlsStream<S> {
    /// It would go out without encryption.
    const SUPPORTS_SENDFILE: bool = false;

    fn reset(&self) {
        self.socket.reset();
    }

    fn enable_keepalive(&self) {
        self.socket.enable_keepalive();
    }

    fn cork(&self) -> bool {
        false // a turn is one write
    }

    fn uncork(&self) {}

    fn tls_client(&self) -> Option<TlsClient> {
        Some(TlsClient { site: self.site, certificate: client::certificate(&self.session) })
    }

    fn unacknowledged(&self) -> u64 {
        self.socket.unacknowledged()
    }

    fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.has_ended || self.socket.has_ended()?)
    }

    fn is_reset(&self) -> io::Result<bool> {
        self.socket.is_reset()
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            if self.decrypted > 0 {
                let read = self.session.reader().read(room)?;
                self.decrypted -= read;
                return Poll::Ready(Ok(read));
            }
            if self.has_ended {
                return Poll::Ready(Ok(0));
            }
            // An end that was not announced is a plain end: HTTP knows whether a message was complete.
            self.has_ended = ready!(self.poll_records(cx, room))? == 0 || self.has_ended;
        }
    }

    fn poll_write_last(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.owed == 0 && !self.is_closing {
            self.owed = self.encrypt(&[IoSlice::new(bytes)])?;
            if self.owed == bytes.len() {
                self.say_goodbye();
            }
        }
        self.poll_sent(cx, bytes.len())
    }

    fn poll_owed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.owed == 0 { Poll::Ready(Ok(0)) } else { self.poll_sent(cx, usize::MAX) }
    }

    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.say_goodbye();
        if let Err(error) = self.flush(cx) {
            tracing::trace!(%error, "the client closed first");
        }
        Poll::Ready(())
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_writable(cx)
    }

    /// Nothing goes past the records.
    fn try_write_with<R>(&self, _: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl<S: Transport> AsyncRead for TlsStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut room = [0; DECRYPTED]; // for records, which are longer than what is in them
        let most = buf.remaining().min(room.len());
        if most == 0 {
            return Poll::Ready(Ok(()));
        }
        let read = ready!(self.poll_receive(cx, &mut room[..most]))?;
        buf.put_slice(&room[..read]);
        Poll::Ready(Ok(()))
    }
}

impl<S: Transport> AsyncWrite for TlsStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_closing && self.owed == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.owed == 0 {
            self.owed = self.encrypt(pieces)?;
        }
        self.poll_sent(cx, total(pieces))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // what was reported as written has been sent
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say_goodbye();
        self.flush(cx)?;
        if self.session.wants_write() {
            return Poll::Pending;
        }
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
