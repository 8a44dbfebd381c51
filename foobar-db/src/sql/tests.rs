//! What `Conn` can do, on both engines.

mod hundred;

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::UniqueViolation;
use diesel::result::Error::{DatabaseError, DeserializationError, NotFound, QueryBuilderError};
use foobar_core::Metrics;

use crate::testing::TestDb;
use crate::{Conn, DateTime, Db, Engine, Error, QueryResult, incoming, insert_returning_id, locked, upsert};

diesel::table! { tags (word) { word -> Text, uses -> Integer, color -> Nullable<Text> } }
diesel::table! { notes (id) { id -> BigInt, body -> Text } }
diesel::table! { named (name) { name -> Integer, body -> Text } }

const TAGS: &str = "CREATE TABLE tags (word VARCHAR(50) PRIMARY KEY, uses INTEGER NOT NULL DEFAULT 7, \
    color VARCHAR(50) UNIQUE)";

async fn both(tables: &'static str) -> [TestDb; 2] {
    let both = [TestDb::sqlite().await, TestDb::mysql().await];
    for db in &both {
        db.write(move |conn| conn.batch_execute(tables)).await.unwrap();
    }
    both
}

async fn all_tags(db: &Db) -> Vec<(String, i32, Option<String>)> {
    db.read(|conn| tags::table.order(tags::word).load(conn)).await.unwrap()
}

fn tag(word: &str, uses: i32, color: Option<&str>) -> (String, i32, Option<String>) {
    (word.to_owned(), uses, color.map(str::to_owned))
}

#[tokio::test]
async fn an_insert_of_no_rows_inserts_none_and_says_so_whatever_was_done_before() {
    for db in both(TAGS).await {
        let inserted = db.write(|conn| {
            let one = vec![(tags::word.eq("a"), tags::uses.eq(1))];
            let none = || one[..0].to_vec();
            diesel::insert_into(tags::table).values(one.clone()).execute(conn)?;
            let set = tags::uses.eq(incoming(tags::uses));
            Ok([
                diesel::insert_into(tags::table).values(none()).execute(conn)?,
                diesel::insert_or_ignore_into(tags::table).values(none()).execute(conn)?,
                diesel::replace_into(tags::table).values(none()).execute(conn)?,
                upsert(diesel::insert_into(tags::table).values(none())).on(tags::word).set(set).execute(conn)?,
            ])
        });
        assert_eq!(inserted.await.unwrap(), [0; 4], "{}", db.describe());
        assert_eq!(all_tags(&db).await, [tag("a", 1, None)]);
    }
}

diesel::table! { short (id) { id -> Integer, word -> Text } }

#[tokio::test]
async fn an_insert_that_ignores_what_is_there_also_cuts_on_mysql_what_does_not_fit() {
    let tables = "CREATE TABLE short (id INTEGER PRIMARY KEY, word VARCHAR(3) NOT NULL CHECK (LENGTH(word) <= 3))";
    for (db, expected) in both(tables).await.into_iter().zip([None, Some("lon")]) {
        let long = || (short::id.eq(1), short::word.eq("long"));
        let ignored = db.write(move |conn| diesel::insert_or_ignore_into(short::table).values(long()).execute(conn));
        assert_eq!(ignored.await.unwrap(), usize::from(expected.is_some()), "{}", db.describe());
        let word = db.read(|conn| short::table.select(short::word).first::<String>(conn).optional()).await.unwrap();
        assert_eq!(word.as_deref(), expected);
        let refused = db.write(move |conn| {
            let insert = diesel::insert_into(short::table).values((short::id.eq(2), short::word.eq("long")));
            upsert(insert).on(short::id).set(short::word.eq(incoming(short::word))).execute(conn)
        });
        assert!(refused.await.is_err(), "{}", db.describe());
    }
}

