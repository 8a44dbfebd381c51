//! The folder of migrations that a program was built of, and what has become of it.

use std::fs;
use std::path::Path;

use super::*;
use crate::Presence;

/// The migrations of these names and statements, of a folder in this package.
fn built(package: &Path, list: &[(&'static str, &'static str)]) -> Migrations {
    let migration = |(name, up): &(&'static str, &'static str)| {
        EmbeddedMigration::new(up, None, EmbeddedName::new(name), TomlMetadataWrapper::new(true))
    };
    let mut set = EmbeddedMigrations::new(list.iter().map(migration).collect::<Vec<_>>().leak());
    let package: &str = package.to_str().unwrap().to_owned().leak();
    set.folder = Some(SourceFolder { path: "migrations", package: Some(package) });
    Migrations::new(set)
}

fn write(package: &Path, name: &str, up: &str) {
    let folder = package.join("migrations").join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("up.sql"), up).unwrap();
}

#[test]
fn a_folder_that_has_changed_since_the_build_is_told_of_with_what_has() {
    let package = tempfile::tempdir().unwrap();
    let package = package.path();
    write(package, "1_a", "SELECT 1");
    write(package, "2_b", "SELECT 2");
    for (list, change) in [
        (&[("1_a", "SELECT 1"), ("2_b", "SELECT 2")][..], None),
        (&[("1_a", "SELECT 1")], Some("`2_b` is new")),
        (&[("1_a", "SELECT 1"), ("2_b", "SELECT 3")], Some("`2_b` is not the same")),
        (&[("1_a", "SELECT 1"), ("2_b", "SELECT 2"), ("3_c", "SELECT 3")], Some("`3_c` is gone")),
    ] {
        let warnings = built(package, list).warnings(Engine::Sqlite);
        match change {
            None => assert!(warnings.is_empty(), "{warnings:?}"),
            Some(change) => {
                let start =
                    format!("the folder of migrations migrations has changed since this program was built: {change};");
                assert!(warnings[0].starts_with(&start), "{warnings:?}");
            }
        }
    }
}

#[test]
fn a_program_that_was_built_elsewhere_says_nothing_and_one_of_an_empty_folder_says_that() {
    let elsewhere = Path::new("/nonexistent/package");
    assert!(built(elsewhere, &[("1_a", "SELECT 1")]).warnings(Engine::Sqlite).is_empty());
    let warnings = built(elsewhere, &[]).warnings(Engine::Mysql);
    assert!(warnings[0].starts_with("the folder of migrations migrations had none when this program was built"));
}

#[tokio::test]
async fn a_migration_is_taken_back_by_its_down_sql_on_either_engine_and_one_without_is_not() {
    let migration = |down| {
        let (up, metadata) = ("CREATE TABLE notes (id INTEGER)", TomlMetadataWrapper::new(true));
        let one = EmbeddedMigration::new(up, down, EmbeddedName::new("1_notes"), metadata);
        Migrations::new(EmbeddedMigrations::new(vec![one].leak()))
    };
    for db in both().await {
        let migrations = migration(Some("DROP TABLE notes"));
        let pending = vec![("1_notes".to_owned(), MigrationStatus::Pending)];
        assert_eq!(db.check_migrations(&migrations).await.unwrap(), (Presence::Present, pending));
        assert_eq!(db.migrate_down(&migrations).await.unwrap(), None);
        db.migrate(&migrations).await.unwrap();
        assert_eq!(db.migrate_redo(&migrations).await.unwrap().as_deref(), Some("1_notes"));
        let error = db.migrate_down(&migration(None)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "migration `1_notes` has no down.sql, so it cannot be taken back; nothing was changed"
        );
        let error = db.migrate_down(&migration(Some("DROP TABLE nothing"))).await.unwrap_err();
        assert!(
            Chain(&error).to_string().starts_with("migration `1_notes` failed: taking it back failed"),
            "{}",
            Chain(&error)
        );
        assert_eq!(db.migration_status(&migrations).await.unwrap()[0].1, MigrationStatus::Done);
        assert_eq!(db.migrate_down(&migrations).await.unwrap().as_deref(), Some("1_notes"));
        assert_eq!(db.migration_status(&migrations).await.unwrap()[0].1, MigrationStatus::Pending);
        assert_eq!(db.migrate(&migrations).await.unwrap(), ["1_notes"], "its table is gone");
    }
}
