mod access;
mod cryptography;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use foobar_app::{App, AppSettings, AppTier, Context, Db, Runtime, Sessions, TowerApp, migrations_of};
use foobar_core::config::{Config, Loader, Section};
use foobar_core::panics::{self, Panic};
use foobar_core::{BoxError, MakeHandler, RequestBody, Tier};
use foobar_db::Migrations;
use foobar_web::{FileSource, PublicFiles, WebSettings, WebTier};
use tokio::runtime::Handle;
use tracing_subscriber::{Layer, Registry};

use crate::composition::{Application, Composition, Parts};
use crate::program::{Program, Verb};
use crate::settings::Sites;
use crate::{Running, StartError, cli, default_database, settings};

/// Composes the tiers of one process.
///
/// Each tier has a default that the configuration shapes: the nginx-like web tier, the actix-web runtime for an
/// [`App`], SQLite or MySQL by `database.url`. [`run`](Self::run) makes it a program with a command line;
/// [`start`](Self::start) runs it inside a program of your own. Several can live in one process.
///
/// ```no_run
/// use diesel::prelude::*;
/// use foobar::{App, Db, Error, Migrations, Server, embed_migrations, web};
///
/// diesel::table! { products (id) { id -> Integer, name -> Text } }
///
/// async fn product(db: Db, id: web::Path<i32>) -> Result<String, Error> {
///     Ok(db.read(move |conn| products::table.find(*id).select(products::name).first(conn)).await?)
/// }
///
/// struct Shop;
///
/// impl App for Shop {
///     fn routes(&self, routes: &mut web::ServiceConfig) {
///         routes.route("/products/{id}", web::get().to(product));
///     }
///
///     fn migrations(&self) -> Migrations {
///         Migrations::none()
///             .sqlite(embed_migrations!("examples/site/migrations/sqlite"))
///             .mysql(embed_migrations!("examples/site/migrations/mysql"))
///     }
/// }
///
/// /// For `main`, and for tests: `foobar::test::site(server())`.
/// fn server() -> Server {
///     Server::new()
///         .name(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
///         .preset("database.url", "sqlite:shop.db") // the configuration may say otherwise
///         .public("public")                         // its files come before the application
///         .app(Shop)
/// }
///
/// fn main() -> std::process::ExitCode {
///     server().run()
/// }
/// ```
///
/// What a program may need besides:
///
/// - a section of the configuration of its own: [`settings`](Self::settings);
/// - files that a handler gives out: [`private`](Self::private);
/// - work that is done again and again: [`tier_with`](Self::tier_with) with [`every`](crate::every);
/// - an axum router in the place of the `App`: [`service_with`](Self::service_with) and [`migrations`](Self::migrations);
/// - a layer for traces: [`layer`](Self::layer);
/// - routes for pages of other sites: [`cross_site`](Self::cross_site).
#[must_use = "a server does nothing until it is run or started"]
pub struct Server {
    loader: Loader,
    parts: Parts,
    /// Whether an application with tables needs a database.
    has_tables: bool,
}

impl Server {
    /// A server of static files, until it is given an application.
    pub fn new() -> Self {
        Self { loader: settings::loader(), parts: Parts::default(), has_tables: false }
    }

    /// Serves this application.
    pub fn app(self, app: impl App) -> Self {
        let sessions = panics::catch(|| app.sessions()).unwrap_or_default(); // the panic is told with the migrations
        let migrations = panics::catch(|| migrations_of(&app));
        self.application(migrations, sessions, |context, settings, _| {
            Arc::new(Runtime::with_context(app, context.clone(), settings))
        })
    }

    /// Serves a [`tower::Service`](tower_service::Service), such as an axum router, as the application.
    pub fn service<S, B>(self, service: S) -> Self
    where
        S: tower_service::Service<http::Request<RequestBody>, Response = http::Response<B>>,
        S: Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: 'static,
        B: http_body::Body<Data = bytes::Bytes> + 'static,
        B::Error: Into<BoxError>,
    {
        self.service_with(move |_| service)
    }

