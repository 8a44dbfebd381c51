mod kills; // of the process, at any moment
mod waiting; // a file that cannot be opened yet

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use diesel::dsl::sql;
use diesel::sql_types::{BigInt, Integer, Text};
use foobar_core::{Chain, Secret};
use futures_util::FutureExt;

use super::*;
use crate::Db;
use crate::testing::TestDb;

/// A connection as the pools have them, to a database in memory.
pub(crate) fn connection() -> SqliteConnection {
    handle::establish(":memory:", Duration::from_secs(1)).unwrap()
}

/// Another program's connection to this file, which waits for those that have it locked.
pub(crate) fn stranger(path: &str) -> SqliteConnection {
    let mut stranger = SqliteConnection::establish(path).unwrap();
    stranger.batch_execute("PRAGMA busy_timeout = 60000").unwrap();
    stranger
}

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
    // The log stays where two connections close at the same moment; the next one to close takes it along.
    while files(folder.path()).len() > 1 {
        stranger(path.to_str().unwrap()).batch_execute("PRAGMA user_version").unwrap();
    }
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
    stranger(path.to_str().unwrap()).batch_execute("PRAGMA wal_checkpoint").unwrap();
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
    let read = (pragma("foreign_keys"), pragma("synchronous"), pragma("query_only"));
    let select = move |conn: &mut Conn| diesel::select(read.clone()).get_result::<(i32, i32, i32)>(conn);
    assert_eq!(db.write(select.clone()).await.unwrap(), (1, 2, 0));
    assert_eq!(db.read(select).await.unwrap(), (1, 2, 1));
    let mode =
        db.read(|conn| diesel::select(sql::<Text>("(SELECT * FROM pragma_journal_mode)")).get_result::<String>(conn));
    assert_eq!(mode.await.unwrap(), "wal".to_owned());
}

/// A lock on the database of `db` as another process has it.
fn lock(db: &TestDb) -> SqliteConnection {
    let mut other = stranger(db.url().strip_prefix("sqlite:").unwrap());
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    other
}

/// How a write to a locked database ends, and after how many milliseconds.
async fn write_to_locked(lock_timeout: &str, query_timeout: &str) -> (Error, u128) {
    let test = TestDb::sqlite().await;
    create(&test).await;
    let mut settings = test.settings();
    settings.lock_timeout = lock_timeout.parse().unwrap();
    settings.query_timeout = query_timeout.parse().unwrap();
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    let _locked = lock(&test);
    let start = Instant::now();
    (insert(&db).await.unwrap_err(), start.elapsed().as_millis())
}

#[tokio::test]
async fn a_write_waits_for_a_lock_as_long_as_it_is_told_at_each_attempt() {
    let (error, time) = write_to_locked("50ms", "10s").await;
    assert!(matches!(error, Error::Conflict { attempts: 5, .. }), "{error:?}");
    assert!(time >= 250, "{time} ms");
}

#[tokio::test]
async fn a_wait_for_a_lock_ends_with_the_deadline_of_the_call_and_the_outcome_is_known() {
    for (lock_timeout, query_timeout, expected) in [("1h", "500ms", 500..1000), ("900ms", "1s", 1000..1500)] {
        let mut late = 0;
        loop {
            let (error, time) = write_to_locked(lock_timeout, query_timeout).await;
            assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
            assert!(time >= expected.start, "{time} ms");
            if time < expected.end {
                break;
            }
            late += 1; // a busy machine may be late; one that waits for the lock twice always is
            assert!(late < 20, "{time} ms");
        }
    }
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
    let mut other = lock(&db);
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

async fn insert(db: &Db) -> Result<usize, Error> {
    db.write(|conn| diesel::sql_query("INSERT INTO notes VALUES ('x')").execute(conn)).await
}

const GONE: &str = "the file of the database has been removed or replaced; restart";

fn assert_gone<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    let error = outcome.unwrap_err();
    assert!(error.is_unavailable() && Chain(&error).to_string().ends_with(GONE), "{}", Chain(&error));
}

