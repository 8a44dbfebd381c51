//! What foreign keys do during a migration on SQLite.

use super::*;

const LIBRARY: &str = "CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE books (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES authors (id) ON DELETE CASCADE);
    INSERT INTO authors VALUES (1, 'Ann'), (2, 'Bob');
    INSERT INTO books VALUES (11, 1), (12, 1), (13, 2);";

/// The way that SQLite's documentation shows (<https://www.sqlite.org/lang_altertable.html>, section 7).
const REBUILD: &str = "PRAGMA foreign_keys=OFF;
    CREATE TABLE new_authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born INTEGER);
    INSERT INTO new_authors SELECT id, name, NULL FROM authors;
    DROP TABLE authors;
    ALTER TABLE new_authors RENAME TO authors;
    PRAGMA foreign_keys=ON;";

async fn library() -> TestDb {
    let db = TestDb::sqlite().await;
    db.migrate(&sql(&[("1_library", LIBRARY)])).await.unwrap();
    db
}

/// Runs `up` on a library, as the migration `2_change`.
async fn change(db: &TestDb, up: &str) -> Result<(), String> {
    run(db, &sql(&[("1_library", LIBRARY), ("2_change", up)])).await
}

async fn run(db: &TestDb, migrations: &Migrations) -> Result<(), String> {
    db.migrate(migrations).await.map(drop).map_err(|error| Chain(&error).to_string())
}

async fn count(db: &TestDb, of: &str) -> i64 {
    let query = diesel::dsl::sql::<BigInt>(&format!("(SELECT COUNT(*) FROM {of})"));
    db.read(move |conn| diesel::select(query.clone()).get_result(conn)).await.unwrap()
}

/// Runs `statements` past all foreign keys, as another program may have done before.
fn smuggle(db: &TestDb, statements: &str) {
    let mut conn = stranger(db.url().strip_prefix("sqlite:").unwrap());
    conn.batch_execute(&format!("PRAGMA foreign_keys = OFF; {statements}")).unwrap();
}

async fn is_enforced(db: &TestDb) -> bool {
    db.write(|conn| conn.batch_execute("INSERT INTO books VALUES (99, 99)")).await.is_err()
}

#[tokio::test]
async fn a_table_that_is_rebuilt_keeps_the_rows_that_refer_to_it() {
    let db = library().await;
    change(&db, REBUILD).await.unwrap();
    assert_eq!(count(&db, "books").await, 3);
    assert!(is_enforced(&db).await);
}

#[tokio::test]
async fn rows_that_a_migration_leaves_alone_fail_it_and_are_named_and_nothing_of_it_stays() {
    let db = library().await;
    let error = change(&db, "CREATE TABLE tags (id INTEGER); DELETE FROM authors WHERE id = 1").await.unwrap_err();
    let expected = "migration `2_change` failed: it leaves rows that refer to nothing: 2 of `books` (rowid 11, 12), \
                    whose `author_id` is no `id` of `authors`; so all of it was rolled back. ";
    assert!(error.starts_with(expected), "{error}");
    assert!(error.contains("`-- foobar: foreign_keys = on`"), "{error}");
    assert_eq!((count(&db, "authors").await, count(&db, "books").await), (2, 3));
    assert_eq!(count(&db, "sqlite_schema WHERE name = 'tags'").await, 0);
    assert!(is_enforced(&db).await);
}

#[tokio::test]
async fn a_migration_that_asks_for_foreign_keys_has_its_cascades() {
    let db = library().await;
    change(&db, "-- foobar: foreign_keys = on\nDELETE FROM authors WHERE id = 1").await.unwrap();
    assert_eq!(count(&db, "books").await, 1);
    let both = [("1_library", LIBRARY), ("2_change", "DELETE FROM authors WHERE id = 1"), ("3_rebuild", REBUILD)];
    run(&db, &sql(&both)).await.unwrap();
    assert_eq!(count(&db, "books").await, 1, "it held for one migration only");
}

