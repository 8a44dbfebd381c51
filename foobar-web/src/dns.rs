//! The names of the sites in the Domain Name System: the zone that the configuration describes, printed or served.
//!
//! It must not know a connection of a client, or who asks for a certificate. Messages and records are hickory-proto's.
//!
//! - It is a feature of cargo, as most sites have a provider for it: without TLS and DNSSEC hickory-proto adds four small
//!   packages (itself, tinyvec, critical-section, portable-atomic). hickory-server would add hickory-net, prefix-trie and time
//!   for what is here a map and two loops (`server/udp.rs`, `tcp.rs`), and has no limit of rates and no bound of an answer by
//!   its question.
//! - A zone is compiled as a whole, at the start and at a reload, and never changed: whatever changes it makes another.
//! - Who asks by UDP may be somebody else: an answer is at most three times as long as its question, and a network gets so
//!   many of them in a second. There are no cookies (RFC 7873): whoever needs more comes by TCP.
//! - Names are served by a thread of their own, whatever the application does.

mod answer;
mod check;
mod compile;
mod counters;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod issuers;
mod name;
mod notify;
mod rate_limit;
mod resolver;
mod secondary;
mod serial;
mod served;
mod server;
mod transfer;
mod zone;

pub use check::{Check, Finding};
pub use compile::compile;
pub use resolver::Resolver;
pub use server::NameServer;
pub use zone::Zone;
