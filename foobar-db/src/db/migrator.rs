use std::num::NonZeroU32;

use crate::{DatabaseSettings, Error};

/// Who runs the migrations, and when.
pub(super) struct Migrator {
    /// Whether a start does.
    pub(super) on_start: bool,
    /// The settings with the user that may change the schema, where it is another.
    pub(super) settings: Option<DatabaseSettings>,
}

impl Default for Migrator {
    fn default() -> Self {
        Self { on_start: true, settings: None }
    }
}

impl Migrator {
    pub(super) fn of(settings: &DatabaseSettings) -> Result<Self, Error> {
        let own = settings.migration_url.is_some().then(|| with_own_url(settings)).transpose()?;
        Ok(Self { on_start: settings.migrate_on_start, settings: own })
    }
}

/// The settings of a handle that runs migrations alone.
fn with_own_url(settings: &DatabaseSettings) -> Result<DatabaseSettings, Error> {
    let has_password = settings.migration_url.as_ref().is_some_and(|url| has_password(url.expose()));
    let own = DatabaseSettings {
        url: settings.migration_url.clone(),
        migration_url: None,
        password_file: settings.password_file.clone().filter(|_| !has_password),
        connections: NonZeroU32::MIN,
        ..settings.clone()
    };
    is_of_same_database(settings, &own).map(|()| own)
}

#[cfg(feature = "mysql")]
fn has_password(url: &str) -> bool {
    crate::mysql::has_password(url)
}

#[cfg(not(feature = "mysql"))]
const fn has_password(_url: &str) -> bool {
    false
}

#[cfg(feature = "mysql")]
fn is_of_same_database(settings: &DatabaseSettings, own: &DatabaseSettings) -> Result<(), Error> {
    let url = settings.url.as_ref().ok_or(Error::NoUrl)?;
    if crate::opening::engine_of(url.expose())? == crate::Engine::Sqlite {
        return Err(Error::MigrationUrl("is for another user of MySQL, and SQLite has no users; leave it out"));
    }
    let migrated = crate::mysql::database_name(own).map_err(|error| match error {
        Error::Url(why) => Error::MigrationUrl(why),
        Error::UrlParameter { parameter, why, .. } => Error::UrlParameter { key: "migration_url", parameter, why },
        other => other,
    })?;
    match crate::mysql::database_name(settings)? == migrated {
        true => Ok(()),
        false => Err(Error::MigrationUrl("names another database than `database.url`")),
    }
}

#[cfg(not(feature = "mysql"))]
fn is_of_same_database(_settings: &DatabaseSettings, _own: &DatabaseSettings) -> Result<(), Error> {
    Err(Error::MigrationUrl("is for another user of MySQL, and SQLite has no users; leave it out"))
}
