use std::sync::Arc;

use crate::{Database, DatabaseSettings, Engine, Error};

/// The engine that a URL asks for, by its scheme.
pub(crate) fn engine_of(url: &str) -> Result<Engine, Error> {
    match url.split_once(':') {
        Some(("sqlite", _)) => Ok(Engine::Sqlite),
        Some(("mysql" | "mariadb", _)) => Ok(Engine::Mysql),
        _ => Err(Error::Url("has no known scheme; write `sqlite:PATH` or `mysql://USER:PASSWORD@HOST/NAME`")),
    }
}

/// The database of `settings`, not yet started.
pub(crate) fn open(settings: &DatabaseSettings) -> Result<Arc<dyn Database>, Error> {
    let url = settings.url.as_ref().ok_or(Error::NoUrl)?;
    match engine_of(url.expose())? {
        #[cfg(feature = "sqlite")]
        Engine::Sqlite => Ok(Arc::new(crate::Sqlite::new(settings)?)),
        #[cfg(feature = "mysql")]
        Engine::Mysql => Ok(Arc::new(crate::Mysql::new(settings)?)),
        #[cfg(not(all(feature = "sqlite", feature = "mysql")))]
        engine => Err(Error::NotBuilt(engine)),
    }
}

#[cfg(all(test, not(all(feature = "sqlite", feature = "mysql"))))]
mod tests {
    use foobar_core::Secret;

    use super::*;

    #[test]
    fn a_url_of_an_engine_that_was_left_out_names_the_feature_to_add_and_no_password() {
        let (url, engine, feature) = if cfg!(feature = "sqlite") {
            ("mysql://user:hunter2@host/db", "MySQL", "mysql")
        } else {
            ("sqlite:foobar.db", "SQLite", "sqlite")
        };
        let settings = DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() };
        let error = open(&settings).err().map(|error| error.to_string());
        let expected = format!(
            "`database.url` asks for {engine}, which this program was built without; add the feature `{feature}` of foobar"
        );
        assert_eq!(error, Some(expected));
    }
}
