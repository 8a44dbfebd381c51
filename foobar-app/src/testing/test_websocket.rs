mod frame;

use std::fmt;
use std::io;
use std::ops::Deref;

use bytes::{Bytes, BytesMut};
use foobar_core::{Io, Request, Upgrade};
use http::StatusCode;
use http::header::{
    CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::oneshot;

use super::browser::Browser;
use super::test_head::TestHead;
use super::test_response::TestResponse;
use frame::{Frame, Opcode};

/// A WebSocket (RFC 6455), from the client's side; the [`TestHead`] of the answer that opened it otherwise. Dropping it
/// has the effect of a client that disconnects without a word.
///
/// ```
/// # mod foobar {
/// #     pub use foobar_app::{*, actix_web::web};
/// #     pub mod test {
/// #         pub use foobar_app::testing::*;
/// #         pub async fn client(app: impl super::App) -> Client { Client::new(app, None).await }
/// #     }
/// # }
/// use foobar::actix_web::{self, HttpRequest, Responder, rt, web};
/// use foobar::test::Message;
///
/// async fn echo(request: HttpRequest, body: web::Payload) -> actix_web::Result<impl Responder> {
///     let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
///     rt::spawn(async move {
///         while let Some(Ok(actix_ws::Message::Text(text))) = messages.recv().await {
///             if session.text(text).await.is_err() {
///                 return;
///             }
///         }
///         drop(session.close(None).await); // the client may have gone
///     });
///     Ok(response)
/// }
///
/// # #[foobar_app::actix_web::main]
/// # async fn main() {
/// let app = foobar::routes(|routes| _ = routes.route("/echo", web::get().to(echo)));
/// let client = foobar::test::client(app).await;
/// let mut socket = client.get("/echo").websocket().await;
/// socket.send("hello").await;
/// assert_eq!(socket.next().await, Some(Message::Text("hello".to_owned())));
/// socket.close(1000, "bye").await;
/// assert_eq!(socket.next().await, Some(Message::Close(None)));
/// assert_eq!(socket.next().await, None);
/// # }
/// ```
pub struct TestWebSocket {
    head: TestHead,
    stream: DuplexStream,
    unread: BytesMut,
    /// A message whose last frame has not come.
    begun: Option<(Opcode, BytesMut)>,
    is_closing: bool,
}

/// What a WebSocket brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// The answer to a [ping](TestWebSocket::ping), with its bytes.
    Pong(Bytes),
    /// The other side has closed, with a code (RFC 6455 section 7.4) and a reason if it gave them.
    Close(Option<(u16, String)>),
}

impl TestWebSocket {
    /// Asks for a WebSocket by the seam that a web tier has; the answer instead, where there is none.
    pub(super) async fn open(browser: &Browser, mut request: Request) -> Result<Self, TestResponse> {
        for (name, value) in HANDSHAKE {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let (given, taken) = oneshot::channel();
        let gone = |_| io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was not upgraded");
        request.extensions_mut().insert(Upgrade::new(async move { taken.await.map_err(gone) }));
        let answer = browser.send(request).await;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(answer.finish().await);
        }
        assert_eq!(
            answer.header(SEC_WEBSOCKET_ACCEPT.as_str()),
            Some(ACCEPT),
            "the answer is no WebSocket's: {answer:?}"
        );
        let (stream, other) = tokio::io::duplex(BUFFER);
        let _dropped_by_the_handler = given.send(Box::new(other) as Box<dyn Io>);
        Ok(Self { head: answer.into_head(), stream, unread: BytesMut::new(), begun: None, is_closing: false })
    }

    /// Sends a text.
    pub async fn send(&mut self, text: &str) {
        self.write(Opcode::Text, text.as_bytes()).await;
    }

    /// Sends bytes.
    pub async fn send_binary(&mut self, bytes: &[u8]) {
        self.write(Opcode::Binary, bytes).await;
    }