    /// Serves a service that is made from the [`Context`], which has the database and runs work that outlives a
    /// request. With [`migrations`](Self::migrations) it has all that an [`App`] has.
    ///
    /// ```
    /// use axum::{Router, extract::State, routing::get};
    /// use foobar::{Context, Server};
    ///
    /// async fn database(State(context): State<Context>) -> String {
    ///     context.db().map_or("none".to_owned(), |db| db.describe())
    /// }
    ///
    /// let server = Server::new()
    ///     .service_with(|context| Router::new().route("/", get(database)).with_state(context.clone()));
    /// ```
    pub fn service_with<S, B>(self, make: impl FnOnce(&Context) -> S + Send + 'static) -> Self
    where
        S: tower_service::Service<http::Request<RequestBody>, Response = http::Response<B>>,
        S: Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: 'static,
        B: http_body::Body<Data = bytes::Bytes> + 'static,
        B::Error: Into<BoxError>,
    {
        self.application(Ok(Migrations::none()), Sessions::none(), move |context, settings, migrations| {
            let service = make(context);
            Arc::new(TowerApp::with_context(service, context.clone(), migrations.clone(), settings))
        })
    }

    /// The migrations of the database, for a [service](Self::service_with): run at the start and by the command
    /// `migrate`. An [`App`] has its own, and giving both is an error; an [application tier of your
    /// own](Self::app_tier) runs them itself, except for the command.
    pub fn migrations(self, migrations: Migrations) -> Self {
        let mut server = self.with_tables_of(&migrations);
        server.parts.migrations = Some(migrations);
        server
    }

    /// Serves an application tier of your own; it is made once the database and the settings are known.
    pub fn app_tier(self, make: impl FnOnce(Option<Db>, &AppSettings) -> Arc<dyn AppTier> + Send + 'static) -> Self {
        self.application(Ok(Migrations::none()), Sessions::none(), move |context, settings, _| {
            make(context.db().ok().cloned(), settings) // an error is that there is none
        })
    }

    /// Uses a web tier of your own instead of [`Web`](crate::tiers::Web), made from the web tier's settings and the
    /// application.
    pub fn web_tier<M>(mut self, make: M) -> Self
    where
        M: FnOnce(&WebSettings, &Sites, Option<Arc<dyn MakeHandler>>) -> Result<Arc<dyn WebTier>, BoxError>,
        M: Send + 'static,
    {
        self.parts.web = Some(Box::new(|settings, sites, _, app| make(settings, sites, app)));
        self
    }

    /// Uses this database instead of the one at `database.url`.
    pub fn database(mut self, database: Db) -> Self {
        self.parts.database = Some(database);
        self
    }

    /// Adds a tier of your own, such as a queue worker: started after the database and before the application,
    /// drained after the application.
    pub fn tier(self, tier: Arc<dyn Tier>) -> Self {
        self.tier_with(move |_| tier)
    }

    /// Adds a tier of your own that is made from the [`Context`]; [`every`](crate::every()) makes one from a function
    /// that is called repeatedly.
    ///
    /// ```
    /// use foobar::{BoxError, Context, Server};
    ///
    /// async fn clear(context: Context) -> Result<(), BoxError> {
    ///     let _db = context.db()?; // … db.write(..) …
    ///     Ok(())
    /// }
    ///
    /// let server = Server::new().tier_with(foobar::every("10m", clear));
    /// ```
    pub fn tier_with(mut self, make: impl FnOnce(&Context) -> Arc<dyn Tier> + Send + 'static) -> Self {
        self.parts.tiers.push(Box::new(make));
        self
    }

    /// Serves files on every site: those of a folder, given by its path, or those embedded in the program by
    /// [`embed!`](crate::embed!).
    ///
    /// ```
    /// use foobar::Server;
    ///
    /// let server = Server::new().public("public");
    /// let server = Server::new().public(foobar::embed!("examples/site/public"));
    /// ```
    ///
    /// It is a preset of `sites.*.root`, which the configuration can override; the last call wins. A path is relative
    /// to the working folder of the process. If the folder does not exist, the server does not start.
    ///
    /// A page refers to such a file with [`asset`](crate::asset()).
    pub fn public(mut self, files: impl Into<PublicFiles>) -> Self {
        let root = files.into().root(&mut self.parts.files);
        self.preset("sites.*.root", root)
    }

    /// Adds files that are not in a folder, such as embedded ones, under a name that the configuration can use in place
    /// of a folder: `root = "embed:NAME"`, or `files = "embed:NAME"` of a route; an exact route takes one file, `files
    /// = "embed:NAME/favicon.ico"`.
    ///
    /// ```
    /// use foobar::Server;
    ///
    /// let files = foobar::embed!("examples/site/public");
    /// let server = Server::new().files("assets", files).preset("sites.*.root", "embed:assets");
    /// ```
    ///
    /// A [web tier of your own](Self::web_tier) does not get them.
    pub fn files(mut self, name: &str, source: impl FileSource) -> Self {
        self.parts.files.add(name, source);
        self
    }

    /// The program's name and version, for `--version`, the help and the first line that it prints at its start.
    ///
    /// ```
    /// # use foobar::Server;
    /// let server = Server::new().name(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    /// ```
    ///
    /// The names of the configuration's file and variables stay; [`config_name`](Self::config_name) changes them.
    pub fn name(mut self, name: &'static str, version: &'static str) -> Self {
        self.parts.program = Some(Program { name, version });
        self
    }

    /// Names the configuration after the program: with `config_name("my-site")` the file is `my-site.toml` instead of
    /// `foobar.toml`, and variables of the environment begin with `MY_SITE__` instead of `FOOBAR__`.
    ///
    /// The name may contain a-z, digits, `-` and `_`; any other name is an error at the start.
    pub fn config_name(mut self, name: &str) -> Self {
        self.loader = self.loader.name(name);
        self
    }

    /// Declares settings of the program's own: the section `[section]` of the configuration, read into a `T`.
    ///
    /// They come from the same places as Foobar's, are checked in the same way before anything starts, and are listed
    /// by `config` and `config --reference`. [`settings!`](crate::settings!) declares such a type, and a type that
    /// serde can read becomes one by `impl foobar::Section for T {}`. A handler takes [`Settings<T>`](crate::Settings);
    /// everywhere else, [`Context::settings`] returns them.
    ///
    /// ```
    /// use foobar::{Server, Settings};
    ///
    /// foobar::settings! {
    ///     /// What the guestbook is told.
    ///     pub struct Guestbook {
    ///         /// How many entries a page has.
    ///         pub per_page: u32 = 20,
    ///     }
    /// }
    ///
    /// async fn entries(guestbook: Settings<Guestbook>) -> String {
    ///     format!("{} on each page", guestbook.per_page)
    /// }
    ///
    /// let server = Server::new().settings::<Guestbook>("guestbook");
    /// ```
    ///
    /// Then `foobar.toml` may have
    ///
    /// ```toml
    /// [guestbook]
    /// per_page = 50
    /// ```
    ///
    /// and the environment `FOOBAR__GUESTBOOK__PER_PAGE=50`. The section's name may contain a-z, digits, `-` and `_`,
    /// and must not be one of Foobar's own; a name or a type that is given twice is an error at the start.
    pub fn settings<T: Section + Send + Sync + 'static>(mut self, section: &str) -> Self {
        self.loader = self.loader.declare::<T>(section);
        let section = section.to_owned();
        let read = move |config: &Config, context: Context| Ok(context.with_settings(config.at::<T>(&section)?));
        self.parts.declared.settings.push(Box::new(read));
        self
    }

