use std::any::Any;

use diesel::QueryResult;
use diesel::connection::{BoxableConnection, SimpleConnection};
use diesel::migration::MigrationSource;
use foobar_core::BoxError;

use super::embedded_migrations::EmbeddedMigrations;
use super::migration::{Migration, Owner};
use crate::MultiBackend;

/// The migrations of `source`, in the order of their versions.
pub(super) fn read(source: &EmbeddedMigrations, owner: Owner) -> Result<Vec<Migration>, BoxError> {
    let embedded = MigrationSource::<MultiBackend>::migrations(&source.embedded)?;
    let mut all = embedded.iter().map(|one| Migration::of(&**one, owner)).collect::<Result<Vec<_>, _>>()?;
    all.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(all)
}

impl Migration {
    fn of(embedded: &dyn diesel::migration::Migration<MultiBackend>, owner: Owner) -> Result<Self, BoxError> {
        let (mut up, mut down) = (Recorder(String::new()), Recorder(String::new()));
        embedded.run(&mut up)?;
        let has_down = embedded.revert(&mut down).is_ok(); // its one error is that there is none
        let name = embedded.name();
        Ok(Self {
            owner,
            name: name.to_string(),
            version: name.version().to_string(),
            up: up.0,
            down: has_down.then_some(down.0),
            in_transaction: embedded.metadata().run_in_transaction(),
        })
    }
}

/// Takes down what is run on it: an embedded migration gives its SQL to a connection and to nobody else.
struct Recorder(String);

impl SimpleConnection for Recorder {
    fn batch_execute(&mut self, sql: &str) -> QueryResult<()> {
        self.0.push_str(sql);
        Ok(())
    }
}

impl BoxableConnection<MultiBackend> for Recorder {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