#[tokio::test]
async fn a_batch_in_which_one_row_fails_inserts_none() {
    for db in both(TAGS).await {
        let insert = |conn: &mut Conn| {
            let rows = ["a", "b", "a"].map(|word| (tags::word.eq(word), tags::uses.eq(1)));
            diesel::insert_into(tags::table).values(rows.to_vec()).execute(conn)
        };
        assert!(
            matches!(db.write(insert).await, Err(Error::Query(DatabaseError(UniqueViolation, _)))),
            "{}",
            db.describe()
        );
        // Nor where the query goes on after the error.
        db.write(move |conn| conn.transaction(insert).or(Ok::<_, diesel::result::Error>(0))).await.unwrap();
        assert_eq!(all_tags(&db).await, []);
    }
}

#[tokio::test]
async fn rows_that_leave_out_a_value_get_its_default() {
    for db in both(TAGS).await {
        let insert = |conn: &mut Conn| {
            let rows = vec![(tags::word.eq("a"), Some(tags::uses.eq(1))), (tags::word.eq("b"), None)];
            diesel::insert_into(tags::table).values(rows).execute(conn)
        };
        assert_eq!(db.write(insert).await.unwrap(), 2);
        assert_eq!(all_tags(&db).await, [tag("a", 1, None), tag("b", 7, None)], "{}", db.describe());
    }
}

#[tokio::test]
async fn an_upsert_inserts_or_changes_one_row_or_several_and_counts_those_that_were_given() {
    for db in both(TAGS).await {
        let count = |conn: &mut Conn, word: &str| {
            let new = (tags::word.eq(word), tags::uses.eq(5), tags::color.eq(Some(word)));
            let set = (tags::uses.eq(tags::uses + 1), tags::color.eq(incoming(tags::color)));
            upsert(diesel::insert_into(tags::table).values(new)).on(tags::word).set(set).execute(conn)
        };
        let counts = db.write(move |conn| Ok([count(conn, "a")?, count(conn, "a")?, count(conn, "b")?])).await;
        assert_eq!(counts.unwrap(), [1; 3]);
        assert_eq!(all_tags(&db).await, [tag("a", 6, Some("a")), tag("b", 5, Some("b"))]);
        let several = db.write(|conn| {
            let row = |word, uses| (tags::word.eq(word), uses);
            let rows = vec![row("b", Some(tags::uses.eq(10))), row("c", None), row("c", Some(tags::uses.eq(2)))];
            let set = tags::uses.eq(tags::uses + incoming(tags::uses));
            upsert(diesel::insert_into(tags::table).values(rows)).on(tags::word).set(set).execute(conn)
        });
        assert_eq!(several.await.unwrap(), 3);
        let expected = [tag("a", 6, Some("a")), tag("b", 15, Some("b")), tag("c", 9, None)];
        assert_eq!(all_tags(&db).await, expected, "{}", db.describe());
    }
}

#[tokio::test]
async fn an_upsert_takes_a_key_of_several_columns_and_changes_that_are_a_struct() {
    #[derive(AsChangeset)]
    #[diesel(table_name = visits)]
    struct Changes {
        count: i32,
        note: Option<String>,
    }
    diesel::table! { visits (page, day) { page -> Text, day -> Integer, count -> Integer, note -> Text } }
    let table = "CREATE TABLE visits (page VARCHAR(50), day INTEGER, count INTEGER NOT NULL, \
        note VARCHAR(50) NOT NULL, PRIMARY KEY (page, day))";
    for db in both(table).await {
        for count in [1, 2] {
            let visit = move |conn: &mut Conn| {
                let new = (visits::page.eq("/"), visits::day.eq(1), visits::count.eq(count), visits::note.eq("new"));
                upsert(diesel::insert_into(visits::table).values(new))
                    .on((visits::page, visits::day))
                    .set(Changes { count, note: None })
                    .execute(conn)
            };
            db.write(visit).await.unwrap();
        }
        let found = db.read(|conn| visits::table.load::<(String, i32, i32, String)>(conn)).await.unwrap();
        assert_eq!(found, [("/".to_owned(), 1, 2, "new".to_owned())], "{}", db.describe());
    }
}

