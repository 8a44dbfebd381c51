//! The tiers of one process, made of what the program brings and what its settings say.
//!
//! The database exists when it is needed: when `database.url` is set or the application has migrations. A program
//! without either makes no file.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use foobar_app::{AppRoute, AppSettings, AppTier, Context, Db, Sessions};
use foobar_core::config::Config;
use foobar_core::log::BoxedLayer;
use foobar_core::panics::Panic;
use foobar_core::{BoxError, Chain, LogFile, MakeHandler, Supervisor, Tier, on_own_thread};
use foobar_db::Migrations;
use foobar_web::{
    CertificateCommand, FileSources, PassedSocket, SiteCertificate, SiteOverview, Turn, Warning, Web, WebBuilder,
    WebSettings, WebTier,
};
use rustls::crypto::CryptoProvider;
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::admin::Admin;
use crate::declared::Declared;
use crate::default_database;
use crate::dns::{self, NameServer};
use crate::lifecycle::Lifecycle;
use crate::program::{Program, Verb};
use crate::reload::{Current, Patience, ReadConfig, Reloader, require_schema};
use crate::settings::{AllSettings, Sites};
use crate::{Running, StartError};

/// The tiers of one process, compiled from their settings; nothing listens and nothing is connected yet.
pub(crate) struct Composition {
    pub(crate) config: Config,
    pub(crate) settings: AllSettings,
    pub(crate) migrations: Migrations,
    pub(crate) database: Option<Db>,
    /// Whether it is that of the settings.
    owns_database: bool,
    /// Where the application keeps those of its visitors.
    sessions: Option<Sessions>,
    app: Option<Arc<dyn AppTier>>,
    web: Arc<dyn WebTier>,
    admin: Option<Arc<Admin>>,
    pub(crate) names: Option<Arc<dyn NameServer>>,
    others: Vec<Arc<dyn Tier>>,
    context: Context,
    declared: Declared,
    pub(crate) lifecycle: Arc<Lifecycle>,
    /// Whether another program serves until this one does.
    is_follower: bool,
    pub(crate) program: Option<Program>,
}

/// What the program brings; the configuration brings the rest.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) application: Option<Application>,
    pub(crate) database: Option<Db>,
    pub(crate) web: Option<MakeWeb>,
    pub(crate) tiers: Vec<MakeTier>,
    /// What [`Server::migrations`](crate::Server::migrations) was given.
    pub(crate) migrations: Option<Migrations>,
    pub(crate) files: FileSources,
    /// The cryptography of TLS, if it is not aws-lc-rs.
    pub(crate) crypto_provider: Option<Arc<CryptoProvider>>,
    pub(crate) declared: Declared,
    /// The routes of [`Server::cross_site`](crate::Server::cross_site).
    pub(crate) cross_site: Vec<String>,
    /// Beside the lines of the log; a server that is [started](crate::Server::start) has none.
    pub(crate) layers: Vec<BoxedLayer>,
    pub(crate) program: Option<Program>,
    pub(crate) verbs: Vec<Verb>,
}

type MakeWeb = Box<
    dyn FnOnce(&WebSettings, &Sites, &FileSources, Option<Arc<dyn MakeHandler>>) -> Result<Arc<dyn WebTier>, BoxError>
        + Send,
>;
/// An application that waits for its database and settings.
pub(crate) struct Application {
    /// A panic is that of [`App::migrations`].
    pub(crate) migrations: Result<Migrations, Panic>,
    pub(crate) sessions: Sessions,
    pub(crate) make: MakeApp,
}

/// Makes the application's tier of its context, its settings and the migrations of the server.
type MakeApp = Box<dyn FnOnce(&Context, &AppSettings, &Migrations) -> Arc<dyn AppTier> + Send>;
pub(crate) type MakeTier = Box<dyn FnOnce(&Context) -> Arc<dyn Tier> + Send>;

impl Composition {
    pub(crate) fn compile(config: Config, parts: Parts) -> Result<Self, StartError> {
        let settings = AllSettings::parse(&config)?;
        Self::of(settings, config, parts)
    }

    /// The same for a command that serves nothing: the file of the access log is neither opened nor made.
    pub(crate) fn compile_dry(config: Config, parts: Parts) -> Result<Self, StartError> {
        let mut settings = AllSettings::parse(&config)?;
        if LogFile::is_path(&settings.web.access_log) {
            settings.web.access_log = "off".to_owned();
        }
        Self::of(settings, config, parts)
    }

