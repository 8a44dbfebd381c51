//! The seams of Foobar: what its tiers agree on, and nothing that serves by itself.
//!
//! - [`Handler`] and [`MakeHandler`]: a request in, a response out, on one worker thread.
//! - [`Tier`] and [`Supervisor`]: what starts, serves and drains, and in which order.
//! - [`config`]: settings from file, environment and command line, each with its provenance.
//! - [`Problem`]: how an error looks to a browser and to an API client.
//!
//! This crate opens no socket and names no server, TLS or SQL crate.

// `settings!` names this crate; in here too.
extern crate self as foobar_core;

mod accept;
mod assets;
mod body;
mod client_abort;
mod client_certificate;
pub mod config;
mod connect_info;
mod default_fields;
mod disposition;
mod early_hints;
mod error;
mod handler;
mod html_text;
pub mod log;
mod log_file;
mod metrics;
mod own_thread;
pub mod panics;
mod persistent_start;
mod problem;
mod request_id;
mod request_info;
mod route_pattern;
mod secret;
mod supervisor;
mod tier;
mod trusted_proxy;
mod units;
mod upgrade;

pub use accept::Accept;
pub use assets::{AssetError, Assets};
pub use body::{Body, BodyError, LocalStream, RequestBody, ResponseBody, SendStream, carry};
pub use client_abort::ClientAbort;
pub use client_certificate::ClientCertificate;
pub use connect_info::{ConnectInfo, Scheme};
pub use default_fields::{DefaultFields, Present};
pub use disposition::Disposition;
pub use early_hints::{EarlyHints, EarlyHintsError, HintsToSend};
pub use error::{BoxError, Chain};
pub use handler::{Handler, HandlerFn, MakeHandler, Request, Response, handler_fn};
pub use html_text::HtmlText;
pub use log_file::LogFile;
pub use metrics::{Histogram, Metrics};
pub use own_thread::{on_own_thread, on_own_thread_in};
pub use persistent_start::{Attempt, PersistentStart};
pub use problem::Problem;
pub use request_id::RequestId;
pub use request_info::RequestInfo;
pub use route_pattern::RoutePattern;
pub use secret::Secret;
pub use supervisor::{Drained, StartError, Supervisor};
pub use tier::{Readiness, Tier};
pub use trusted_proxy::TrustedProxy;
pub use units::{List, Period, Size};
pub use upgrade::{Io, Upgrade};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = futures_util::future::BoxFuture<'a, T>;
/// A boxed future that stays on its worker thread.
pub type LocalBoxFuture<'a, T> = futures_util::future::LocalBoxFuture<'a, T>;
