//! Another configuration while the server serves: read, compiled and opened whole beside the one in use, and then taken at
//! once. An error changes nothing.

mod database;
mod names;
mod telling;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use foobar_app::{AppTier, Configured, Context, Db, Sessions};
use foobar_core::config::{Config, Values};
use foobar_core::log::LogSettings;
use foobar_db::Migrations;
use foobar_web::{Address, Warning, WebTier};
use tokio::runtime::Handle;
use tokio::time::timeout_at;

use crate::StartError;
use crate::config_file::ConfigFile;
use crate::declared::Declared;
use crate::dns::NameServer;
use crate::lifecycle::Lifecycle;
use crate::settings::AllSettings;

pub(crate) use database::require_schema;
use telling::NOT_TAKEN;
pub(crate) use telling::Telling;

/// Changes the configuration of a server.
pub(crate) struct Reloader {
    pub(crate) read: ReadConfig,
    pub(crate) declared: Declared,
    pub(crate) migrations: Migrations,
    /// That of the settings; `None` where there is none, or the program has brought its own.
    pub(crate) database: Option<Db>,
    pub(crate) sessions: Option<Sessions>,
    pub(crate) app: Option<Arc<dyn AppTier>>,
    pub(crate) web: Arc<dyn WebTier>,
    /// `None` where there was none at the start.
    pub(crate) names: Option<Arc<dyn NameServer>>,
    pub(crate) patience: Mutex<Patience>,
    /// Where what tiers spawn lives.
    pub(crate) runtime: Handle,
    pub(crate) lifecycle: Arc<Lifecycle>,
    /// Held while a reload goes on: there is one at a time.
    pub(crate) current: tokio::sync::Mutex<Current>,
    pub(crate) telling: Arc<Telling>,
}

/// Reads the configuration from where the first one came.
pub(crate) type ReadConfig = Box<dyn Fn() -> Result<Config, StartError> + Send + Sync>;
/// Opens what the settings of the log name; what it gives takes it.
pub(crate) type PrepareLog = Arc<dyn Fn(&Config, &LogSettings) -> Result<TakeLog, StartError> + Send + Sync>;
pub(crate) type TakeLog = Box<dyn FnOnce() + Send>;

/// What is in use.
pub(crate) struct Current {
    pub(crate) config: Config,
    pub(crate) settings: AllSettings,
    pub(crate) context: Context,
    /// The values of it, but for keys that need a restart: of these the values that they have had since the start.
    pub(crate) in_use: Values,
}

/// How long a stop takes at most.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// `server.shutdown_delay`.
    pub(crate) delay: Duration,
    /// `server.shutdown_timeout`, which begins after the delay.
    pub(crate) timeout: Duration,
}

/// What a [reload](crate::Running::reload) has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// The keys whose values have changed and are in use, in their order.
    pub changed: Vec<String>,
    /// What has changed in the configuration and stays as it was until a restart: sentences that say where it stands.
    pub unchanged: Vec<String>,
    /// What of it may surprise: the same.
    pub warnings: Vec<String>,
    /// Where the server listens now, if `web.listen` has changed; with the ports that the system chose.
    pub listening: Vec<Address>,
    /// Where the zone is served now, if `dns.listen` has changed; the same.
    pub name_server: Vec<SocketAddr>,
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.changed.is_empty() {
            true => f.write_str("the configuration has been reloaded, and nothing in it has changed")?,
            false => write!(f, "changed  {}", self.changed.join("\nchanged  "))?,
        }
        self.listening.iter().try_for_each(|address| write!(f, "\nlistens  {address}"))?;
        self.name_server.iter().try_for_each(|address| write!(f, "\ndns      {address}"))?;
        self.unchanged.iter().try_for_each(|sentence| write!(f, "\nstays    {sentence}"))?;
        self.warnings.iter().try_for_each(|sentence| write!(f, "\nwarning  {sentence}"))
    }
}

impl Patience {
    pub(crate) fn of(settings: &AllSettings) -> Self {
        let server = &settings.server;
        Self { delay: *server.shutdown_delay, timeout: *server.shutdown_timeout }
    }
}

impl Reloader {
    pub(crate) fn patience(&self) -> Patience {
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }

