//! Foobar puts a site's whole web stack into one program: the web server, the application server and the
//! database tier, each behind a trait, composed by a [`Server`].
//!
//! ```no_run
//! use foobar::{App, Server, web};
//!
//! struct Hello;
//!
//! impl App for Hello {
//!     fn routes(&self, routes: &mut web::ServiceConfig) {
//!         routes.route("/", web::get().to(async || "Hello, World!"));
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     Server::new().app(Hello).run()
//! }
//! ```
//!
//! What you write is an [`App`]: its routes are actix-web's, its queries Diesel's, through a [`Db`]; [`Context`] is
//! what it is given besides. What you get is a program with a command line (`serve`, `check`, `doctor`, `config`,
//! `migrate`, `routes`, `certificates`, `zone`, and for a server that runs `reload`, `status`, `pause`, `resume`, `maintenance`,
//! `drain`, `undrain`), a
//! configuration file, sites with static files and certificates, an embedded SQLite database or a connection to MySQL,
//! limits and deadlines that protect it, logs, metrics and a clean stop.
//!
//! Here is what every application needs: [`Server`] to serve, and [`Running`] if the program does more than serve. The
//! rest is in modules:
//!
//! - [`test`](mod@test): to call an application in process, on a database of its own.
//! - [`request`]: what a handler can learn of a request besides HTTP.
//! - [`files`]: where static files come from.
//! - [`config`]: the settings as the program sees them.
//! - [`tiers`]: to replace a part, or to add one.
//!
//! No other crate has to be named, although the pages of the parts say `foobar_app`, `foobar_db` or `foobar_core` where
//! they link to each other; the `Error` of `foobar_db` is [`DbError`].

mod admin;
mod cli;
mod composition;
pub mod config;
mod config_file;
mod declared;
mod default_database;
mod dns;
#[doc(hidden)]
pub mod embed;
mod error;
pub mod files;
mod lifecycle;
mod program;
pub mod query;
mod reference;
mod reload;
pub mod request;
mod running;
#[doc(hidden)]
pub mod section;
mod server;
mod settings;
mod status;
pub mod test;
pub mod tiers;

pub use error::StartError;
pub use reload::Reloaded;
pub use running::{HoldError, Paused, Resumed, Running, Stop};
pub use server::Server;
pub use status::Status;

#[cfg(feature = "multipart")]
pub use foobar_app::actix_multipart;
pub use foobar_app::actix_web::{self, web};
#[cfg(feature = "accounts")]
pub use foobar_app::{
    AccountOptions, Accounts, ApiToken, ApiUser, FileMailer, Mail, Mailer, NoAccounts, Refusal, TotpEnrolment, User,
    local_path,
};
pub use foobar_app::{
    App, Context, CsrfToken, Db, Error, FieldErrors, Flash, Form, FormFields, Json, Routes, Session, SessionError,
    Sessions, Settings, Stopping, UndeclaredFolder, UndeclaredSettings, Validated, asset, cancel_with_client, every,
    garde, routes, run_to_end, send_file, sse,
};
#[cfg(feature = "multipart")]
pub use foobar_app::{FileKind, FolderStorage, Storage, Upload, Uploads, part_text};
pub use foobar_core::config::Section;
pub use foobar_core::{BoxError, Chain, Problem};
#[cfg(feature = "mysql")]
pub use foobar_db::MysqlConnection;
pub use foobar_db::{
    Conn, DateTime, EmbeddedMigrations, Engine, EngineConnection, Error as DbError, Finding, Isolation, LintRule,
    MigrationLint, MigrationStatus, Migrations, MultiBackend, QueryError, QueryResult, SourceFolder, diesel,
    embed_migrations, incoming, insert_returning_id, locked, upsert,
};
pub use tracing_subscriber;
