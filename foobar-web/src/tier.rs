use foobar_core::Tier;

use crate::Address;

/// A tier that takes requests from clients: [`Web`](crate::Web) from sockets, [`InProcess`](crate::InProcess) from
/// the program that holds it.
pub trait WebTier: Tier {
    /// Where it listens, once it has started; empty before, and where there is no socket.
    fn addresses(&self) -> Vec<Address>;
}