    /// Reads the configuration again and takes it. May block.
    pub(crate) async fn reload(&self, log: Option<PrepareLog>) -> Result<Reloaded, StartError> {
        if self.lifecycle.is_upgrading() {
            return Err(StartError::Reload("an upgrade is under way; the new program reads the configuration".into()));
        }
        let mut current = self.current.lock().await;
        if self.lifecycle.is_stopping() || self.lifecycle.is_over() {
            return Err(StartError::Reload(foobar_web::Error::NotServing.into()));
        }
        let mut next = self.read(&current)?;
        let mut changed = current.in_use.differences(&next.config.values());
        let considered = changed.clone();
        let mut stays = Stays::new(&next.config, &considered);
        if log.is_none() {
            stays.name_keys("log.", "the program has a log of its own, and `[log]` has no effect");
        }
        let log = log.map(|prepare| prepare(&next.config, &next.settings.log)).transpose()?;
        let names = self.prepare_names(&next, &mut stays)?; // before the web tier asks where names are proved
        let database = self.prepare_database(&next, &mut stays).await?;
        let served = self.serve_by(&current, &next, &mut stays).await;
        match (database, &served) {
            (Some(database), Ok(_)) => database.take(),
            (Some(database), Err(_)) => database.give_back().await,
            (None, _) => {}
        }
        let warnings = served?;
        if let Some(names) = names {
            names.await;
        }
        log.into_iter().for_each(|take| take());
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner) = Patience::of(&next.settings);
        let (unchanged, kept) = stays.told();
        changed.retain(|key| !kept.contains(key));
        next.in_use.keep(&kept, &current.in_use);
        *current = next;
        drop(current); // what the application does with it holds up no other reload, no upgrade and no stop
        self.lifecycle.reloaded();
        let warnings = warnings.into_iter().chain(self.tell_application().await).collect();
        let has = |key: &str| changed.iter().any(|changed| changed == key);
        let listening = if has("web.listen") { self.web.addresses() } else { Vec::new() };
        let name_server = if has("dns.listen") { self.name_server() } else { Vec::new() };
        Ok(Reloaded { changed, unchanged, warnings, listening, name_server })
    }

    /// Waits for a reload that goes on while the server stops, so that it finds what it changes; there is none after it.
    pub(crate) async fn end_by(&self, deadline: Instant) {
        let ended = timeout_at(deadline.into(), self.current.lock());
        if ended.await.is_err() {
            tracing::warn!("a reload has not ended, and the server stops without it");
        }
    }

    fn read(&self, current: &Current) -> Result<Current, StartError> {
        let config = (self.read)()?;
        ConfigFile::of(&current.config).require_in(&config)?;
        let settings = AllSettings::parse(&config)?;
        settings.require_session_keys(&config, self.sessions.as_ref())?;
        let context = current.context.clone().with_settings(settings.session.clone());
        let context = self.declared.read(&config, &settings.sites, context)?;
        Ok(Current { in_use: config.values(), config, settings, context })
    }

    /// Has the application and the web tier go by `next`, or by `current` where that is not possible. Gives what may surprise.
    async fn serve_by(
        &self,
        current: &Current,
        next: &Current,
        stays: &mut Stays<'_>,
    ) -> Result<Vec<String>, StartError> {
        let of_web = |error| StartError::web(&next.config, error);
        let (settings, stream_timeout) = (&next.settings, *next.settings.server.stream_timeout);
        let web = self.web.prepare(&settings.web, &settings.sites, stream_timeout).map_err(of_web)?;
        settings.require_content(self.app.is_some())?;
        let told = |Warning { key, message }: &Warning| {
            let origin = next.config.origin(key);
            (origin != "default").then(|| format!("{origin}: `{key}`: {message}")) // nobody's mistake
        };
        let mut warnings: Vec<_> =
            next.config.warnings().iter().cloned().chain(web.warnings.iter().filter_map(told)).collect();
        let unchanged = web.unchanged.clone();
        let configured = self.configure(next); // before the workers renew their handlers
        match web.apply().await {
            Ok(late) => warnings.extend(late),
            Err(error) => {
                self.configure(current);
                return Err(StartError::Reload(error));
            }
        }
        stays.keep(unchanged);
        stays.keep_for_application(configured);
        Ok(warnings)
    }

    fn configure(&self, to: &Current) -> Configured {
        let configure = |app: &Arc<dyn AppTier>| app.configure(&to.context, &to.settings.app);
        self.app.as_ref().map_or(Configured::All, configure)
    }

    async fn tell_application(&self) -> Option<String> {
        let told = self.telling.tell(self.app.as_ref()?, &self.runtime).await;
        told.err().map(|error| format!("{NOT_TAKEN}: {error}"))
    }
}

/// What of a changed configuration is not taken.
struct Stays<'a> {
    config: &'a Config,
    changed: &'a [String],
    told: Vec<Warning>,
}

impl<'a> Stays<'a> {
    /// With what never changes while a server runs.
    fn new(config: &'a Config, changed: &'a [String]) -> Self {
        let mut stays = Self { config, changed, told: Vec::new() };
        stays.keep_keys("admin.", "the listener for operators is as it was at the start");
        stays.keep_keys("control.", "orders are heard where they were at the start");
        stays
    }

    /// Keeps every changed key that begins so until a restart, with the same reason.
    fn keep_keys(&mut self, beginning: &str, why: &str) {
        self.name_keys(beginning, &format!("{why}; restart to change it"));
    }

    /// Says the same of every changed key that begins so.
    fn name_keys(&mut self, beginning: &str, message: &str) {
        let keys = self.changed.iter().filter(|key| key.starts_with(beginning));
        self.told.extend(keys.map(|key| Warning { key: key.clone(), message: message.to_owned() }));
    }

    fn keep(&mut self, told: Vec<Warning>) {
        self.told.extend(told);
    }

    /// The application's settings, as far as it takes none.
    fn keep_for_application(&mut self, configured: Configured) {
        if configured == Configured::Nothing {
            self.keep_keys("app.", "the application keeps its settings");
        }
        if configured != Configured::All {
            self.keep_keys("session.", "sessions are kept as they were at the start");
            let sections = self.config.declared().iter().map(|section| format!("{}.", section.name));
            sections.for_each(|section| self.keep_keys(&section, "the application keeps what it was made with"));
        }
    }

    /// In sentences, and the keys.
    fn told(self) -> (Vec<String>, Vec<String>) {
        let Self { config, told, .. } = self;
        let sentence = |Warning { key, message }: &Warning| format!("{}: `{key}`: {message}", config.origin(key));
        (told.iter().map(sentence).collect(), told.into_iter().map(|warning| warning.key).collect())
    }
}
