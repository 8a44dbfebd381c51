//! One program of a hundred statements, which gives the same on both engines.

use std::fmt::Debug;

use diesel::dsl::{avg, count_star, exists, max, min, not, sql, sum};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use super::*;

diesel::table! { users (id) { id -> BigInt, name -> Text, city -> Nullable<Text>, age -> Integer, hits -> BigInt } }
diesel::table! { posts (id) { id -> BigInt, user_id -> BigInt, title -> Text, score -> Double, public -> Bool } }
diesel::table! { files (id) { id -> Integer, bytes -> Binary, weight -> Float, small -> SmallInt, data -> Json } }
diesel::table! { shifts (id) { id -> BigInt, day -> Integer } }
diesel::joinable!(posts -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(users, posts);

#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Identifiable, Insertable, AsChangeset)]
#[diesel(table_name = users)]
struct User {
    id: i64,
    name: String,
    city: Option<String>,
    age: i32,
    hits: i64,
}

#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Identifiable, Associations, Insertable)]
#[diesel(table_name = posts, belongs_to(User))]
struct Post {
    id: i64,
    user_id: i64,
    title: String,
    score: f64,
    public: bool,
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct Move {
    city: Option<Option<String>>,
    age: Option<i32>,
}

#[derive(Debug, QueryableByName)]
#[diesel(table_name = users)]
#[expect(dead_code, reason = "it is printed")]
struct Named {
    id: i64,
    name: String,
}

/// What each statement gave, as it is printed.
#[derive(Default)]
struct Results(Vec<String>);

impl Results {
    fn note<T: Debug>(&mut self, outcome: QueryResult<T>) {
        self.0.push(match outcome {
            Ok(value) => format!("{value:?}"),
            Err(DatabaseError(kind, _)) => format!("{kind:?}"),
            Err(error) => format!("{error:?}"),
        });
    }
}

fn tables(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => {
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, city TEXT, \
                age INTEGER NOT NULL DEFAULT 18, hits BIGINT NOT NULL DEFAULT 0);
            CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id BIGINT NOT NULL REFERENCES users (id), \
                title TEXT NOT NULL, score DOUBLE NOT NULL CHECK (score >= 0), public BOOLEAN NOT NULL);
            CREATE TABLE files (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL, weight FLOAT NOT NULL, \
                small SMALLINT NOT NULL, data JSON NOT NULL);
            CREATE TABLE shifts (id INTEGER PRIMARY KEY, day INTEGER NOT NULL)"
        }
        Engine::Mysql => {
            "CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) NOT NULL UNIQUE, \
                city VARCHAR(50), age INTEGER NOT NULL DEFAULT 18, hits BIGINT NOT NULL DEFAULT 0);
            CREATE TABLE posts (id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id BIGINT NOT NULL, \
                title VARCHAR(50) NOT NULL, score DOUBLE NOT NULL CHECK (score >= 0), public BOOLEAN NOT NULL, \
                FOREIGN KEY (user_id) REFERENCES users (id));
            CREATE TABLE files (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL, weight FLOAT NOT NULL, \
                small SMALLINT NOT NULL, data JSON NOT NULL);
            CREATE TABLE shifts (id BIGINT AUTO_INCREMENT PRIMARY KEY, day INTEGER NOT NULL)"
        }
    }
}

fn user(id: i64, name: &str, city: Option<&str>, age: i32) -> User {
    User { id, name: name.to_owned(), city: city.map(str::to_owned), age, hits: 0 }
}

fn post(id: i64, user_id: i64, title: &str, score: f64) -> Post {
    Post { id, user_id, title: title.to_owned(), score, public: id % 2 == 0 }
}

