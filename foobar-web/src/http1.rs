//! One HTTP/1 connection, from its bytes to requests and back: heads, bodies, deadlines, the fast path, what goes out.
//! Its neighbours call [`serve`] and know nothing else of it; it must not know how connections are accepted.
//!
//! - Two ways, one meaning. hyper's parser, header maps and bodies cost as much again as a small file's system calls.
//!   So a plain GET or HEAD (no field twice, no `Expect`, `Upgrade` or `Transfer-Encoding`) whose answer is ready is
//!   answered from the bytes (`fast_path.rs`); the rest, redirects to a canonical name and a site's own error pages
//!   among it, goes to hyper. Both use the same functions, and a test sends the same requests through both and
//!   compares the bytes.
//! - hyper is made when it is needed: a connection that only fetches files has no buffer while it is idle.
//! - Framing is checked before hyper sees it: hyper answers a malformed head by itself, without our limits, page and
//!   log line, and takes some that RFC 9112 calls malformed. It has no deadline on writes, and its header deadline
//!   also runs while a connection is idle; so deadlines are kept here.
//! - A target that was not encoded (raw UTF-8, and in their places `"`, `<`, `>` and backquotes) is encoded before
//!   anybody sees it: no `Location`, log line or application has to know. Bytes that are not UTF-8, control characters
//!   and `#` are refused, as servers differ in what they mean.
//! - What is left of a request's body is read after the answer, not before: an early answer goes out at once, and the
//!   connection goes on when the rest has come, up to 256 KiB and for 30 s. What is known to be longer is not waited
//!   for, and the answer says so; what turns out to be longer ends the connection.

mod chunked;
mod connection;
mod connection_option;
mod deadline;
mod exchange;
mod fast_path;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod head;
mod outgoing;
mod pacer;
mod refused_head;
mod response_head;
mod tunnel;
mod unread_body;
mod wire;

pub(crate) use connection::serve;
