//! The web tier over real sockets: what a client sends, byte by byte, and what it gets.

mod accel;
mod add_header;
mod autoindex;
mod drain;
mod embedded;
mod encodings;
mod file_cache;
mod file_rules;
mod framing;
mod http2;
mod limits;
mod links;
mod listening;
mod logging;
mod private_files;
mod proxies;
mod redirects;
mod responses;
mod sites;
mod slow_clients;
mod support;
mod tls;
mod transports;
mod try_files;
mod upgrade;
mod wire;
