//! One HTTP/2 connection, from its frames to requests and back. Its neighbours call [`serve`] and know nothing else of
//! it; it must not know how connections are accepted.
//!
//! - Frames, header compression and flow control are h2's. What surrounds it is ours: the stream under it, which sends
//!   once for each time the connection is polled (`gather.rs`: 0.04 calls an answer at 32 streams, where frame by frame
//!   takes one), and what it does not guard against: heads that never end and frames that carry nothing
//!   (`frame_meter.rs`, `control_budget.rs`), clients that take nothing of an answer (`outgoing.rs`).
//! - h2 and not hyper on top of it: hyper gives h2 the whole rest of a body as soon as there is room for one byte, and
//!   from then on nobody can tell a client that stands still from one that reads. Here h2 gets what it may send at once.
//! - The streams of a connection are polled by its own task and end with it, so none has to be found and stopped. A
//!   request whose stream was reset is dropped at once, handler and all.
//! - A WebSocket (RFC 8441) is shown to the handler as the upgrade that it would be over HTTP/1 (`websocket.rs`).
//! - Answers that are ready are given by the same fast path as over HTTP/1; everything else by the pipeline, from a
//!   request that looks as if it had come over HTTP/1, with its `Host`.

mod connection;
mod control_budget;
mod early_hints;
mod frame_meter;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod gather;
mod incoming;
mod outgoing;
mod priority;
mod request;
mod response_head;
mod send_order;
mod stream;
mod stream_io;
mod streams;
mod websocket;

pub(crate) use connection::serve;

/// What a client begins with (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
