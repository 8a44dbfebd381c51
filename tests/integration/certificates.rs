//! Certificates that the server gets by itself.

mod acme; // from an authority that speaks ACME
mod acme2certifier; // another implementation of an authority
mod certbot; // a client beside the server
mod clock; // that is wrong
mod commands; // of operators
mod dns; // proved in the DNS
mod first; // from a configuration and an empty folder
mod internal; // from the server's own
mod issuers; // several, and what they ask for
mod meddler;
mod on_demand; // for names that no site has
mod pebble;
mod renewal; // when
mod repeated; // starts and handshakes, many of them
mod scene;
mod told; // what operators are told of them
