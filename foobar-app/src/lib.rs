//! The application tier of Foobar: the [`App`] trait and its runtime on actix-web.
//!
//! - [`App`]: what a user writes; one required method. [`routes`] makes one of a function.
//! - [`Context`] and [`Db`]: what an application is given, and what its handlers take as arguments.
//! - [`Runtime`]: runs an `App` on actix-web, one instance for each worker thread, without a socket of its own.
//! - [`Form`] and [`Json`]: a body as a value, or each field that is wrong with it.
//! - `Accounts` and `User`: who may sign in, and who is; `ApiUser`: for whom a program acts; the feature `accounts`.
//! - [`Session`]: what is remembered of a visitor, where [`Sessions`] says.
//! - [`asset`] and [`send_file`]: the URL of a file that the web tier serves, and a file as an answer.
//! - `Uploads`: files that visitors send, and the `Storage` that keeps them; the feature `multipart`.
//! - [`Stopping`]: notice of a stop, as an argument. [`sse()`]: an answer that is a stream of events.
//! - [`run_to_end`] and [`cancel_with_client`]: what happens to a handler whose client disconnects.
//! - [`every`]: work that is repeated.
//! - [`TowerApp`]: runs any `tower::Service`, such as an axum router, in its place.
//! - [`Error`]: what a handler returns, so that `?` works on any error.
//! - [`testing`]: calls an application in process.
//!
//! Around every application, whichever runs it: a panic becomes 500, a handler past its deadline 504, errors are
//! problem+json or a page by the request's `Accept`, security headers are added where the application has not set its
//! own, and `X-Request-Id` names the request; the web tier sets it only on what it answers without the application.
//! What `Forwarded` and `X-Forwarded-` fields say is believed: the web tier has left only what is true of them.
//! [`AppSettings`] holds what can be changed.

#[cfg(feature = "accounts")]
mod accounts;
mod app;
mod app_instance;
mod app_route;
mod app_tier;
mod asset;
#[cfg(feature = "accounts")]
mod bearer;
mod client_abort;
mod clock;
mod context;
mod cross_site;
mod csrf_token;
mod db;
mod declared;
mod error;
mod every;
mod field_errors;
mod file_path;
mod form;
mod guard;
mod input;
mod json;
mod route_pattern;
mod routes;
mod runtime;
mod send_file;
mod session;
mod sessions;
mod settings;
#[cfg(feature = "accounts")]
mod signed_in;
pub mod sse;
mod stopping;
mod streamed;
mod tasks;
pub mod testing;
mod tower_app;
#[cfg(feature = "multipart")]
mod uploads;
mod validated;

#[cfg(feature = "accounts")]
pub use accounts::{
    AccountOptions, Accounts, ApiToken, ApiUser, FileMailer, Mail, Mailer, NoAccounts, Refusal, TotpEnrolment, User,
    local_path,
};
#[cfg(feature = "multipart")]
pub use actix_multipart;
pub use actix_web;
pub use app::{App, migrations_of};
pub use app_instance::StartError;
pub use app_route::AppRoute;
pub use app_tier::{AppTier, Configured};
pub use asset::asset;
pub use client_abort::{Deciding, OnClientAbort, cancel_with_client, run_to_end};
pub use context::Context;
pub use csrf_token::CsrfToken;
pub use db::Db;
pub use declared::{Settings, UndeclaredFolder, UndeclaredSettings};
pub use error::Error;
pub use every::every;
pub use field_errors::FieldErrors;
pub use form::{Form, FormFields};
pub use garde;
pub use json::Json;
pub use routes::{Routes, routes};
pub use runtime::Runtime;
pub use send_file::{SendFile, send_file};
pub use session::{
    CookieName, Flash, KeyError, Session, SessionChange, SessionError, SessionRecord, SessionSettings, SessionStore,
    Updated,
};
pub use sessions::{Sessions, SessionsError};
pub use settings::{AppSettings, HeaderText};
pub use sse::sse;
pub use stopping::Stopping;
pub use tower_app::TowerApp;
#[cfg(feature = "multipart")]
pub use uploads::{FileKind, FolderStorage, Storage, Upload, Uploads, part_text};
pub use validated::Validated;
