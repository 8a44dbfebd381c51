//! Foobar puts a site's whole web stack into one program: the web server, the application server and the
//! database tier, each behind a trait, composed by a [`Server`].
//!
//! ```no_run
//! use foobar::{App, Server, actix_web::web};
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
//! What you write is an [`App`]: its routes are actix-web's, its queries Diesel's, through a [`Db`]; [`Context`] is what it
//! is given besides. What you get is a program with a command line (`serve`, `check`, `config`, `migrate`, `routes`), a configuration file, sites with
//! static files, an embedded SQLite database or a connection to MySQL, limits and deadlines that protect it, logs,
//! metrics and a clean stop.
//!
//! All that an application needs is here under `foobar::`, also where the pages of its parts say `foobar_app`,
//! `foobar_db` or `foobar_core`; the `Error` of `foobar_db` is [`DbError`].
//!
//! - To serve: [`Server`], and [`Running`] where the program is more than a server.
//! - To test: [`test::client`], which calls an application in process on a database of its own.
//! - To replace a part: the traits [`WebTier`], [`AppTier`] and [`Database`], and [`Tier`] for a part of your own.

mod admin;
mod cli;
mod composition;
mod error;
mod running;
mod server;
mod settings;
pub mod test;

pub use error::StartError;
pub use running::{Running, Stop};
pub use server::Server;
pub use settings::{AdminSettings, ServerSettings, reference};

pub use foobar_app::{
    App, AppSettings, AppTier, Context, Db, Deciding, Error, HeaderText, OnClientAbort, Routes, Runtime, Stopping,
    TowerApp, actix_web, cancel_with_client, every, routes, run_to_end, sse,
};
pub use foobar_core::{
    Attempt, BoxError, BoxFuture, Chain, ClientAbort, ClientCertificate, ConnectInfo, EarlyHints, EarlyHintsError,
    Handler, LocalBoxFuture, MakeHandler, Metrics, PersistentStart, Problem, Readiness, Request, RequestId, Response,
    ResponseBody, Secret, Tier, TrustedProxy, handler_fn,
};
pub use foobar_db::{
    Conn, Database, DatabaseSettings, EmbeddedMigrations, Ending, Engine, EngineConnection, Error as DbError,
    MigrationStatus, Migrations, Query, QueryError, QueryKind, QueryResult, diesel, embed_migrations,
};
pub use foobar_web::{
    Address, Blocking, DirEntry, Embedded, FileContent, FileSource, FileSources, FileState, Folder, InProcess, Links,
    Node, OpenedFile, Page, RouteOverview, RouteSettings, SiteOverview, SiteSettings, Version, Warning, Web,
    WebSettings, WebTier, rust_embed,
};

#[cfg(feature = "sqlite")]
pub use foobar_db::Sqlite;
#[cfg(feature = "mysql")]
pub use foobar_db::{Mysql, MysqlConnection};