fn inserts(conn: &mut Conn, results: &mut Results) {
    let insert = || diesel::insert_into(users::table);
    let by_name = |name: &'static str| (users::name.eq(name), users::age.eq(30));
    results.note(insert().values(user(1, "Ann", Some("Bonn"), 30)).execute(conn));
    results.note(insert().values(&user(2, "Bob", None, 40)).execute(conn));
    results.note(insert().values(vec![user(3, "Cid", Some("Bonn"), 50), user(4, "Dan", None, 20)]).execute(conn));
    results.note(insert().values(&vec![user(5, "Eve", Some("Rome"), 60)]).execute(conn));
    results.note(insert().values(&[user(6, "Fay", None, 25), user(7, "Gus", None, 26)]).execute(conn));
    results.note(insert().values([by_name("Hal"), by_name("Ida")]).execute(conn));
    results.note(insert().values((users::name.eq("Joe"), None::<diesel::dsl::Eq<users::age, i32>>)).execute(conn));
    results.note(insert_returning_id(conn, insert().values(by_name("Kim"))));
    results.note(insert_returning_id(conn, insert().values(user(20, "Leo", None, 1))));
    results.note(insert().values(by_name("Ann")).execute(conn));
    let ignoring = || diesel::insert_or_ignore_into(users::table);
    results.note(ignoring().values(by_name("Ann")).execute(conn)); // MySQL gives it a number all the same
    results.note(ignoring().values(vec![user(22, "Ann", None, 1), user(21, "Max", None, 30)]).execute(conn));
    results.note(diesel::replace_into(users::table).values(user(30, "Ned", None, 9)).execute(conn));
    results.note(diesel::insert_into(shifts::table).default_values().execute(conn));
    results.note(diesel::insert_into(shifts::table).values(shifts::day.eq(3)).execute(conn));
    let ages = users::table.filter(users::age.gt(45)).select(users::age);
    results.note(ages.insert_into(shifts::table).into_columns(shifts::day).execute(conn));
    let posts =
        vec![post(1, 1, "one", 1.5), post(2, 1, "two", 0.0), post(3, 2, "three", 2.25), post(4, 5, "four", 8.0)];
    results.note(diesel::insert_into(posts::table).values(&posts).execute(conn));
    results.note(diesel::insert_into(posts::table).values(post(5, 999, "nobody's", 1.0)).execute(conn));
    results.note(diesel::insert_into(posts::table).values(post(6, 1, "negative", -1.0)).execute(conn));
    let file = |id: i32| {
        let data = serde_json::json!({"id": id, "tags": ["a", "ü"], "none": null});
        let bytes = vec![0_u8, 255, 39];
        (
            files::id.eq(id),
            files::bytes.eq(bytes),
            files::weight.eq(0.5_f32),
            files::small.eq(-7_i16),
            files::data.eq(data),
        )
    };
    results.note(diesel::insert_into(files::table).values(vec![file(1), file(2)]).execute(conn));
}

fn queries(conn: &mut Conn, results: &mut Results) {
    let by_id = users::table.order(users::id);
    let names = by_id.select(users::name);
    results.note(by_id.load::<User>(conn));
    results.note(by_id.select(User::as_select()).load(conn));
    results.note(names.load::<String>(conn));
    results.note(names.first::<String>(conn));
    results.note(users::table.find(2).first::<User>(conn));
    results.note(users::table.find(99).first::<User>(conn));
    results.note(users::table.find(99).first::<User>(conn).optional());
    results.note(names.filter(users::city.is_null()).load::<String>(conn));
    results.note(names.filter(users::city.eq("Bonn").or(users::age.lt(10))).load::<String>(conn));
    results.note(names.filter(users::age.between(20, 30)).load::<String>(conn));
    results.note(names.filter(users::name.like("%a%")).load::<String>(conn));
    results.note(names.filter(users::id.eq_any([1_i64, 3, 5])).load::<String>(conn));
    results.note(names.filter(users::id.ne_all(vec![1_i64, 3, 5])).load::<String>(conn));
    results.note(names.filter(users::id.eq_any(Vec::<i64>::new())).load::<String>(conn));
    results.note(names.filter(not(users::age.gt(20))).load::<String>(conn));
    results.note(names.limit(2).load::<String>(conn));
    results.note(names.limit(2).offset(2).load::<String>(conn));
    results.note(users::table.select(users::city).distinct().order(users::city).load::<Option<String>>(conn));
    results.note(users::table.order((users::city.desc(), users::id.desc())).select(users::id).load::<i64>(conn));
}

fn groups_and_joins(conn: &mut Conn, results: &mut Results) {
    let names = users::table.order(users::id).select(users::name);
    results.note(users::table.count().get_result::<i64>(conn));
    results.note(users::table.select(count_star()).first::<i64>(conn));
    results.note(users::table.select((min(users::age), max(users::age))).first::<(Option<i32>, Option<i32>)>(conn));
    results.note(posts::table.select(sum(posts::score)).first::<Option<f64>>(conn));
    results.note(posts::table.select(avg(posts::score)).first::<Option<f64>>(conn));
    let by_city = users::table.group_by(users::city).order(users::city);
    results.note(by_city.select((users::city, count_star())).load::<(Option<String>, i64)>(conn));
    let crowded = by_city.having(count_star().gt(1)).select((users::city, max(users::age)));
    results.note(crowded.load::<(Option<String>, Option<i32>)>(conn));
    let joined = users::table.inner_join(posts::table).order(posts::id);
    results.note(joined.select((users::name, posts::title)).load::<(String, String)>(conn));
    results.note(joined.select((User::as_select(), Post::as_select())).load::<(User, Post)>(conn));
    let left = users::table.left_join(posts::table).order((users::id, posts::id));
    results.note(left.select((users::name, posts::title.nullable())).load::<(String, Option<String>)>(conn));
    let has_post = exists(posts::table.filter(posts::user_id.eq(users::id)));
    results.note(names.filter(has_post).load::<String>(conn));
    results.note(diesel::select(exists(users::table.filter(users::name.eq("Bob")))).get_result::<bool>(conn));
    results.note(names.filter(users::id.eq_any(posts::table.select(posts::user_id))).load::<String>(conn));
}

