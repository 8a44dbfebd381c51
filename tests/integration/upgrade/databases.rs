//! What a new program finds in the database.

use std::path::Path;

use foobar::diesel::connection::SimpleConnection;
use foobar::diesel::prelude::*;
use foobar::diesel::sqlite::SqliteConnection;

use foobar::test::TestDb;

use super::{Site, number_after};
use crate::support::guide::{blocks, without_numbers};
use crate::support::{Gateway, Program};

const FIRST: &str = "[database]\nurl = 'sqlite:first.db'\n";

/// On an SQLite database, which is made where there is none.
fn execute(path: &Path, statements: &str) {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 60000").unwrap();
    conn.batch_execute(statements).unwrap();
}

/// A program that has migrated its database.
fn migrated(site: &Site) -> Program {
    site.write("version 1", FIRST);
    let program = site.start();
    program.until_ready(200);
    program
}

#[test]
fn an_upgrade_migrates_nothing_and_names_what_is_to_be_run() {
    let site = Site::new();
    site.write("version 1", FIRST);
    let program = site.start();
    site.write("version 1", "[database]\nurl = 'sqlite:second.db'\n");
    execute(&site.path("second.db"), "CREATE TABLE other (id INTEGER)");
    let (code, _, error) = site.run("upgrade");
    let [shown] =
        blocks("deployment.md", "an_upgrade_migrates_nothing_and_names_what_is_to_be_run").try_into().unwrap();
    let shown = shown.replace("/etc/shop/", "").replace("/var/lib/shop/shop.db", "second.db");
    let shown = shown.replace("2026-11-30-120000_add_prices", "2026-01-01-000000_create_ledger");
    assert_eq!((code, without_numbers(&error)), (1, without_numbers(&shown)));
    assert_eq!(program.get("/page").text(), "version 1");
    assert_eq!(site.run("migrate").0, 0);
    site.upgrade();
}

#[test]
fn a_database_in_memory_is_no_other_programs_so_the_upgrade_is_refused() {
    let site = Site::new();
    site.write("version 1", "[database]\nurl = 'sqlite::memory:'\n");
    let program = site.start();
    program.until_ready(200);
    let (code, _, error) = site.run("upgrade");
    assert_eq!(code, 1);
    let expected = "sqlite::memory: is in the memory of one process, and no other can take its place";
    assert!(error.contains(expected), "{error}");
    assert_eq!(program.get("/page").text(), "version 1");
}

#[test]
fn a_program_takes_the_place_of_a_newer_one_whose_migrations_it_does_not_know() {
    let site = Site::new();
    let mut program = migrated(&site);
    execute(&site.path("first.db"), "INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231235959')");
    site.upgrade();
    program.end();
    assert_eq!(program.get("/page").text(), "version 1");
}

#[test]
fn a_database_with_a_migration_that_was_changed_since_is_refused_as_such() {
    let site = Site::new();
    let program = migrated(&site);
    execute(&site.path("first.db"), "UPDATE __foobar_migrations SET checksum = 'another'");
    let (code, _, error) = site.run("upgrade");
    assert_eq!(code, 1);
    assert!(error.contains("migration `2026-01-01-000000_create_ledger` was changed after it ran"), "{error}");
    assert_eq!(program.get("/page").text(), "version 1");
}

#[test]
fn a_reload_takes_a_database_with_migrations_of_a_newer_program() {
    let site = Site::new();
    let program = migrated(&site);
    site.write("version 1", "[database]\nurl = 'sqlite:second.db'\n");
    assert_eq!(site.run("migrate").0, 0);
    execute(&site.path("second.db"), "INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231235959')");
    let (code, _, error) = site.run("reload");
    assert_eq!((code, error.as_str()), (0, ""));
    assert_eq!(program.get("/ledger").text(), "");
}

#[tokio::test]
async fn a_new_program_waits_for_a_database_that_is_down() {
    let database = TestDb::mysql().await;
    let url = database.url();
    let site = Site::new();
    site.write("version 1", &format!("[database]\nurl = '{url}'\n"));
    let mut program = site.start();
    program.until_ready(200);
    let gateway = Gateway::to(url);
    let (user, name) = (url.split(['/', ':', '@']).nth(3).unwrap(), url.split(['/', '?']).nth(3).unwrap());
    site.write("version 2", &format!("[database]\nurl = '{}'\n", gateway.url(user, name)));
    program.signal("USR2");
    site.until_logged("whether the database is migrated cannot be asked yet");
    assert_eq!(program.get("/page").text(), "version 1");
    gateway.open();
    let told = site.until_logged("a new program serves; this one finishes what it has");
    site.remember(number_after(&told, "process="));
    program.end();
    assert_eq!(program.get("/page").text(), "version 2");
}
