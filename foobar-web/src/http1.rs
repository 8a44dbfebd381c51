//! One HTTP/1 connection, from its bytes to requests and back: heads, bodies, deadlines, the fast path, what goes out.
//! Its neighbours call [`serve`], or [`refuse_plain`], and know nothing else of it; it must not know how connections are accepted.
//!
//! - Two ways, one meaning. A plain GET or HEAD (no field twice, no `Expect`, `Upgrade` or `Transfer-Encoding`) whose
//!   answer is ready is answered from the bytes of its head (`fast_path.rs`), as header maps and bodies cost as much again
//!   as a small file's system calls. Anything else goes to the pipeline as a request made from the same parse. Both use
//!   the same functions, and a test sends the same requests through both and compares the bytes.
//! - It is our own and not a library's: framing is checked before anybody else reads it, deadlines hold for reading and
//!   for writing and tell an idle client from a slow one, an answer is one write, and an idle connection has no buffer.
//! - No end that looks like one: what breaks off in the middle of a body resets the connection.
//! - A target that was not encoded (raw UTF-8, and in their places `"`, `<`, `>` and backquotes) is encoded before
//!   anybody sees it: no `Location`, log line or application has to know. Bytes that are not UTF-8, control characters
//!   and `#` are refused, as servers differ in what they mean.
//! - What is left of a request's body is read after the answer, not before: an early answer goes out at once, and the
//!   connection goes on when the rest has come, up to 256 KiB and for 30 s. What is known to be longer is not waited
//!   for, and the answer says so; what turns out to be longer ends the connection.

mod chunked;
mod connection;
mod connection_option;
mod early_hints;
mod fast_path;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod head;
mod incoming_content;
mod outgoing;
mod refused_head;
mod request_body;
mod request_head;
mod response_body;
mod response_head;
mod upgrade;

pub(crate) use connection::{refuse_plain, serve};