fn other_queries(conn: &mut Conn, results: &mut Results) {
    let names = users::table.order(users::id).select(users::name);
    let mut boxed = users::table.into_boxed().order(users::id);
    boxed = boxed.filter(users::age.ge(30)).limit(3).offset(1);
    results.note(boxed.select(users::name).load::<String>(conn));
    results.note(users::table.select(users::age * 2 + 1).order(users::id).limit(2).load::<i32>(conn));
    let ann = users::table.find(1).select(User::as_select()).first(conn);
    results
        .note(ann.and_then(|ann| Post::belonging_to(&ann).order(posts::id).select(posts::title).load::<String>(conn)));
    let union = users::table.filter(users::id.eq(1)).select(users::name);
    let others = users::table.filter(users::id.le(2)).select(users::name);
    results.note(union.union(others).load::<String>(conn).map(sorted));
    results.note(union.union_all(others).load::<String>(conn).map(sorted));
    results.note(names.filter(users::city.is_not_null().and(users::age.ne(30))).get_results::<String>(conn));
    results.note(files::table.order(files::id).load::<(i32, Vec<u8>, f32, i16, serde_json::Value)>(conn));
    results.note(posts::table.filter(posts::public.eq(true)).select(posts::id).order(posts::id).load::<i64>(conn));
    results.note(diesel::sql_query("SELECT id, name FROM users WHERE id = ?").bind::<BigInt, _>(3).load::<Named>(conn));
    results.note(names.filter(users::name.not_like("%a%")).load::<String>(conn));
    results.note(names.filter(users::age.ne(30)).or_filter(users::id.eq(1)).load::<String>(conn));
    results.note(names.filter(users::age.not_between(20, 40)).load::<String>(conn));
    results.note(users::table.select((users::id, users::name)).order(users::name.asc()).load::<(i64, String)>(conn));
    results.note(posts::table.order((posts::score.desc(), posts::id)).select(posts::id).limit(1).first::<i64>(conn));
    results.note(users::table.filter(users::id.eq(1)).filter(users::name.eq("Ann")).count().first::<i64>(conn));
    results.note(diesel::select(sql::<Text>("UPPER('x')")).get_result::<String>(conn));
    results.note(names.filter(sql::<Bool>("LENGTH(name) > ").bind::<BigInt, _>(2)).first::<String>(conn));
    results.note(locked(names.filter(users::id.lt(3))).load::<String>(conn));
    results.note(locked(names).skip_locked().first::<String>(conn));
    results.note(locked(names.filter(users::id.gt(20))).no_wait().load::<String>(conn));
}

fn sorted(mut found: Vec<String>) -> Vec<String> {
    found.sort();
    found
}