    fn of(settings: AllSettings, config: Config, mut parts: Parts) -> Result<Self, StartError> {
        let owns_database = parts.database.is_none();
        let Inside { migrations, database, context, sessions, app } = Inside::make(&settings, &config, &mut parts)?;
        let names = dns::name_server(&config, &settings)?;
        let others = parts.tiers.into_iter().map(|make| make(&context)).collect();
        let handler = app.clone().map(|app| app as Arc<dyn MakeHandler>);
        let stream_time = *settings.server.stream_timeout;
        let make_web = parts.web.unwrap_or_else(|| {
            let dns = names.clone().map(|names| names.answers());
            let web = web_builder(parts.crypto_provider.clone());
            let web = dns.into_iter().fold(web, WebBuilder::dns_answers);
            Box::new(move |settings, sites, files, app| on_sockets(web, settings, sites, files, app, stream_time))
        });
        let web = make_web(&settings.web, &settings.sites, &parts.files, handler);
        let web = web.map_err(|error| StartError::web(&config, error))?;
        settings.require_content(app.is_some())?;
        let (admin, program, declared) = (None, parts.program, parts.declared);
        let mut composition = Self {
            config,
            settings,
            migrations,
            database,
            owns_database,
            sessions,
            app,
            web,
            admin,
            names,
            others,
            context,
            declared,
            lifecycle: Arc::new(Lifecycle::new()),
            is_follower: false,
            program,
        };
        composition.admin = composition.admin(web_builder(parts.crypto_provider))?;
        Ok(composition)
    }

    /// What the web tier says of its certificates.
    pub(crate) fn certificates(&self) -> Vec<SiteCertificate> {
        self.web.certificates()
    }

    /// Has the web tier do something with a certificate.
    pub(crate) async fn certificate_command(&self, command: &CertificateCommand) -> Result<String, BoxError> {
        self.web.certificate_command(command).await
    }

