use std::sync::Arc;
use std::time::Instant;

use foobar_app::AppTier;
use foobar_core::config::Config;
use foobar_core::{MakeHandler, Secret, Supervisor, Tier};
use foobar_db::{Db, Migrations};
use foobar_web::{Web, WebTier};

use crate::admin::Admin;
use crate::server::Parts;
use crate::settings::AllSettings;
use crate::{Running, StartError};

/// The tiers of one process, compiled from their settings; nothing listens and nothing is connected yet.
pub(crate) struct Composition {
    pub(crate) config: Config,
    pub(crate) settings: AllSettings,
    pub(crate) migrations: Migrations,
    pub(crate) database: Option<Db>,
    app: Option<Arc<dyn AppTier>>,
    web: Arc<dyn WebTier>,
    admin: Option<Arc<Admin>>,
    others: Vec<Arc<dyn Tier>>,
}

impl Composition {
    pub(crate) fn compile(config: Config, parts: Parts) -> Result<Self, StartError> {
        let settings = AllSettings::parse(&config)?;
        let migrations = parts.application.as_ref().map(|app| app.migrations.clone()).unwrap_or_default();
        let database = match parts.database {
            Some(database) => Some(database),
            None => open(&config, &settings, &migrations)?,
        };
        let app = parts.application.map(|application| (application.make)(database.clone(), &settings.app));
        let handler = app.clone().map(|app| app as Arc<dyn MakeHandler>);
        let web = Web::new(&settings.web, &settings.sites, handler);
        let web = Arc::new(web.map_err(|error| {
            let key = error.key().unwrap_or("web").to_owned(); // an error of the tier as a whole
            StartError::setting(&config, &key, error)
        })?);
        if app.is_none() && !settings.sites.values().any(|site| site.root.is_some() || !site.routes.is_empty()) {
            return Err(StartError::NothingToServe);
        }
        let mut composition =
            Self { config, settings, migrations, database, app, web, admin: None, others: parts.tiers };
        composition.admin = composition.admin()?;
        Ok(composition)
    }

    pub(crate) const fn has_app(&self) -> bool {
        self.app.is_some()
    }

    /// Starts the tiers in order. The admin listener is first, so that it tells how far the others are.
    pub(crate) async fn start(self) -> Result<Running, StartError> {
        let timeout = *self.settings.server.shutdown_timeout;
        let admin = self.admin.clone().map(|admin| admin as Arc<dyn Tier>);
        let tiers = admin.into_iter().chain(self.tiers()).collect();
        let supervisor = Supervisor::start(tiers, Instant::now() + timeout).await?;
        Ok(Running::new(supervisor, self.web, self.admin, timeout))
    }

    /// Database, the user's own tiers, application, web.
    fn tiers(&self) -> Vec<Arc<dyn Tier>> {
        let mut tiers = Vec::new();
        tiers.extend(self.database.as_ref().map(Db::tier));
        tiers.extend(self.others.iter().cloned());
        tiers.extend(self.app.clone().map(|app| app as Arc<dyn Tier>));
        tiers.push(self.web.clone());
        tiers
    }

    fn admin(&self) -> Result<Option<Arc<Admin>>, StartError> {
        match self.settings.admin.listen.as_str() {
            "off" => Ok(None),
            address => {
                let may_move = self.config.origin("admin.listen") == "default";
                let admin = Admin::new(address, may_move, self.tiers());
                let admin = admin.map_err(|error| StartError::setting(&self.config, "admin.listen", error))?;
                Ok(Some(Arc::new(admin)))
            }
        }
    }
}

/// The database at `database.url`; where none is given, SQLite inside for an application that has migrations.
fn open(config: &Config, settings: &AllSettings, migrations: &Migrations) -> Result<Option<Db>, StartError> {
    if settings.database.url.is_none() && migrations.is_empty() {
        return Ok(None);
    }
    let mut database = settings.database.clone();
    database.url.get_or_insert_with(|| Secret::new(DEFAULT_DATABASE));
    Db::open(&database).map(Some).map_err(|error| StartError::setting(config, "database.url", error))
}

/// In the working folder, so that an application runs without any set-up.
const DEFAULT_DATABASE: &str = "sqlite:foobar.db";