#[tokio::test]
async fn an_upsert_without_a_change_is_an_error_that_says_so() {
    #[derive(AsChangeset)]
    #[diesel(table_name = tags)]
    struct Nothing {
        uses: Option<i32>,
    }
    for db in both(TAGS).await {
        let nothing = |conn: &mut Conn| {
            let insert = diesel::insert_into(tags::table).values(tags::word.eq("a"));
            upsert(insert).on(tags::word).set(Nothing { uses: None }).execute(conn)
        };
        let error = db.write(nothing).await.unwrap_err();
        assert!(
            matches!(&error, Error::Query(QueryBuilderError(why)) if why.to_string().contains("no changes")),
            "{error:?}"
        );
    }
}

/// The difference that its documentation tells of.
#[tokio::test]
async fn an_upsert_that_collides_with_another_key_is_an_error_on_sqlite_and_a_change_on_mysql() {
    for db in both(TAGS).await {
        let insert = |word: &'static str| {
            db.write(move |conn| {
                let new = (tags::word.eq(word), tags::uses.eq(1), tags::color.eq("red"));
                let set = tags::uses.eq(tags::uses + 1);
                upsert(diesel::insert_into(tags::table).values(new)).on(tags::word).set(set).execute(conn)
            })
        };
        insert("a").await.unwrap();
        let second = insert("b").await;
        match db.engine() {
            Engine::Sqlite => assert!(matches!(second, Err(Error::Query(DatabaseError(UniqueViolation, _))))),
            Engine::Mysql => assert_eq!(all_tags(&db).await, [tag("a", 2, Some("red"))]),
        }
    }
}

#[tokio::test]
async fn the_id_of_an_inserted_row_is_the_one_that_it_has() {
    for db in [TestDb::sqlite().await, TestDb::mysql().await] {
        let key = match db.engine() {
            Engine::Sqlite => "INTEGER PRIMARY KEY",
            Engine::Mysql => "BIGINT AUTO_INCREMENT PRIMARY KEY",
        };
        let table = format!("CREATE TABLE notes (id {key}, body VARCHAR(50) NOT NULL UNIQUE)");
        db.write(move |conn| conn.batch_execute(&table)).await.unwrap();
        let add = |body: &'static str| {
            db.write(move |conn| {
                insert_returning_id(conn, diesel::insert_into(notes::table).values(notes::body.eq(body)))
            })
        };
        let own = db.write(|conn| {
            let row = (notes::id.eq(40), notes::body.eq("own"));
            insert_returning_id(conn, diesel::insert_into(notes::table).values(row))
        });
        assert_eq!((add("one").await.unwrap(), add("two").await.unwrap(), own.await.unwrap()), (1, 2, 40));
        assert_eq!(add("after").await.unwrap(), 41);
        let ignored = db.write(|conn| {
            insert_returning_id(conn, diesel::insert_or_ignore_into(notes::table).values(notes::body.eq("one")))
        });
        assert!(matches!(ignored.await, Err(Error::Query(NotFound))), "{}", db.describe());
    }
}

#[tokio::test]
async fn a_row_to_which_the_database_gives_no_number_is_an_error_that_says_why() {
    for db in both("CREATE TABLE named (name BIGINT PRIMARY KEY, body VARCHAR(50) NOT NULL)").await {
        let insert = db.write(|conn| {
            let insert = diesel::insert_into(named::table);
            match conn.engine() {
                Engine::Sqlite => insert_returning_id(conn, insert.values(named::body.eq("a"))),
                Engine::Mysql => insert_returning_id(conn, insert.values((named::name.eq(1), named::body.eq("a")))),
            }
        });
        let error = insert.await.unwrap_err();
        let expected = match db.engine() {
            Engine::Sqlite => "no `INTEGER PRIMARY KEY`",
            Engine::Mysql => "no AUTO_INCREMENT column",
        };
        let says = matches!(&error, Error::Query(DeserializationError(why)) if why.to_string().contains(expected));
        assert!(says, "{error:?}");
    }
}

