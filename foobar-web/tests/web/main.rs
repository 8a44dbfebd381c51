//! The web tier over real sockets: what a client sends, byte by byte, and what it gets.

mod drain;
mod framing;
mod limits;
mod listening;
mod logging;
mod sites;
mod support;
mod upgrade;