    /// Asks for a sign of life; [`Message::Pong`] is the answer.
    ///
    /// # Panics
    ///
    /// With more than 125 bytes.
    pub async fn ping(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= frame::LONGEST_CONTROL, "a ping has at most {} bytes", frame::LONGEST_CONTROL);
        self.write(Opcode::Ping, bytes).await;
    }

    /// Closes it; what the other side has still sent can be read until its own [`Message::Close`].
    ///
    /// # Panics
    ///
    /// With a reason of more than 123 bytes.
    pub async fn close(&mut self, code: u16, reason: &str) {
        assert!(reason.len() + 2 <= frame::LONGEST_CONTROL, "the reason is too long: {reason:?}");
        self.is_closing = true;
        self.write(Opcode::Close, &[&code.to_be_bytes(), reason.as_bytes()].concat()).await;
    }

    /// The next message, whole; `None` once the connection has ended. It waits until there is one. As a browser does,
    /// it answers pings, which are not shown, and a close.
    ///
    /// # Panics
    ///
    /// If the other side breaks the protocol.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            let Frame { opcode, is_last, content } = self.frame().await?;
            let (kind, content) = match (opcode, self.begun.take()) {
                (Opcode::Ping | Opcode::Pong | Opcode::Close, whole) => {
                    self.begun = whole;
                    match self.control(opcode, &content).await {
                        Some(message) => return Some(message),
                        None => continue,
                    }
                }
                (Opcode::Continuation, Some((kind, mut whole))) => {
                    whole.extend_from_slice(&content);
                    (kind, whole)
                }
                (Opcode::Text | Opcode::Binary, None) => (opcode, content),
                (_, begun) => {
                    panic!("a frame {opcode:?} is out of place in a message {:?}", begun.map(|(kind, _)| kind))
                }
            };
            match (is_last, kind) {
                (false, _) => self.begun = Some((kind, content)),
                (true, Opcode::Text) => return Some(Message::Text(text(&content))),
                (true, _) => return Some(Message::Binary(content.freeze())),
            }
        }
    }

    /// Does what a frame asks for between those of messages.
    async fn control(&mut self, opcode: Opcode, content: &[u8]) -> Option<Message> {
        match opcode {
            Opcode::Ping => {
                self.write(Opcode::Pong, content).await;
                None
            }
            Opcode::Close => {
                if !std::mem::replace(&mut self.is_closing, true) {
                    self.write(Opcode::Close, content).await;
                }
                let code = content.split_first_chunk();
                Some(Message::Close(code.map(|(code, reason)| (u16::from_be_bytes(*code), text(reason)))))
            }
            _ => Some(Message::Pong(Bytes::copy_from_slice(content))),
        }
    }

    /// The next frame; `None` at the end.
    async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = Frame::take(&mut self.unread) {
                return Some(frame);
            }
            let read = self.stream.read_buf(&mut self.unread).await.expect("memory is read from");
            if read == 0 {
                assert!(self.unread.is_empty(), "the connection ended in the middle of a frame");
                return None;
            }
        }
    }

    async fn write(&mut self, opcode: Opcode, content: &[u8]) {
        let _other_side_gone = self.stream.write_all(&frame::masked(opcode, content)).await; // reading shows it
    }
}

impl Deref for TestWebSocket {
    type Target = TestHead;

    fn deref(&self) -> &TestHead {
        &self.head
    }
}

impl fmt::Debug for TestWebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestWebSocket({:?})", self.head)
    }
}

fn text(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes);
    text.unwrap_or_else(|error| panic!("a text is not UTF-8: {error}: {bytes:?}")).to_owned()
}

/// With the key of RFC 6455 section 1.3.
const HANDSHAKE: [(HeaderName, &str); 4] = [
    (CONNECTION, "Upgrade"),
    (UPGRADE, "websocket"),
    (SEC_WEBSOCKET_VERSION, "13"),
    (SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// What that key is answered with.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// How many bytes wait between the two sides.
const BUFFER: usize = 64 << 10;

#[cfg(test)]
mod tests;