/// The rows that one more transaction finds while the first row is locked.
async fn found_beside_a_lock(
    db: &TestDb,
    query: impl Fn(&mut Conn) -> QueryResult<Vec<String>> + Clone + Send + 'static,
) -> Result<Vec<String>, Error> {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (locked_tx, is_locked) = tokio::sync::oneshot::channel();
    let state = std::sync::Mutex::new(Some((locked_tx, held)));
    let holder = db.write(move |conn| {
        let _first = locked(tags::table.find("a").select(tags::word)).first::<String>(conn)?;
        let (locked, held) = state.lock().unwrap().take().expect("it is run once");
        let _gone = locked.send(());
        let _ended = held.recv();
        Ok(())
    });
    let other = async {
        is_locked.await.unwrap();
        let found = db.write(query).await;
        drop(hold);
        found
    };
    let (held, found) = tokio::join!(holder, other);
    held.unwrap();
    found
}

#[tokio::test]
async fn a_locked_row_is_skipped_or_fails_at_once_where_a_query_asks_for_it() {
    let db = TestDb::mysql().await;
    db.write(|conn| conn.batch_execute(TAGS)).await.unwrap();
    db.write(|conn| conn.batch_execute("INSERT INTO tags (word) VALUES ('a'), ('b')")).await.unwrap();
    let skipping = |conn: &mut Conn| locked(tags::table.select(tags::word)).skip_locked().load(conn);
    assert_eq!(found_beside_a_lock(&db, skipping).await.unwrap(), ["b"]);
    let failing = |conn: &mut Conn| locked(tags::table.select(tags::word)).no_wait().load(conn);
    let failed = found_beside_a_lock(&db, failing).await;
    assert!(matches!(failed, Err(Error::Conflict { .. })), "{failed:?}");
}

/// MariaDB has one number for both.
#[tokio::test]
async fn a_lock_that_is_not_waited_for_does_not_count_as_one_that_was_waited_for_in_vain() {
    let db = TestDb::mysql().await;
    db.write(|conn| conn.batch_execute(TAGS)).await.unwrap();
    db.write(|conn| conn.batch_execute("INSERT INTO tags (word) VALUES ('a')")).await.unwrap();
    let count = |cause: &str| {
        let mut metrics = Metrics::default();
        db.tier().metrics(&mut metrics);
        let text = metrics.into_text();
        let sample = format!("foobar_database_retries_total{{pool=\"server\",cause=\"{cause}\"}} ");
        let count = text.lines().find_map(|line| line.strip_prefix(&sample));
        count.unwrap().parse::<u32>().unwrap()
    };
    let failing = |conn: &mut Conn| locked(tags::table.select(tags::word)).no_wait().load(conn);
    found_beside_a_lock(&db, failing).await.unwrap_err();
    assert!(count("no_wait") > 0);
    assert_eq!(count("lock_timeout"), 0);
}

#[tokio::test]
async fn locks_change_nothing_of_what_a_query_finds() {
    for db in both(TAGS).await {
        db.write(|conn| conn.batch_execute("INSERT INTO tags (word) VALUES ('a'), ('b')")).await.unwrap();
        let found = db.write(|conn| {
            let words = tags::table.select(tags::word).order(tags::word);
            Ok((
                locked(words).load::<String>(conn)?,
                locked(words).skip_locked().first::<String>(conn)?,
                locked(words.filter(tags::word.gt("a"))).no_wait().load::<String>(conn)?,
                locked(words.into_boxed().filter(tags::word.eq("a"))).load::<String>(conn)?,
                locked(tags::table).load::<(String, i32, Option<String>)>(conn)?.len(),
            ))
        });
        let (all, first, last, boxed, whole) = found.await.unwrap();
        assert_eq!(
            (all, first, last),
            (vec!["a".into(), "b".into()], "a".into(), vec!["b".to_owned()]),
            "{}",
            db.describe()
        );
        assert_eq!((boxed, whole), (vec!["a".to_owned()], 2));
    }
}

