use std::collections::BTreeMap;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use diesel::sql_types::{BigInt, Integer, Text};
use foobar_core::{Chain, Secret};
use futures_util::FutureExt;

use super::*;
use crate::Db;
use crate::testing::TestDb;

fn settings(url: &str) -> DatabaseSettings {
    DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() }
}

fn open_file(path: &Path) -> Db {
    Db::open(&settings(&format!("sqlite:{}", path.display()))).unwrap()
}

async fn start(path: &Path) -> Result<Db, BoxError> {
    let db = open_file(path);
    db.tier().start().await?;
    Ok(db)
}

async fn start_url(url: &str) -> Result<Db, BoxError> {
    let db = Db::open(&settings(url))?;
    db.tier().start().await?;
    Ok(db)
}

async fn create(db: &Db) {
    db.write(|conn| diesel::sql_query("CREATE TABLE notes (body TEXT NOT NULL)").execute(conn)).await.unwrap();
}

async fn count(db: &Db) -> i64 {
    db.read(|conn| diesel::select(sql::<BigInt>("(SELECT COUNT(*) FROM notes)")).get_result(conn)).await.unwrap()
}

#[tokio::test]
async fn the_folder_of_a_new_database_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/foobar.db");
    create(&start(&path).await.unwrap()).await;
    assert!(path.is_file());
}

#[tokio::test]
async fn a_path_that_cannot_be_a_database_is_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "This is no database, and it is long enough to be seen as none.".repeat(100)).unwrap();
    let below_a_file = text.join("below.db");
    for (path, expected) in [
        (folder.path(), "this is a folder"),
        (&text, "file is not a database"),
        (&below_a_file, "text.db is not a folder"),
    ] {
        let Err(error) = start(path).await else { panic!("{path:?} was opened") };
        let checked = open_file(path).check().await.unwrap_err();
        let message = Chain(&*error).to_string();
        assert_eq!(Chain(&checked).to_string(), message);
        assert!(message.contains(&path.display().to_string()) && message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn a_file_that_is_made_is_for_our_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let db = start(&folder.path().join("foobar.db")).await.unwrap();
    create(&db).await;
    let files = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
    let modes: Vec<_> = files.map(|file| file.metadata().unwrap().mode() & 0o777).collect();
    assert_eq!(modes, [0o600; 3]);
}

/// The names and the contents of the files in `folder`.
fn files(folder: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    files.map(|file| (file.file_name(), std::fs::read(file.path()).unwrap())).collect()
}

#[tokio::test]
async fn a_check_of_a_missing_file_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    open_file(&folder.path().join("a/b/foobar.db")).check().await.unwrap();
    open_file(&folder.path().join("foobar.db")).check().await.unwrap();
    assert!(files(folder.path()).is_empty());
    Db::open(&settings("sqlite::memory:")).unwrap().check().await.unwrap();
}

#[tokio::test]
async fn a_check_of_a_database_reads_it_whether_it_is_open_or_not_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("100% #1?.db");
    let db = start(&path).await.unwrap();
    create(&db).await;
    db.check().await.unwrap();
    open_file(&path).check().await.unwrap();
    db.tier().drain(Instant::now() + Duration::from_secs(5)).await;
    let before = files(folder.path());
    open_file(&path).check().await.unwrap();
    assert!(files(folder.path()) == before && before.len() == 1);
    std::fs::write(&path, &before.values().next().unwrap()[..4096]).unwrap();
    let damaged = open_file(&path).check().await.unwrap_err();
    assert!(Chain(&damaged).to_string().contains("malformed"), "{}", Chain(&damaged));
}

#[tokio::test]
async fn a_check_of_what_a_process_has_left_that_was_killed_while_it_moved_its_log_finds_a_database() {
    let (folder, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = folder.path().join("foobar.db");
    let db = start(&path).await.unwrap();
    create(&db).await;
    SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute("PRAGMA wal_checkpoint").unwrap();
    for (name, mut contents) in files(folder.path()) {
        contents.truncate(if name == "foobar.db" { 4096 } else { usize::MAX });
        std::fs::write(left.path().join(name), contents).unwrap();
    }
    open_file(&left.path().join("foobar.db")).check().await.unwrap();
    assert_eq!(files(left.path()).len(), 3);
}

#[tokio::test]
async fn a_check_says_whether_the_folder_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::DirBuilder::new().mode(0o500).create(&closed).unwrap();
    let writable = tempfile::tempfile_in(&closed).is_ok(); // for root it is
    for name in ["foobar.db", "a/b/foobar.db"] {
        let checked = open_file(&closed.join(name)).check().await;
        assert_eq!(checked.is_ok(), writable, "{checked:?}");
        let message = checked.map_or_else(|error| Chain(&error).to_string(), |()| closed.display().to_string());
        assert!(message.contains(closed.to_str().unwrap()), "{message}");
    }
}