#[tokio::test]
async fn rows_that_referred_to_nothing_before_fail_no_migration() {
    for up in [
        "CREATE TABLE tags (id INTEGER)",
        REBUILD,
        "ALTER TABLE books RENAME TO works",
        "ALTER TABLE authors RENAME TO people",
        "ALTER TABLE books RENAME COLUMN author_id TO author; ALTER TABLE authors RENAME COLUMN id TO number",
        "UPDATE books SET id = id + 100",
        "UPDATE authors SET id = id + 100; UPDATE books SET author_id = author_id + 100",
        "CREATE TABLE new (id TEXT PRIMARY KEY, author_id INTEGER REFERENCES authors) WITHOUT ROWID;
         INSERT INTO new SELECT * FROM books; DROP TABLE books; ALTER TABLE new RENAME TO books",
        "DROP TABLE books",
        "DELETE FROM books WHERE id = 20",
    ] {
        let db = library().await;
        smuggle(&db, "INSERT INTO books VALUES (20, 7), (21, 8)");
        assert_eq!(change(&db, up).await, Ok(()), "{up}");
        assert_eq!(count(&db, "__diesel_schema_migrations").await, 2);
    }
}

#[tokio::test]
async fn rows_that_are_added_to_those_that_referred_to_nothing_before_fail_the_migration() {
    let db = library().await;
    smuggle(&db, "INSERT INTO books VALUES (20, 7), (21, 8)");
    let error = change(&db, "DELETE FROM authors WHERE id = 2").await.unwrap_err();
    assert!(error.contains("nothing: 1 of `books` (rowid 13), whose"), "{error}");
}

#[tokio::test]
async fn a_row_that_is_mended_does_not_make_up_for_another_that_refers_to_nothing_now() {
    for (up, row) in [
        ("INSERT INTO authors VALUES (7, 'Eve'); DELETE FROM authors WHERE id = 2", "13"),
        ("DELETE FROM books WHERE id = 20; INSERT INTO books VALUES (30, 9)", "30"),
        ("DELETE FROM books; INSERT INTO books VALUES (21, 8), (31, 9)", "31"),
        (
            "INSERT INTO authors VALUES (7, 'Eve'); DELETE FROM authors WHERE id = 2;
             CREATE TABLE new (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES authors);
             INSERT INTO new SELECT * FROM books; DROP TABLE books; ALTER TABLE new RENAME TO books",
            "13",
        ),
    ] {
        let db = library().await;
        smuggle(&db, "INSERT INTO books VALUES (20, 7), (21, 8)");
        let error = change(&db, up).await.unwrap_err();
        assert!(error.contains(&format!("nothing: 1 of `books` (rowid {row}), whose")), "{up}: {error}");
        assert_eq!((count(&db, "authors").await, count(&db, "books").await), (2, 5), "{up}");
    }
}

