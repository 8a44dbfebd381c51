use std::fmt;
use std::sync::Arc;

use crate::{Database, DatabaseSettings, Error};

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, inside the process.
    Sqlite,
    /// MySQL or MariaDB.
    Mysql,
}

impl Engine {
    /// The feature that builds it, which is also the scheme of its URLs.
    pub const fn feature(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mysql => "mysql",
        }
    }

    /// The engine that a URL asks for, by its scheme.
    pub(crate) fn of(url: &str) -> Result<Self, Error> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("mysql" | "mariadb", _)) => Ok(Self::Mysql),
            _ => Err(Error::Url("has no known scheme; write `sqlite:PATH` or `mysql://USER:PASSWORD@HOST/NAME`")),
        }
    }

    /// The database of `settings`, not yet started.
    pub(crate) fn open(settings: &DatabaseSettings) -> Result<Arc<dyn Database>, Error> {
        let url = settings.url.as_ref().ok_or(Error::NoUrl)?;
        match Self::of(url.expose())? {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => Ok(Arc::new(crate::Sqlite::new(settings)?)),
            #[cfg(feature = "mysql")]
            Self::Mysql => Ok(Arc::new(crate::Mysql::new(settings)?)),
            #[cfg(not(all(feature = "sqlite", feature = "mysql")))]
            engine => Err(Error::NotBuilt(engine)),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Mysql => "MySQL",
        })
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
        let error = Engine::open(&settings).err().map(|error| error.to_string());
        let expected = format!(
            "`database.url` asks for {engine}, which this program was built without; add the feature `{feature}` of foobar"
        );
        assert_eq!(error, Some(expected));
    }
}
