//! The web tier of Foobar: connections, sites, static files and redirects; nginx's place in the stack.
//!
//! [`Web`] listens on TCP and Unix sockets and answers on a fixed number of worker threads; [`InProcess`] answers
//! through the same request path without a socket. What they do not answer themselves they hand to a
//! [`foobar_core::Handler`], and never learn what stands behind it.
//!
//! The life of a request can be read in `connection.rs` (one connection), `wire.rs` (its bytes and deadlines) and
//! `pipeline.rs` (the request path).

mod access_log;
mod address;
mod answer;
mod asked;
mod chunked;
mod connection;
mod connections;
mod counters;
mod crew;
mod deadline;
mod error;
mod error_page;
mod exchange;
mod head;
mod host;
mod in_process;
mod limits;
mod listener;
mod pace;
mod path;
mod pipeline;
mod plan;
mod redirect;
mod request_body;
mod route;
mod settings;
mod site;
mod static_files;
mod tier;
mod transport;
mod tunnel;
mod web;
mod wire;
mod worker;

pub use address::Address;
pub use error::Error;
pub use in_process::InProcess;
pub use settings::{LogFormat, RouteSettings, SiteSettings, WebSettings, Www};
pub use tier::WebTier;
pub use web::Web;