#[tokio::test]
async fn a_file_that_is_removed_takes_no_call_and_is_not_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foobar.db");
    let db = start(&path).await.unwrap();
    create(&db).await;
    std::fs::remove_file(&path).unwrap();
    assert_eq!(db.tier().readiness(), Readiness::not(GONE));
    assert_gone(insert(&db).await);
    assert_gone(db.read(|_| Ok(())).await);
    let panics: Result<(), _> = db.write(|_| panic!("and a connection would be opened")).await;
    assert_gone(panics);
    assert!(!path.exists());
    assert_gone(db.migration_status(&crate::Migrations::none()).await);
}

#[test]
fn a_connection_never_makes_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foobar.db");
    let name = Location::of(&format!("sqlite:{}", path.display())).unwrap().existing();
    assert!(open(&name, Role::Reader, Duration::ZERO).is_err());
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_that_is_replaced_takes_no_call_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join("foobar.db"), folder.path().join("aside.db"));
    let db = start(&path).await.unwrap();
    create(&db).await;
    std::fs::rename(&path, &aside).unwrap();
    std::fs::write(&path, "").unwrap();
    assert_eq!(db.tier().readiness(), Readiness::not(GONE));
    assert_gone(insert(&db).await);
    assert_gone(db.read(|_| Ok(())).await);
    assert_eq!(std::fs::read(&path).unwrap(), b"");
    std::fs::rename(&aside, &path).unwrap();
    assert_eq!(db.tier().readiness(), Readiness::Ready);
    insert(&db).await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn the_outcome_of_a_write_is_unknown_where_its_file_is_moved_away_meanwhile_as_it_may_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join("foobar.db"), folder.path().join("aside.db"));
    let db = start(&path).await.unwrap();
    create(&db).await;
    let (from, to) = (path.clone(), aside.clone());
    let write = move |conn: &mut Conn| {
        diesel::sql_query("INSERT INTO notes VALUES ('x')").execute(conn)?;
        std::fs::rename(&from, &to).unwrap();
        Ok(())
    };
    let error = db.write(write).await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }) && Chain(&error).to_string().ends_with(GONE), "{error:?}");
    std::fs::rename(&aside, &path).unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn a_full_disk_makes_the_database_unavailable_until_there_is_room() {
    let db = TestDb::sqlite().await;
    create(&db).await;
    let fill = |conn: &mut Conn| {
        conn.batch_execute("PRAGMA max_page_count = 4; INSERT INTO notes VALUES (HEX(ZEROBLOB(100000)))")
    };
    let full = db.write(fill).await.unwrap_err();
    assert!(full.is_unavailable(), "{full:?}");
    let expected = format!("the disk of {} is full or fails: database or disk is full", db.describe());
    assert_eq!(Chain(&full).to_string(), expected);
    insert(&db).await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn a_path_is_taken_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["100%41 #1?mode&.db", "file:x.db", "ü b.db"] {
        let path = folder.path().join(name);
        create(&start(&path).await.unwrap()).await;
        assert!(path.metadata().unwrap().len() > 0, "{name}");
    }
    let Err(error) = Db::open(&settings("sqlite:foobar.db\0.txt")) else { panic!("a NUL was taken") };
    assert_eq!(error.to_string(), "`database.url` names a file with a NUL in it");
}

#[tokio::test]
async fn what_was_written_before_a_drain_is_there_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foobar.db");
    let db = start(&path).await.unwrap();
    create(&db).await;
    db.write(|conn| diesel::sql_query("INSERT INTO notes VALUES ('x')").execute(conn)).await.unwrap();
    db.tier().drain(Instant::now() + Duration::from_secs(5)).await;
    assert!(matches!(db.read(|_conn| Ok(())).await, Err(Error::Closed)));
    assert_eq!(count(&start(&path).await.unwrap()).await, 1);
}

#[test]
fn connections_of_others_have_no_deadline() {
    let past = Instant::now();
    let count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT count(*) FROM n";
    let mut ours = handle::establish(":memory:", Duration::ZERO).unwrap();
    let mut others = SqliteConnection::establish(":memory:").unwrap();
    crate::deadline::until(past, || {
        assert_eq!(ours.batch_execute(count).unwrap_err().to_string(), "interrupted");
        others.batch_execute(count).unwrap();
    });
    ours.batch_execute(count).unwrap();
}
