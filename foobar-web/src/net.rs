mod address;
mod client_addresses;
mod cork;
mod listener;
mod tcp;
mod transport;
mod unacknowledged;

pub use address::Address;
pub(crate) use address::Listen;
pub(crate) use client_addresses::ClientAddresses;
pub(crate) use cork::write_before;
pub(crate) use listener::{Accepted, Acceptor, Listener};
#[cfg(test)]
pub(crate) use tcp::TcpConnection;
pub(crate) use transport::Transport;
