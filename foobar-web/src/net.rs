//! Sockets: addresses, listening, streams, TLS over them (`tls/`), and how many connections an address may have. It must
//! not know HTTP.
//!
//! - A file that the system sends is corked (`TCP_CORK`, nginx's `tcp_nopush`), as its pages do not come out even with
//!   packets; not under BBR, where it doubled the time. A small answer that ends its connection goes with `MSG_MORE` and
//!   `shutdown`, so that one packet carries the end too.
//! - A connection takes at most 128 KiB ahead of what it can send (`TCP_NOTSENT_LOWAT`), whatever the congestion control
//!   and however the bytes come: 4,000 clients that do not read filled the system's memory for TCP otherwise, and
//!   strangers' connections were reset. `SO_SNDBUF` would bound what is on its way too, and slow a distant client down.
//! - What a client has taken is what it has acknowledged (`SIOCOUTQ`), not what the system took for it: so deadlines
//!   neither cut a slow client that reads nor wait for one that does not.
//! - Socket options are set on the listening socket and inherited, which saves seven calls a connection. The runtime
//!   learns of a connection only when there is something to wait for: one request and its end cost five system calls.

mod address;
mod client_addresses;
mod clients;
mod cork;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod listener;
mod proxy_protocol;
mod socket_file;
mod sockets;
mod tcp;
mod tls;
mod tls_client;
mod transport;
mod turn;
mod unacknowledged;

pub use address::Address;
pub(crate) use address::{Endpoint, Listen};
#[cfg(feature = "dns")]
pub(crate) use client_addresses::client_of;
pub(crate) use client_addresses::{AddressSlot, ClientAddresses};
pub(crate) use clients::Clients;
pub(crate) use cork::write_before;
#[cfg(feature = "dns")]
pub(crate) use listener::shares;
pub(crate) use listener::{Accepted, Acceptor, Listener, Share};
pub(crate) use proxy_protocol::{Source, poll_header};
pub use sockets::PassedSocket;
pub(crate) use sockets::Sockets;
#[cfg(test)]
pub(crate) use tcp::TcpConnection;
pub use tls::{CertificateOverview, SiteCertificate};
pub(crate) use tls::{
    ClientRule, Established, Facts, Handshake, NamedSite, Provider, SiteCertificates, Tls, TlsOptions, client_config,
    default_provider, name_text, read_kept, renew,
};
pub(crate) use tls_client::TlsClient;
pub(crate) use transport::{Socket, Transport};
pub use turn::Turn;