    /// What may surprise, each in a line that says where it stands: settings without effect, and variables that are
    /// nobody's.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let of_settings = self.setting_warnings().into_iter();
        let of_settings =
            of_settings.map(|Warning { key, message }| format!("{}: `{key}`: {message}", self.config.origin(&key)));
        self.config.warnings().iter().cloned().chain(of_settings).collect()
    }

    /// What may surprise of the migrations for the engine of the database.
    pub(crate) fn migration_warnings(&self) -> Vec<String> {
        self.database.as_ref().map_or_else(Vec::new, |database| self.migrations.warnings(database.engine()))
    }

    fn setting_warnings(&self) -> Vec<Warning> {
        let is_said = |warning: &Warning| self.config.origin(&warning.key) != "default"; // nobody's mistake
        let of_admin = self.admin.iter().flat_map(|admin| admin.warnings());
        self.web.warnings().into_iter().chain(of_admin).chain(self.useless_delay()).filter(is_said).collect()
    }

    /// Tries what the settings name, and leaves everything as it is.
    pub(crate) async fn check(&self) -> Result<(), StartError> {
        if let Some(database) = &self.database {
            let checked = database.check().await;
            checked.map_err(|error| StartError::setting(&self.config, "database.url", error))?;
        }
        self.check_addresses()
    }

    /// Tries to listen; what is in use may be this server.
    pub(crate) fn check_addresses(&self) -> Result<(), StartError> {
        self.web.check().map_err(|error| StartError::setting(&self.config, "web.listen", error))?;
        let names = self.names.as_ref().map_or(Ok(()), |names| names.check());
        names.map_err(|error| StartError::setting(&self.config, "dns.listen", error))?;
        let admin = self.admin.as_ref().map_or(Ok(()), |admin| admin.check());
        admin.map_err(|error| StartError::setting(&self.config, "admin.listen", error))
    }

    fn useless_delay(&self) -> Option<Warning> {
        const MESSAGE: &str =
            "nobody sees that the server is about to stop, as `admin.listen` is \"off\" and there is no `/readyz`";
        let is_useless = !self.settings.server.shutdown_delay.is_zero() && self.settings.admin.listen == "off";
        is_useless.then(|| Warning { key: "server.shutdown_delay".to_owned(), message: MESSAGE.to_owned() })
    }

    /// Takes sockets that this process was given.
    pub(crate) fn inherit(&self, web: Vec<PassedSocket>, admin: Vec<PassedSocket>) {
        self.web.inherit(web);
        match &self.admin {
            Some(of_admin) => of_admin.inherit(admin),
            None => drop(admin), // nobody is to ask there any more
        }
    }

    /// Of a program that takes the place of another one: it accepts no connection before
    /// [its turn](Running::take_turn), and migrates nothing.
    pub(crate) fn follow(&mut self, generation: u64, is_drained: bool, is_in_maintenance: bool) {
        self.is_follower = true;
        self.lifecycle.set_generation(generation);
        self.lifecycle.set_drained(is_drained);
        if let Some(gate) = self.web.gate() {
            gate.set_maintenance(is_in_maintenance);
        }
        self.web.set_turn(Turn::Next);
        self.admin.iter().for_each(|admin| admin.set_turn(Turn::Next));
    }

    /// Waits for a database that is down, until a stop: the program before ends one that takes too long.
    async fn require_schema(&self) -> Result<(), StartError> {
        let Some(database) = self.database.as_ref().filter(|_| self.is_follower) else { return Ok(()) };
        let mut is_told = false;
        loop {
            let Err(error) = require_schema(database, &self.migrations).await else { return Ok(()) };
            let may_pass = error.downcast_ref().is_some_and(foobar_db::Error::may_pass);
            if !may_pass || self.lifecycle.is_stopping() {
                return Err(StartError::setting(&self.config, "database.url", error));
            }
            if !std::mem::replace(&mut is_told, true) {
                tracing::warn!(error = %Chain(&*error), "whether the database is migrated cannot be asked yet");
            }
            sleep(RETRY).await;
        }
    }

    /// Starts the tiers in order; what they spawn lives on `runtime`. The admin listener is first, so that it tells how
    /// far the others are.
    pub(crate) async fn start(self, runtime: Handle, read: ReadConfig) -> Result<Running, StartError> {
        let bound = self.bind().await;
        if !bound.as_ref().is_err_and(StartError::is_of_another_server) {
            self.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
        }
        bound?;
        self.require_schema().await?;
        let patience = Patience::of(&self.settings);
        let admin = self.admin.clone().map(|admin| admin as Arc<dyn Tier>);
        let tiers = admin.into_iter().chain(self.tiers()).collect();
        let tasks = self.context.tier();
        let begun = {
            let _on = runtime.enter();
            tasks.start() // before all that may spawn
        };
        begun.await.map_err(|source| foobar_core::StartError { tier: "tasks", source })?;
        match Supervisor::start_in(runtime.clone(), tiers, Instant::now() + patience.timeout).await {
            Ok(supervisor) => Ok(Running::new(supervisor, self.admin.clone(), self.reloader(read, patience, runtime))),
            Err(error) => {
                tasks.cut_off().await; // nobody waits for what the tiers have spawned
                Err(error.into())
            }
        }
    }

    fn reloader(self, read: ReadConfig, patience: Patience, runtime: Handle) -> Reloader {
        let (config, settings, context) = (self.config, self.settings, self.context);
        let current = Current { in_use: config.values(), config, settings, context };
        Reloader {
            read,
            declared: self.declared,
            migrations: self.migrations,
            database: self.database.filter(|_| self.owns_database),
            sessions: self.sessions,
            app: self.app,
            web: self.web,
            names: self.names,
            patience: Mutex::new(patience),
            runtime,
            lifecycle: self.lifecycle,
            current: tokio::sync::Mutex::new(current),
            telling: Arc::default(),
        }
    }

    /// Before the database is opened, which may make and migrate it: an address in use changes nothing.
    async fn bind(&self) -> Result<(), StartError> {
        let web = Arc::clone(&self.web);
        let bind = async { on_own_thread("bind-web", async move { web.bind() }).await?? };
        let bound: Result<(), BoxError> = bind.await;
        bound.map_err(|source| foobar_core::StartError { tier: "web", source })?;
        let names = self.names.as_ref().map_or(Ok(()), |names| names.bind());
        names.map_err(|source| foobar_core::StartError { tier: "dns", source }.into())
    }

    /// The name server, database, the user's own tiers, application, web. What has been spawned is waited for with the application, and
    /// again after the tiers, which may spawn until they have stopped.
    pub(crate) fn tiers(&self) -> Vec<Arc<dyn Tier>> {
        let mut tiers: Vec<_> = self.names.iter().map(dns::tier).collect();
        tiers.extend(self.database.as_ref().map(|database| database.tier()));
        if !self.others.is_empty() {
            tiers.push(self.context.tier());
        }
        tiers.extend(self.others.iter().cloned());
        tiers.extend(self.app.iter().map(|app| Arc::clone(app) as Arc<dyn Tier>));
        tiers.push(self.web.clone());
        tiers
    }

    fn admin(&self, web: WebBuilder) -> Result<Option<Arc<Admin>>, StartError> {
        match self.settings.admin.listen.as_str() {
            "off" => Ok(None),
            _ => {
                let may_move = self.config.origin("admin.listen") == "default";
                let lifecycle = Arc::clone(&self.lifecycle);
                let admin = Admin::new(&self.settings.admin, may_move, web, self.tiers(), lifecycle, self.program);
                let admin = admin.map_err(|error| {
                    let key = error.key().unwrap_or("admin.listen").to_owned(); // an error of the tier as a whole
                    StartError::setting(&self.config, &key, error)
                })?;
                Ok(Some(Arc::new(admin)))
            }
        }
    }
}