    /// Adds a layer of the program's own to the log that [`run`](Self::run) installs, such as one that exports traces.
    ///
    /// ```
    /// use foobar::Server;
    /// use foobar::tracing_subscriber::{Layer, filter::LevelFilter, fmt};
    ///
    /// // A second log, of errors alone.
    /// let errors = fmt::layer().with_writer(std::io::stderr).with_filter(LevelFilter::ERROR);
    /// let server = Server::new().layer(errors);
    /// ```
    ///
    /// It sees every event and span, including those that `log.filter` drops and those that are counted, and then their
    /// sums: give it a filter of its own, which may let more pass than the log prints. Without a filter that has a
    /// level, it sees all but the spans that HTTP/2 makes of each frame. If the program installs a subscriber before
    /// `run`, that one is used instead of Foobar's, and a line in it says so; a layer is then an error and belongs in
    /// that subscriber.
    /// [`start`](Self::start) installs nothing, so a layer has no effect there.
    ///
    /// Why a start has failed is an event as well (target `foobar::printed`), beside the line on standard error.
    pub fn layer(mut self, layer: impl Layer<Registry> + Send + Sync + 'static) -> Self {
        self.parts.layers.push(Box::new(layer));
        self
    }

    /// Sets the program's defaults for any keys, as TOML; the file, the environment and the command line override them.
    ///
    /// ```
    /// # use foobar::Server;
    /// let server = Server::new().defaults(
    ///     r#"
    ///     [database]
    ///     url = "sqlite:site.db"
    ///
    ///     [sites."*"]
    ///     root = "public"
    ///
    ///     [sites."*".routes."/feed.xml"]
    ///     app = true
    ///     "#,
    /// );
    /// ```
    ///
    /// Most programs keep them in a file: `defaults(include_str!("site.toml"))`. A star stands for each site that
    /// exists, or each route of a site; it makes no site. `config` shows such a value as one of "the program's
    /// defaults", with its line.
    pub fn defaults(mut self, toml: &str) -> Self {
        self.loader = self.loader.defaults(toml);
        self
    }

