//! The web tier of Foobar: connections, sites, static files and redirects; nginx's place in the stack.
//!
//! [`Web`] listens on TCP and Unix sockets and answers on a fixed number of worker threads; [`InProcess`] answers
//! through the same request path without a socket. What they do not answer themselves they hand to a
//! [`foobar_core::Handler`], and never learn what stands behind it.
//!
//! The life of a request can be read in `connection.rs` (one connection), `wire.rs` (its bytes and deadlines), `front.rs`
//! (what is answered at once) and `pipeline.rs` (the request path of everything else).

mod accel;
mod access_log;
mod address;
mod answer;
mod asked;
mod chunked;
mod client_addresses;
mod clock;
mod connection;
mod connection_option;
mod connections;
mod cork;
mod counters;
mod crew;
mod deadline;
mod desk;
mod error;
mod error_page;
mod exchange;
mod front;
#[cfg(fuzzing)]
pub mod fuzzing;
mod head;
mod host;
mod in_process;
mod limits;
mod listener;
mod outgoing;
mod pace;
mod path;
mod pipeline;
mod plan;
mod problem_page;
mod redirect;
mod request_body;
mod response_head;
mod route;
mod settings;
mod site;
mod static_files;
mod tcp_connection;
mod tier;
mod transport;
mod tunnel;
mod unacknowledged;
mod unread_body;
mod web;
mod wire;
mod worker;

pub use address::Address;
pub use error::Error;
pub use in_process::InProcess;
pub use rust_embed;
pub use settings::{Autoindex, LogFormat, RouteSettings, SiteSettings, WebSettings, Www};
pub use static_files::Coding;
pub use static_files::source::{FileContent, FileSource, FileState, Listed, Opened, OpenedFile, Version, Wait};
pub use static_files::{Embedded, FileSources, Folder};
pub use tier::WebTier;
pub use web::Web;