/// The pause between two questions to a database that is down.
const RETRY: Duration = Duration::from_millis(200);

/// What lies behind the web tier.
struct Inside {
    migrations: Migrations,
    database: Option<Db>,
    context: Context,
    sessions: Option<Sessions>,
    app: Option<Arc<dyn AppTier>>,
}

impl Inside {
    fn make(settings: &AllSettings, config: &Config, parts: &mut Parts) -> Result<Self, StartError> {
        let migrations = migrations(parts)?;
        let database = match parts.database.take() {
            None if settings.database.url.is_some() => Some(open(config, settings)?),
            given => given,
        };
        let sessions = parts.application.as_ref().map(|app| app.sessions.clone());
        settings.require_session_keys(config, sessions.as_ref())?;
        let context = Context::new(database.clone()).with_settings(settings.session.clone());
        let context = parts.cross_site.iter().fold(context, |context, path| context.with_cross_site(path));
        let context = parts.declared.read(config, &settings.sites, context)?;
        let app = parts.application.take().map(|app| (app.make)(&context, &settings.app, &migrations));
        Ok(Self { migrations, database, context, sessions, app })
    }
}

/// What leads where, made without anything that the settings name: no folder, certificate or log has to be there.
pub(crate) struct Overview {
    /// What the application says of its routes; `None` where there is none.
    pub(crate) app: Option<Result<Option<Vec<AppRoute>>, BoxError>>,
    /// Its routes that take requests of other sites.
    pub(crate) cross_site: Vec<String>,
    pub(crate) sites: Vec<SiteOverview>,
}

impl Overview {
    pub(crate) fn compile(config: &Config, mut parts: Parts) -> Result<Self, StartError> {
        let settings = AllSettings::parse(config)?;
        let Inside { app, .. } = Inside::make(&settings, config, &mut parts)?;
        let handler = app.clone().map(|app| app as Arc<dyn MakeHandler>);
        let (web, sites, files) = (&settings.web, &settings.sites, &parts.files);
        let sites = match parts.web {
            Some(make) => make(web, sites, files, handler).map(|web| web.sites()),
            None => SiteOverview::of_settings(web, sites, files, app.is_some()).map_err(BoxError::from),
        };
        let sites = sites.map_err(|error| StartError::web(config, error))?;
        settings.require_content(app.is_some())?;
        Ok(Self { app: app.map(|app| app.routes()), cross_site: parts.cross_site, sites })
    }
}

/// Those of the application, or those that the server was given.
pub(crate) fn migrations(parts: &Parts) -> Result<Migrations, StartError> {
    let of_app = parts.application.as_ref().map_or(Ok(Migrations::none()), |app| app.migrations.clone());
    let of_app = of_app.map_err(StartError::migrations)?;
    match &parts.migrations {
        None => Ok(of_app),
        Some(given) if of_app.is_empty() => Ok(given.clone()),
        Some(_) => Err(StartError::MigrationsTwice),
    }
}

/// The database of the settings, not yet started.
pub(crate) fn open(config: &Config, settings: &AllSettings) -> Result<Db, StartError> {
    let wrong = |error| StartError::setting(config, "database.url", error);
    default_database::require_only(config, settings.database.url.as_ref()).map_err(wrong)?;
    Db::open(&settings.database).map_err(|error| wrong(error.into()))
}

/// The web tier, unless the program brings another.
fn on_sockets(
    web: WebBuilder,
    settings: &WebSettings,
    sites: &Sites,
    files: &FileSources,
    app: Option<Arc<dyn MakeHandler>>,
    stream_time: Duration,
) -> Result<Arc<dyn WebTier>, BoxError> {
    let web = app.into_iter().fold(web.files(files), WebBuilder::app);
    Ok(Arc::new(web.build(settings, sites)?.stream_timeout(stream_time)))
}

/// A web tier on sockets with this cryptography.
fn web_builder(provider: Option<Arc<CryptoProvider>>) -> WebBuilder {
    provider.into_iter().fold(Web::builder(), WebBuilder::crypto_provider)
}