fn changes(conn: &mut Conn, results: &mut Results) {
    let ann = users::table.find(1);
    results.note(diesel::update(ann).set(users::age.eq(31)).execute(conn));
    results
        .note(diesel::update(ann).set((users::age.eq(users::age + 1), users::city.eq(None::<String>))).execute(conn));
    results.note(diesel::update(ann).set(users::age.eq(32)).execute(conn));
    results.note(diesel::update(users::table.find(99)).set(users::age.eq(1)).execute(conn));
    results.note(diesel::update(ann).set(Move { city: Some(None), age: None }).execute(conn));
    results.note(diesel::update(ann).set(Move { city: None, age: None }).execute(conn));
    results.note(diesel::update(ann).set(Move { city: Some(Some("Kiel".to_owned())), age: Some(33) }).execute(conn));
    results.note(diesel::update(users::table.filter(users::age.gt(45))).set(users::hits.eq(9)).execute(conn));
    results.note(diesel::update(users::table.find(2)).set(users::name.eq("Ann")).execute(conn));
    results.note(user(2, "Bo", Some("Ulm"), 41).save_changes::<User>(conn));
    results.note(user(98, "Xi", None, 1).save_changes::<User>(conn));
    let new = (users::name.eq("Ann"), users::age.eq(70));
    let set = (users::hits.eq(users::hits + 1), users::age.eq(incoming(users::age)));
    results.note(upsert(diesel::insert_into(users::table).values(new)).on(users::name).set(set).execute(conn));
    let several = vec![(users::name.eq("Ann"), users::age.eq(1)), (users::name.eq("Oda"), users::age.eq(2))];
    let set = users::hits.eq(users::hits + 10);
    results.note(upsert(diesel::insert_into(users::table).values(several)).on(users::name).set(set).execute(conn));
    results.note(
        users::table.filter(users::name.eq_any(["Ann", "Oda"])).order(users::age).load::<User>(conn).map(without_id),
    );
    results.note(diesel::replace_into(users::table).values(user(30, "Ned", Some("Ulm"), 10)).execute(conn).map(|_| ()));
    results.note(users::table.find(30).first::<User>(conn));
    let data = serde_json::json!([1, 2.5, "x"]);
    results.note(diesel::update(files::table.find(1)).set(files::data.eq(data)).execute(conn));
    results.note(files::table.find(1).select(files::data).first::<serde_json::Value>(conn));
    results.note(conn.transaction(|conn| {
        diesel::delete(posts::table).execute(conn)?;
        Err::<(), _>(diesel::result::Error::RollbackTransaction)
    }));
    results.note(conn.transaction(|conn| diesel::update(posts::table.find(1)).set(posts::title.eq("1")).execute(conn)));
    results.note(posts::table.select(posts::title).order(posts::id).load::<String>(conn));
    results.note(diesel::delete(users::table.find(1)).execute(conn));
    results.note(diesel::delete(posts::table.filter(posts::user_id.eq(1))).execute(conn));
    results.note(diesel::delete(users::table.find(1)).execute(conn));
    results.note(diesel::delete(users::table.find(1)).execute(conn));
    results.note(diesel::delete(users::table.filter(users::city.is_null())).execute(conn));
    results.note(diesel::update(posts::table).set(posts::score.eq(posts::score * 2.0)).execute(conn));
    results.note(posts::table.select((posts::id, posts::score)).order(posts::id).load::<(i64, f64)>(conn));
    results.note(diesel::sql_query("UPDATE users SET hits = 1 WHERE id = ?").bind::<BigInt, _>(3).execute(conn));
    results.note(conn.batch_execute("DELETE FROM files; DELETE FROM shifts"));
    results.note(files::table.count().get_result::<i64>(conn));
    results.note(users::table.order(users::name).load::<User>(conn).map(without_id));
}

/// The number that an engine gives next is its own.
fn without_id(users: Vec<User>) -> Vec<User> {
    users.into_iter().map(|user| User { id: 0, ..user }).collect()
}

/// What the statements come to that are to fail; all others give rows or numbers.
const FAILURES: [&str; 10] = [
    "UniqueViolation",
    "NotNullViolation",
    "ForeignKeyViolation",
    "CheckViolation",
    "NotFound",
    "QueryBuilderError(EmptyChangeset)",
    "UniqueViolation",
    "NotFound",
    "RollbackTransaction",
    "ForeignKeyViolation",
];

#[tokio::test]
async fn a_program_of_a_hundred_statements_gives_the_same_on_both_engines() {
    let mut both = Vec::new();
    for db in [TestDb::sqlite().await, TestDb::mysql().await] {
        let tables = tables(db.engine());
        db.write(move |conn| conn.batch_execute(tables)).await.unwrap();
        let results = db.write(|conn| {
            let mut results = Results::default();
            inserts(conn, &mut results);
            queries(conn, &mut results);
            groups_and_joins(conn, &mut results);
            other_queries(conn, &mut results);
            changes(conn, &mut results);
            Ok(results.0)
        });
        both.push(results.await.unwrap());
    }
    assert!(both[0].len() >= 100, "{} statements", both[0].len());
    let [sqlite, mysql] = [&both[0], &both[1]];
    for (number, (sqlite, mysql)) in sqlite.iter().zip(mysql).enumerate() {
        assert_eq!(sqlite, mysql, "statement {number}");
    }
    assert_eq!(sqlite.len(), mysql.len());
    let failures = sqlite.iter().filter(|result| FAILURES.contains(&result.as_str()));
    assert_eq!(failures.collect::<Vec<_>>(), FAILURES.iter().collect::<Vec<_>>());
}
