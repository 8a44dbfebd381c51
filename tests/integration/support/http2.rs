//! A client of HTTP/2 that writes and reads frames as bytes, right or wrong.

mod code;
mod connection;
mod frame;
mod hpack;
mod huffman;
mod replies;

pub(crate) use code::Code;
pub(crate) use connection::{DEFAULT_WINDOW, Event, Http2, INITIAL_WINDOW_SIZE, LARGEST_WINDOW, head};
pub(crate) use frame::{
    ACK, END_HEADERS, END_STREAM, PADDED, PREFACE, PRIORITY, Type, continuation, data, frame, goaway, headers, ping,
    priority, push_promise, reset, settings, settings_ack, window_update,
};
pub(crate) use hpack::{indexed, integer, literal, literals, string};
pub(crate) use replies::Reply;
