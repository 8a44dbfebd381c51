//! Calls an application in process: no socket, no port, the same path through the guard as in a server.
//!
//! An application has it as `foobar::test`, on a database of its own.
//!
//! An answer that goes on is a [`TestStream`], forms with files are a [`Multipart`], and a [`TestWebSocket`] is the
//! client's end of a WebSocket. The limits of the web tier do not apply: a request's body may be of any size.

mod browser;
mod client;
mod cookies;
mod event;
mod multipart;
#[cfg(feature = "accounts")]
mod sign_in;
mod test_db;
mod test_head;
mod test_request;
mod test_response;
mod test_stream;
mod test_websocket;
#[cfg(feature = "accounts")]
mod totp;
mod transport;
mod worker;

pub use client::Client;
pub use event::Event;
pub use multipart::Multipart;
pub use test_db::TestDb;
pub use test_head::TestHead;
pub use test_request::TestRequest;
pub use test_response::TestResponse;
pub use test_stream::TestStream;
pub use test_websocket::{Message, TestWebSocket};
#[cfg(feature = "accounts")]
pub use totp::totp_code;
pub use transport::Transport;
