//! The web tier of Foobar: connections, sites, static files and redirects; nginx's place in the stack.
//!
//! [`Web`] listens on TCP and Unix sockets and answers on a fixed number of worker threads; [`InProcess`] answers
//! through the same request path without a socket. What they do not answer themselves they hand to a
//! [`foobar_core::Handler`], and never learn what stands behind it.
//!
//! Each module is a room: a folder with a door beside it, which says what it is for, what it must not know, and which
//! decisions it rests on. Arrows go down: threads, HTTP/1, worker, pipeline, site, static files, reply. The life of a
//! request can be read in `http1.rs` (one connection) and `pipeline.rs` (the request path).

mod access_log;
mod clock;
mod counters;
mod deadline;
#[cfg(feature = "dns")]
pub mod dns;
mod encoding;
mod error;
mod file_source;
mod gate;
mod http1;
mod http2;
mod in_process;
mod issuer;
mod kept;
mod limits;
mod memory;
mod net;
mod pipeline;
mod plan;
mod pool;
mod reply;
mod request;
mod settings;
mod site;
mod static_files;
mod threads;
mod tunnel;
mod web;
mod web_tier;
mod worker;

#[cfg(fuzzing)]
pub mod fuzzing;

pub use encoding::Coding;
pub use error::{Error, Warning};
pub use file_source::{
    Blocking, DirEntry, Embedded, FileContent, FileSource, FileSources, FileState, Folder, Links, Node, OpenedFile,
    Page, PublicFiles, Version,
};
pub use gate::{EndedPause, Gate, GateStatus, PauseStatus};
pub use in_process::InProcess;
pub use kept::{CertificateCommand, DnsAnswers, Revocation};
pub use net::{Address, CertificateOverview, PassedSocket, SiteCertificate, Turn};
pub use rust_embed;
pub use settings::{
    AcmeSettings, Autoindex, Challenge, DnsSettings, Http2, Https, LogFormat, NoErrorPage, RouteSettings, SiteSettings,
    VerifyClient, WebSettings, Www,
};
pub use site::{RouteOverview, ServerName, SiteOverview};
pub use web::{Web, WebBuilder};
pub use web_tier::{WebReload, WebTier};
