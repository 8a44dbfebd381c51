//! TLS as a stream under HTTP: the handshake, the certificate for a name, the records. It knows sites by their number
//! alone, and nothing of HTTP.
//!
//! - rustls with aws-lc-rs or the provider of the program, which is given wherever a configuration is made: a program may
//!   hold several. Tickets are encrypted by aws-lc-rs in any case. TLS 1.2 and 1.3; no early data, no OCSP (its responders are being shut down), and no key for cipher suites.
//! - Each site has a configuration of its own, chosen by the name in the ClientHello; all workers share it. Session
//!   tickets are encrypted by keys that all sites share and that change every six hours; where clients show certificates
//!   there are none, as a certificate may be revoked meanwhile.
//! - A write is encrypted at most 256 KiB at a time and sent in one call: with 64 KiB an answer of 1 MiB took a third
//!   more time, without a bound it took twice as much, and as much memory for each client.

mod certificate;
mod certificates;
mod chain;
mod client;
mod client_rule;
mod config;
mod distinguished_name;
mod expiry;
mod from_files;
mod handshake;
mod outgoing;
mod overview;
mod own_ticket_keys;
mod pem;
mod provider;
mod regular_file;
mod renewal;
mod signature;
mod site_certificate;
mod stand_in;
mod stream;
mod swap;
mod ticket_key;
mod ticket_keys;
mod tickets;
mod x509;

pub(crate) use certificates::{SiteCertificates, read_kept};
pub(crate) use client_rule::ClientRule;
pub(crate) use config::{NamedSite, Tls, TlsOptions};
pub(crate) use distinguished_name::text as name_text;
pub(crate) use handshake::{Established, Handshake};
pub(crate) use outgoing::client_config;
pub use overview::CertificateOverview;
pub(crate) use provider::{Provider, default_provider};
pub(crate) use renewal::renew;
pub use site_certificate::SiteCertificate;
pub(crate) use x509::Facts;
#[cfg(fuzzing)]
pub(crate) use x509::next_update;