    /// Changes the default of a configuration key, overriding the [`defaults`](Self::defaults); the file, the
    /// environment and the command line override it. `sites.*.root` is that of each site, and
    /// `sites.*.routes."/feed/".app` makes the route in each.
    pub fn preset(mut self, key: &str, value: impl Into<String>) -> Self {
        self.loader = self.loader.preset(key, value);
        self
    }

    /// Sets a configuration key, overriding the file and the environment.
    pub fn set(mut self, key: &str, value: impl Into<String>) -> Self {
        self.loader = self.loader.set(key, value, "code");
        self
    }

    /// Reads this configuration file, which must exist. The command line's `--config` replaces it.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.loader = self.loader.file(path);
        self
    }

    /// A command of the program `foobar` that needs no server: it is given what follows its name on the command line.
    #[doc(hidden)]
    pub fn verb(mut self, name: &'static str, about: &'static str, run: fn(Vec<OsString>) -> ExitCode) -> Self {
        self.parts.verbs.push(Verb { name, about, run });
        self
    }

    /// Runs the program's command line: `serve` unless it says otherwise. Blocks until the server has stopped.
    ///
    /// Reads the arguments, the file `foobar.toml` of the working folder if there is one, and the environment
    /// ([`config_name`](Self::config_name) names both; an application with tables and without a `database.url` has its
    /// SQLite database in `$STATE_DIRECTORY`, which systemd sets, else in the working folder); installs the log and the signal handlers of this process, and
    /// aws-lc-rs as its default provider for rustls if it has none. The exit code is 0 after a stop that lost nothing;
    /// 1 if the server could not start (also after waiting for its database) or a command failed; 2 if the command line
    /// or the configuration is wrong; and 3 if a second signal or the end of `server.shutdown_timeout` has cut off
    /// requests, a migration or the application's own start; a second signal while nothing is under way loses nothing.
    ///
    /// # Threads
    ///
    /// It makes its own tokio runtimes, so call it from a `main` that is not `async`. Handlers run on the workers of
    /// the web tier, queries on the threads of the database. [`App::start`] and [`App::stop`], and the start and the
    /// drain of each [`Tier`], each run on a thread of their own and may block. What they and handlers spawn, with
    /// [`Context::spawn`] or from `start` with `tokio::spawn`, runs on a runtime with as many threads as there are
    /// cores, at least two, and must not block for long. Signals are handled on a thread that runs nothing else:
    /// whatever blocks, a stop begins at once and ends within `server.shutdown_timeout`.
    pub fn run(mut self) -> ExitCode {
        if self.has_tables {
            let url = default_database::of(std::env::var_os("STATE_DIRECTORY").as_deref(), Path::exists);
            self.loader = self.loader.preset_beneath("database.url", url);
        }
        cli::run(self.loader, self.parts, std::env::args_os())
    }

    /// Starts the server inside the caller's tokio runtime and returns once it accepts connections.
    ///
    /// Reads neither arguments nor environment, and installs neither a log nor signal handlers. A program that connects
    /// to MySQL over TLS, and holds two providers of cryptography or a client certificate with a key that is none of RSA,
    /// chooses the provider first, such as [`tiers::crypto_provider`](crate::tiers::crypto_provider). The access log is the
    /// web tier's own and goes to standard output unless `web.access_log` says otherwise. What the application and its
    /// tiers spawn runs on the caller's runtime; if that has a single thread, a task that blocks holds up all others.
    ///
    /// A database that is down is waited for after that; [`Running::failed`] reports a start that fails then.
    pub async fn start(self) -> Result<Running, StartError> {
        let loader = self.loader;
        let read = move || Ok(settings::load(loader.clone())?);
        Composition::compile(read()?, self.parts)?.start(Handle::current(), Box::new(read)).await
    }

    /// What it is made of, for a test that starts it in another way.
    pub(crate) fn into_parts(self) -> (Loader, Parts) {
        (self.loader, self.parts)
    }

    /// An application with tables has a database also where nothing is configured.
    fn with_tables_of(mut self, migrations: &Migrations) -> Self {
        if !migrations.is_empty() {
            self.has_tables = true;
            self.loader = self.loader.preset_beneath("database.url", default_database::IN_WORKING_FOLDER);
        }
        self
    }

    fn application(
        self,
        migrations: Result<Migrations, Panic>,
        sessions: Sessions,
        make: impl FnOnce(&Context, &AppSettings, &Migrations) -> Arc<dyn AppTier> + Send + 'static,
    ) -> Self {
        let mut server = match &migrations {
            Ok(migrations) => self.with_tables_of(migrations),
            Err(_panic) => self, // it is told at the start
        };
        server.parts.application = Some(Application { migrations, sessions, make: Box::new(make) });
        server
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}