#[tokio::test]
async fn twenty_counters_at_once_that_lock_their_row_count_to_twenty() {
    for db in both(TAGS).await {
        db.write(|conn| conn.batch_execute("INSERT INTO tags VALUES ('a', 0, NULL)")).await.unwrap();
        let count = || {
            db.write(|conn| {
                let row = tags::table.find("a");
                let uses: i32 = locked(row.select(tags::uses)).first(conn)?;
                diesel::update(row).set(tags::uses.eq(uses + 1)).execute(conn)
            })
        };
        futures_util::future::try_join_all((0..20).map(|_| count())).await.unwrap();
        assert_eq!(all_tags(&db).await, [tag("a", 20, None)], "{}", db.describe());
    }
}

#[tokio::test]
async fn a_date_and_time_is_the_same_on_both_and_in_the_order_of_time() {
    diesel::table! {
        use diesel::sql_types::{Integer, Nullable};
        use crate::DateTime;

        times (id) { id -> Integer, at -> DateTime, until -> Nullable<DateTime> }
    }
    let table = "CREATE TABLE times (id INTEGER PRIMARY KEY, at DATETIME(6) NOT NULL, until DATETIME(6))";
    for db in both(table).await {
        let at = |seconds: i64, micros: u64| {
            let epoch = std::time::SystemTime::UNIX_EPOCH + Duration::from_micros(micros);
            let span = Duration::from_secs(seconds.unsigned_abs());
            DateTime::from(if seconds < 0 { epoch - span } else { epoch + span })
        };
        let all = [at(-1, 0), at(0, 1), at(0, 500_000), at(951_782_400, 0), at(253_402_300_799, 999_999)];
        let rows = all.iter().enumerate().map(|(id, at)| {
            (times::id.eq(i32::try_from(id).unwrap()), times::at.eq(*at), times::until.eq((id > 0).then_some(*at)))
        });
        let rows = rows.collect::<Vec<_>>();
        db.write(move |conn| diesel::insert_into(times::table).values(&rows).execute(conn)).await.unwrap();
        type Row = (DateTime, Option<DateTime>);
        let read = db.read(|conn| times::table.order(times::at).select((times::at, times::until)).load::<Row>(conn));
        let expected = all.iter().enumerate().map(|(id, at)| (*at, (id > 0).then_some(*at))).collect::<Vec<_>>();
        assert_eq!(read.await.unwrap(), expected, "{}", db.describe());
        let later = db.read(move |conn| times::table.filter(times::at.gt(all[2])).count().get_result::<i64>(conn));
        assert_eq!(later.await.unwrap(), 2);
        let last = db.read(|conn| times::table.select(diesel::dsl::max(times::at)).first::<Option<DateTime>>(conn));
        assert_eq!(last.await.unwrap(), Some(all[4]));
    }
}

/// What the engines' own default writes.
#[tokio::test]
async fn the_time_that_the_database_sets_itself_is_read() {
    diesel::table! {
        use diesel::sql_types::Integer;
        use crate::DateTime;

        made (id) { id -> Integer, at -> DateTime }
    }
    for db in both("CREATE TABLE made (id INTEGER PRIMARY KEY, at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP)").await {
        db.write(|conn| diesel::insert_into(made::table).values(made::id.eq(1)).execute(conn)).await.unwrap();
        let at = db.read(|conn| made::table.select(made::at).first::<DateTime>(conn)).await.unwrap();
        let time = db.info().await.unwrap().unwrap().time;
        let read = std::time::SystemTime::from(at).duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs();
        assert!(i64::try_from(read).unwrap().abs_diff(time) < 120, "{at} {time}");
    }
}
