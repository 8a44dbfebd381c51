use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use foobar_app::{AppSettings, SessionSettings, Sessions};
use foobar_core::config::{Config, ConfigError, Loader, key, settings};
use foobar_core::log::LogSettings;
use foobar_core::{List, Period};
use foobar_db::DatabaseSettings;
use foobar_web::{AcmeSettings, DnsSettings, RouteSettings, ServerName, SiteSettings, WebSettings};

use crate::StartError;

settings! {
    /// `[server]`: the life of the process.
    pub struct ServerSettings in "server" {
        /// How long a stop may take; what is still in flight after that is dropped.
        pub shutdown_timeout: Period = r#""30s""#,
        /// How long before a stop `/readyz` says 503 while everything is served as before, so that a load balancer in
        /// front sees it and stops sending requests here. It comes before `shutdown_timeout`.
        pub shutdown_delay: Period = r#""0""#,
        /// How long a stop waits for streams without an end: answers whose length is not known, and WebSockets. What is
        /// left of them then is ended and counts as finished. An event stream (`text/event-stream`), which its client
        /// reopens by itself, is ended after a second, and one made by `foobar::sse` at once. This is a part of
        /// `shutdown_timeout`, whose last quarter is for what comes after.
        pub stream_timeout: Period = r#""5s""#,
    }
}

settings! {
    /// `[admin]`: the listener for operators, with `/livez`, `/readyz` and `/metrics`.
    pub struct AdminSettings in "admin" {
        /// Its address, or `off`; with the word `ssl` after it, it speaks TLS. It has no password: keep it on the
        /// loopback or a private network. If another program has the default, a free port is used and logged; an
        /// address of your own must be free.
        pub listen: String = r#""127.0.0.1:9180""#,
        /// The names it answers to besides IP addresses and `localhost`, written as those of a site, such as `"web"`,
        /// by which a Prometheus in the next container asks. Any other name gets 421: a page elsewhere whose name has
        /// been pointed here (DNS rebinding) must not read what operators read.
        pub server_name: List<ServerName> = "[]",
        /// Its certificate for TLS, as `ssl_certificate` of a site.
        pub ssl_certificate: List<PathBuf> = "[]",
        /// The private key of each `ssl_certificate`, as `ssl_certificate_key` of a site.
        pub ssl_certificate_key: List<PathBuf> = "[]",
    }
}

settings! {
    /// `[control]`: how a server that runs is given orders.
    pub struct ControlSettings in "control" {
        /// The path of a Unix socket where a program that is run by its command line hears the commands `reload`,
        /// `status`, `pause`, `resume`, `maintenance`, `drain`, `undrain` and `upgrade`, or `off`. Its user alone may
        /// connect, and root; its folder must be one where nobody else may write, or the server does not start. Each
        /// server needs a path of its own.
        pub socket: String = r#""off""#,
        /// How long a new program may take to be ready in an upgrade (SIGUSR2, `upgrade`). One that is not is ended,
        /// and the one before goes on.
        pub upgrade_timeout: Period = r#""60s""#,
    }
}

/// Every section, parsed.
#[derive(Debug)]
pub(crate) struct AllSettings {
    pub(crate) server: ServerSettings,
    pub(crate) admin: AdminSettings,
    pub(crate) control: ControlSettings,
    pub(crate) log: LogSettings,
    pub(crate) web: WebSettings,
    pub(crate) dns: DnsSettings,
    pub(crate) sites: Sites,
    pub(crate) app: AppSettings,
    pub(crate) session: SessionSettings,
    pub(crate) database: DatabaseSettings,
}

pub(crate) type Sites = BTreeMap<String, SiteSettings>;

impl AllSettings {
    pub(crate) fn parse(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            server: config.section()?,
            admin: config.section()?,
            control: config.section()?,
            log: config.section()?,
            web: web(config)?,
            dns: config.section()?,
            sites: config.at("sites")?,
            app: config.section()?,
            session: config.section()?,
            database: config.section()?,
        })
    }

    /// Whether they have the keys that the sessions of an application need.
    pub(crate) fn require_session_keys(&self, config: &Config, sessions: Option<&Sessions>) -> Result<(), StartError> {
        let checked = sessions.map_or(Ok(()), |sessions| sessions.check(&self.session));
        checked.map_err(|error| StartError::setting(config, "session.keys", error))
    }

    /// To be asked after the web tier, whose errors are nearer to what is wrong.
    pub(crate) fn require_content(&self, has_app: bool) -> Result<(), StartError> {
        let has_content = has_app || self.sites.values().any(|site| site.root.is_some() || !site.routes.is_empty());
        has_content.then_some(()).ok_or(StartError::NothingToServe)
    }
}

/// The web tier's settings, with those of the authorities that sign for it.
fn web(config: &Config) -> Result<WebSettings, ConfigError> {
    let mut web: WebSettings = config.section()?;
    web.acme = config.section()?;
    for name in config.tables("acme") {
        let settings = config.at(&key(&["acme", &name]))?;
        web.acme_named.insert(name, settings);
    }
    Ok(web)
}

/// Whether this says that the server gets a certificate by itself, and is no file's path.
pub(crate) fn is_issued(certificate: &Path) -> bool {
    certificate.to_str().is_some_and(|word| matches!(word, "internal" | "auto") || word.starts_with("auto:"))
}

/// Merges the configuration. Where it names no site there is one, so that every key has its place.
pub(crate) fn load(loader: Loader) -> Result<Config, ConfigError> {
    let config = loader.clone().load()?;
    if site_names(&config)?.is_empty() {
        return loader.preset(key(&["sites", DEFAULT_SITE, "default"]), "true").load();
    }
    Ok(config)
}

pub(crate) fn site_names(config: &Config) -> Result<Vec<String>, ConfigError> {
    Ok(config.at::<BTreeMap<String, serde::de::IgnoredAny>>("sites")?.into_keys().collect())
}

/// The site that exists where the configuration names none.
pub(crate) const DEFAULT_SITE: &str = "default";

/// A loader that knows every key.
pub(crate) fn loader() -> Loader {
    Loader::default()
        .section::<ServerSettings>()
        .section::<AdminSettings>()
        .section::<ControlSettings>()
        .section::<LogSettings>()
        .section::<WebSettings>()
        .section::<AcmeSettings>()
        .section_in::<AcmeSettings>("acme.*")
        .section::<DnsSettings>()
        .section::<SiteSettings>()
        .section::<RouteSettings>()
        .section::<AppSettings>()
        .section::<SessionSettings>()
        .section::<DatabaseSettings>()
}