#[tokio::test]
async fn a_row_is_known_again_where_the_names_of_rowids_are_columns() {
    let tables = "CREATE TABLE authors (id INTEGER PRIMARY KEY); INSERT INTO authors VALUES (1), (2);
        CREATE TABLE odd (rowid TEXT, \"a \"\" b\" INTEGER REFERENCES authors, _rowid_ TEXT);
        CREATE TABLE odder (rowid TEXT, _rowid_ TEXT, oid INTEGER REFERENCES authors);
        CREATE TABLE keyed (id INTEGER PRIMARY KEY, author INTEGER REFERENCES authors) WITHOUT ROWID;
        INSERT INTO odd VALUES ('x', 1, 'y'); INSERT INTO odder VALUES ('x', 'y', 1); INSERT INTO keyed VALUES (5, 1)";
    let db = TestDb::sqlite().await;
    run(&db, &sql(&[("1_tables", tables)])).await.unwrap();
    smuggle(&db, "INSERT INTO odd VALUES ('x', 7, 'y'); INSERT INTO odder VALUES ('x', 'y', 7)");
    smuggle(&db, "INSERT INTO keyed VALUES (6, 7)");
    let tags = ("2_tags", "CREATE TABLE tags (id INTEGER)");
    assert_eq!(run(&db, &sql(&[("1_tables", tables), tags])).await, Ok(()));
    let gone = ("3_gone", "DELETE FROM authors WHERE id = 1; INSERT INTO authors VALUES (7)");
    let error = run(&db, &sql(&[("1_tables", tables), tags, gone])).await.unwrap_err();
    assert!(error.contains("1 of `odd` (rowid 1), whose"), "{error}");
    assert!(error.contains("1 of `keyed` (primary key 5), whose"), "{error}");
}

#[tokio::test]
async fn a_row_without_a_rowid_is_compared_as_its_foreign_key_does_and_named_by_its_primary_key() {
    let tables = "CREATE TABLE names (name TEXT COLLATE NOCASE PRIMARY KEY); INSERT INTO names VALUES ('Ann'), ('01');
        CREATE TABLE places (\"a \"\" b\" INTEGER, c, PRIMARY KEY (c, \"a \"\" b\")); INSERT INTO places VALUES (1, 'x');
        CREATE TABLE numbers (n NUMERIC UNIQUE); INSERT INTO numbers VALUES (7)";
    let db = TestDb::sqlite().await;
    run(&db, &sql(&[("1_tables", tables)])).await.unwrap();
    for (create, rows, expected) in [
        ("name TEXT REFERENCES names", "(1, 'ANN'), (2, 'Bob'), (3, NULL)", "1 of `new` (primary key 2), whose"),
        ("name INTEGER REFERENCES names", "(1, 1)", "1 of `new` (primary key 1), whose"),
        ("n TEXT REFERENCES numbers (n)", "(1, '7'), (2, '7.0'), (3, 'x')", "1 of `new` (primary key 3), whose"),
        (
            "c, \"a \"\" b\", FOREIGN KEY (c, \"a \"\" b\") REFERENCES places",
            "(1, 'x', 1), (2, 1, 'x'), (3, 'x', NULL)",
            "1 of `new` (primary key 2), whose `c, a \" b` is no key of `places`",
        ),
        ("n REFERENCES nowhere", "(1, 1), (2, NULL)", "1 of `new` (primary key 1), whose `n` is no key of `nowhere`"),
    ] {
        let up =
            format!("CREATE TABLE new (id INTEGER PRIMARY KEY, {create}) WITHOUT ROWID; INSERT INTO new VALUES {rows}");
        let error = run(&db, &sql(&[("1_tables", tables), ("2_new", &up)])).await.unwrap_err();
        assert!(error.contains(expected), "{create}: {error}");
    }
}

#[tokio::test]
async fn of_a_primary_key_only_integers_are_told() {
    for (id, values, expected) in [
        ("id TEXT", "('0123-4567', 9)", "1 of `new`, whose"),
        ("id BLOB", "(x'31', 9)", "1 of `new`, whose"),
        ("id REAL", "(1, 9)", "1 of `new`, whose"),
        ("id", "(-4, 9), ('ann@example.org', 9)", "2 of `new` (primary key -4, …), whose"),
    ] {
        let up = format!(
            "CREATE TABLE new ({id} PRIMARY KEY, author INTEGER REFERENCES authors) WITHOUT ROWID;
             INSERT INTO new VALUES {values}"
        );
        let error = change(&library().await, &up).await.unwrap_err();
        assert!(error.contains(&format!("nothing: {expected}")), "{error}");
    }
}

#[tokio::test]
async fn a_foreign_key_that_is_new_is_held_against_all_rows() {
    let db = library().await;
    let up =
        "CREATE TABLE loans (book INTEGER, day INTEGER, PRIMARY KEY (book, day), FOREIGN KEY (book) REFERENCES books)
              WITHOUT ROWID; INSERT INTO loans VALUES (11, 1), (77, 1), (78, 5)";
    let error = change(&db, up).await.unwrap_err();
    let expected = "nothing: 2 of `loans` (primary key (77, 1), (78, 5)), whose `book` is no key of `books`; so";
    assert!(error.contains(expected), "{error}");
}

#[tokio::test]
async fn of_many_rows_the_first_are_named() {
    let db = library().await;
    let up = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 5099)
              INSERT INTO books SELECT i, i FROM n";
    let error = change(&db, up).await.unwrap_err();
    let expected = "5000 of `books` (rowid 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, …), whose";
    assert!(error.contains(expected) && error.len() < 1000, "{error}");
}

#[tokio::test]
async fn a_foreign_key_that_leads_to_nothing_unique_fails_a_migration_only_where_it_is_new_and_has_rows() {
    let unique = "CREATE TABLE codes (code TEXT UNIQUE); CREATE TABLE uses (code TEXT REFERENCES codes (code));
                  INSERT INTO codes VALUES ('a'); INSERT INTO uses VALUES ('a')";
    let rebuild = "CREATE TABLE new (code TEXT); INSERT INTO new SELECT * FROM codes; DROP TABLE codes;
                   ALTER TABLE new RENAME TO codes";
    let db = TestDb::sqlite().await;
    run(&db, &sql(&[("1_codes", unique)])).await.unwrap();
    let error = run(&db, &sql(&[("1_codes", unique), ("2_rebuild", rebuild)])).await.unwrap_err();
    assert!(
        error.contains("`uses`, which cannot be checked: foreign key mismatch - \"uses\" referencing \"codes\""),
        "{error}"
    );
    smuggle(&db, rebuild);
    let empty = "CREATE TABLE others (code TEXT REFERENCES codes (code))";
    assert_eq!(run(&db, &sql(&[("1_codes", unique), ("2_empty", empty)])).await, Ok(()));
}

#[tokio::test]
async fn outside_of_a_transaction_the_log_names_the_rows_whether_the_migration_fails_or_not() {
    for (rest, succeeds) in [("", true), ("; INSERT INTO nowhere VALUES (1)", false)] {
        let db = library().await;
        let up = format!("DELETE FROM authors WHERE id = 1{rest}");
        let (outcome, log) = run_logged(&db, &written(&[("1_library", LIBRARY), ("2_change", &up)], false));
        assert_eq!(outcome.is_ok(), succeeds, "{outcome:?}");
        let expected = "migration `2_change`, in no transaction, leaves rows that refer to nothing: 2 of `books` \
                        (rowid 11, 12), whose `author_id` is no `id` of `authors`";
        assert!(log.contains("WARN") && log.contains(expected), "{log}");
        assert_eq!(count(&db, "books").await, 3);
    }
}

#[tokio::test]
async fn a_comment_for_foobar_that_is_not_understood_is_an_error_before_any_migration_runs() {
    for db in both().await {
        let migrations =
            [("1_notes", "CREATE TABLE notes (id INTEGER)"), ("2_more", "-- foobar: foreign_key = on\r\n")];
        let error = run(&db, &sql(&migrations)).await.unwrap_err();
        let expected =
            "migration `2_more` failed: its up.sql has `-- foobar: foreign_key = on`, which is not understood";
        assert!(error.starts_with(expected) && error.contains("write `-- foobar: foreign_keys = on`"), "{error}");
        db.migrate(&sql(&migrations[..1])).await.unwrap();
        assert_eq!(
            run(
                &db,
                &sql(&[("1_notes", "-- foobar: x\nCREATE TABLE notes (id INTEGER)"), ("2_more", "DROP TABLE notes")])
            )
            .await,
            Ok(())
        );
    }
}

#[tokio::test]
async fn on_mysql_the_comment_is_a_comment() {
    let db = TestDb::mysql().await;
    let up = "-- foobar: foreign_keys = on\nCREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY)";
    assert_eq!(run(&db, &sql(&[("1_notes", up)])).await, Ok(()));
}