#[tokio::test]
async fn connections_are_set_up_for_safety() {
    let db = TestDb::sqlite().await;
    let pragma = |name: &str| sql::<Integer>(&format!("(SELECT * FROM pragma_{name})"));
    let read = (pragma("foreign_keys"), pragma("synchronous"), pragma("busy_timeout"), pragma("query_only"));
    let select = move |conn: &mut Conn| diesel::select(read.clone()).get_result::<(i32, i32, i32, i32)>(conn);
    assert_eq!(db.write(select.clone()).await.unwrap(), (1, 2, 2000, 0));
    assert_eq!(db.read(select).await.unwrap(), (1, 2, 2000, 1));
    let mode =
        db.read(|conn| diesel::select(sql::<Text>("(SELECT * FROM pragma_journal_mode)")).get_result::<String>(conn));
    assert_eq!(mode.await.unwrap(), "wal".to_owned());
}

#[tokio::test]
async fn a_connection_waits_for_a_lock_as_long_as_it_is_told() {
    let test = TestDb::sqlite().await;
    let mut settings = test.settings();
    settings.lock_timeout = "7s".parse().unwrap();
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    let wait = sql::<Integer>("(SELECT * FROM pragma_busy_timeout)");
    let wait = db.read(move |conn| diesel::select(wait.clone()).get_result::<i32>(conn));
    assert_eq!(wait.await.unwrap(), 7000);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let db = TestDb::sqlite().await;
    create(&db).await;
    let refused = db.read(|conn| diesel::sql_query("INSERT INTO notes VALUES ('x')").execute(conn)).await.unwrap_err();
    assert_eq!(Chain(&refused).to_string(), "the query failed: attempt to write a readonly database");
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn readers_go_on_while_a_write_is_open() {
    let db = TestDb::sqlite().await;
    create(&db).await;
    let (inserted, has_inserted) = tokio::sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let hold = Mutex::new((Some(inserted), released));
    let writer = (*db).clone();
    let write = tokio::spawn(async move {
        let work = move |conn: &mut Conn| {
            diesel::sql_query("INSERT INTO notes VALUES ('x')").execute(conn)?;
            let mut hold = hold.lock().unwrap();
            hold.0.take().unwrap().send(()).unwrap();
            Ok(hold.1.recv().is_err())
        };
        writer.write(work).await
    });
    has_inserted.await.unwrap();
    assert_eq!(count(&db).await, 0);
    drop(release);
    assert!(write.await.unwrap().unwrap());
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn a_write_waits_for_the_lock_of_another_process() {
    let db = TestDb::sqlite().await;
    create(&db).await;
    let path = db.url().strip_prefix("sqlite:").unwrap().to_owned();
    let mut other = SqliteConnection::establish(&path).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let mut write = Box::pin(db.write(|conn| diesel::sql_query("INSERT INTO notes VALUES ('x')").execute(conn)));
    assert!((&mut write).now_or_never().is_none());
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(write.await.unwrap(), 1);
}

#[tokio::test]
async fn a_database_in_memory_is_one_for_readers_and_writer_and_another_for_each_handle() {
    let (one, two) = (start_url("sqlite::memory:").await.unwrap(), start_url("sqlite::memory:").await.unwrap());
    create(&one).await;
    let panics: Result<(), _> = one.write(|_| panic!("and the only writer is replaced")).await;
    assert!(panics.is_err());
    one.write(|conn| diesel::sql_query("INSERT INTO notes VALUES ('x')").execute(conn)).await.unwrap();
    assert_eq!(count(&one).await, 1);
    create(&two).await;
    assert_eq!(count(&two).await, 0);
}

#[tokio::test]
async fn a_drain_leaves_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let db = start(&folder.path().join("foobar.db")).await.unwrap();
    create(&db).await;
    assert_eq!(count(&db).await, 0);
    db.tier().drain(Instant::now() + Duration::from_secs(5)).await;
    let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(files, ["foobar.db"]);
}

#[test]
fn connections_of_others_have_no_deadline() {
    let past = Instant::now();
    let count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT count(*) FROM n";
    let mut ours = interrupt::establish(":memory:").unwrap();
    let mut others = SqliteConnection::establish(":memory:").unwrap();
    crate::deadline::until(past, || {
        assert_eq!(ours.batch_execute(count).unwrap_err().to_string(), "interrupted");
        others.batch_execute(count).unwrap();
    });
    ours.batch_execute(count).unwrap();
}
