//! The parts that a [`Server`](crate::Server) composes, for whoever replaces one or adds one: each is a [`Tier`].
//!
//! - A web tier in place of [`Web`]: [`WebTier`], given to [`Server::web_tier`](crate::Server::web_tier).
//! - An application that is not an [`App`](crate::App): [`AppTier`], or a [`Handler`], which takes a request to a
//!   response.
//! - Another database: [`Database`], given to [`Server::database`](crate::Server::database).
//! - A part of your own, such as a queue worker: [`Tier`], given to [`Server::tier`](crate::Server::tier).
//!
//! They speak [`http`] 1 and [`http_body`]; actix-web has a version of its own, `foobar::actix_web::http`.

pub use foobar_app::{
    AppRoute, AppTier, Configured, KeyError as SessionKeyError, Runtime, SessionChange, SessionRecord, SessionStore,
    SessionsError, StartError as AppStartError, TowerApp, Updated as SessionUpdate,
};
pub use foobar_core::panics::Panic;
pub use foobar_core::{
    Attempt, Body, BodyError, BoxFuture, DefaultFields, Drained, Handler, HandlerFn, Histogram, LocalBoxFuture,
    LocalStream, MakeHandler, Metrics, PersistentStart, Present, Readiness, Request, RequestBody, RequestInfo,
    Response, ResponseBody, RoutePattern, SendStream, StartError, Supervisor, Tier, handler_fn,
};
#[cfg(feature = "sqlite")]
pub use foobar_db::Sqlite;
pub use foobar_db::{ConnectError, Database, DatabaseInfo, Db as DbHandle, Ending, Presence, Query, QueryKind};
#[cfg(feature = "mysql")]
pub use foobar_db::{Mysql, MysqlField, MysqlRow, crypto_provider};
pub use foobar_web::{
    Address, CertificateCommand, CertificateOverview, DnsAnswers, EndedPause, Error as WebError, Gate, GateStatus,
    InProcess, PassedSocket, PauseStatus, Revocation, RouteOverview, SiteCertificate, SiteOverview, Turn, Warning, Web,
    WebBuilder, WebReload, WebTier,
};

pub use {bytes, http, http_body, rustls, tower_service};
