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
