use super::*;

/// A database that another has for itself, and what keeps it from us.
fn occupied(path: &Path) -> SqliteConnection {
    let mut other = stranger(path.to_str().unwrap());
    other.batch_execute("CREATE TABLE notes (body TEXT NOT NULL); BEGIN EXCLUSIVE").unwrap();
    other
}

async fn start_impatiently(path: &Path) -> Db {
    let mut settings = settings(&format!("sqlite:{}", path.display()));
    settings.lock_timeout = "20ms".parse().unwrap();
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    db
}

async fn until_ready(db: &Db) {
    while !db.tier().readiness().is_ready() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_file_that_is_locked_is_opened_as_soon_as_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foobar.db");
    let mut other = occupied(&path);
    let db = start_impatiently(&path).await;
    let reason = format!("cannot open sqlite:{}: database is locked", path.display());
    assert_eq!(db.tier().readiness(), Readiness::not(reason));
    let error = insert(&db).await.unwrap_err();
    let expected = format!("cannot connect to sqlite:{}: database is locked", path.display());
    assert!(error.is_unavailable());
    assert_eq!(Chain(&error).to_string(), expected);
    other.batch_execute("COMMIT").unwrap();
    until_ready(&db).await;
    insert(&db).await.unwrap();
    assert!(db.tier().failed().now_or_never().is_none());
}

#[tokio::test]
async fn a_file_that_turns_out_to_be_no_database_is_the_failure_of_the_tier() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foobar.db");
    let other = occupied(&path);
    let db = start_impatiently(&path).await;
    let text = folder.path().join("text");
    std::fs::write(&text, "This is no database, and it is long enough to be seen as none.".repeat(100)).unwrap();
    std::fs::rename(&text, &path).unwrap();
    let error = db.tier().failed().await;
    assert_eq!(Chain(&*error).to_string(), Chain(&*start(&path).await.unwrap_err()).to_string());
    drop(other);
}

#[tokio::test]
async fn a_drain_ends_the_wait_for_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foobar.db");
    let mut other = occupied(&path);
    let db = start_impatiently(&path).await;
    db.tier().drain(Instant::now() + Duration::from_secs(60)).await;
    other.batch_execute("COMMIT").unwrap();
    assert!(matches!(insert(&db).await, Err(Error::Closed)));
    assert_eq!(db.tier().readiness(), Readiness::not("drained"));
}
