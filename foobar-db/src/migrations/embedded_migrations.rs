use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use diesel_migrations::{EmbeddedMigration, EmbeddedMigrations as Embedded};

use super::migration::Migration;

/// The migrations of a folder, inside the program; [`embed_migrations!`](crate::embed_migrations) makes one.
pub struct EmbeddedMigrations {
    pub(super) embedded: Embedded,
    pub(super) folder: Option<SourceFolder>,
}

/// Where the migrations of a program lie in its sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceFolder {
    /// As it was written, relative to the `Cargo.toml` of the package.
    pub path: &'static str,
    /// Where that package was built; a program that was built for release does not know.
    pub package: Option<&'static str>,
}

impl EmbeddedMigrations {
    /// Of no folder.
    #[doc(hidden)]
    pub const fn new(migrations: &'static [EmbeddedMigration]) -> Self {
        Self { embedded: Embedded::new(migrations), folder: None }
    }

    #[doc(hidden)]
    pub const fn of_folder(embedded: Embedded, folder: SourceFolder) -> Self {
        Self { embedded, folder: Some(folder) }
    }
}

impl From<Embedded> for EmbeddedMigrations {
    fn from(embedded: Embedded) -> Self {
        Self { embedded, folder: None }
    }
}

impl SourceFolder {
    /// What of the folder differs from what is in the program, in words; `None` where nothing does, or nobody knows.
    pub(super) fn change(self, embedded: &[Migration]) -> Option<String> {
        let package = Path::new(self.package?);
        let here = package.is_dir().then(|| Migrations::read(&package.join(self.path)))?; // else it was built elsewhere
        let built = Migrations::of(embedded);
        let new = here.0.keys().find(|name| !built.0.contains_key(*name)).map(|name| format!("`{name}` is new"));
        let gone = || built.0.keys().find(|name| !here.0.contains_key(*name)).map(|name| format!("`{name}` is gone"));
        let other = || built.0.iter().find(|(name, sql)| here.0.get(*name) != Some(sql));
        let change = new.or_else(gone).or_else(|| other().map(|(name, _)| format!("`{name}` is not the same")))?;
        Some(format!(
            "the folder of migrations {path} has changed since this program was built: {change}; build it again, by `touch` \
             of the file with `embed_migrations!` where cargo does not notice",
            path = self.path
        ))
    }
}

/// The up.sql and down.sql of migrations, by their names.
struct Migrations(BTreeMap<String, (Option<String>, Option<String>)>);

impl Migrations {
    fn of(embedded: &[Migration]) -> Self {
        let sql = |one: &Migration| (one.name.clone(), (Some(one.up.clone()), one.down.clone()));
        Self(embedded.iter().map(sql).collect())
    }

    /// Those that `embed_migrations!` would take; none of a folder that is not there.
    fn read(folder: &Path) -> Self {
        let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok); // gone meanwhile
        let folders = entries.map(|entry| entry.path()).filter(|path| path.is_dir());
        let named = folders.filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path))); // others cannot be built
        let named = named.filter(|(name, _)| !name.starts_with('.'));
        Self(named.map(|(name, path)| (name, (sql(path.join("up.sql")), sql(path.join("down.sql"))))).collect())
    }
}

fn sql(path: PathBuf) -> Option<String> {
    fs::read_to_string(path).ok() // what cannot be read is not the same
}
