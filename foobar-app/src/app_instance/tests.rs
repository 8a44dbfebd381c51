use super::*;
use crate::actix_web::{Responder, web};
use crate::testing::{Client, TestDb};
use crate::{AppSettings, Db, Runtime};
use actix_web::web::ServiceConfig;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use foobar_core::{Readiness, Tier};
use foobar_db::Migrations;
use std::future::pending;

diesel::table! {
    products (id) {
        id -> Integer,
        name -> Text,
    }
}

/// A shop with one product, which its start adds.
struct Shop(Migrations);

impl App for Shop {
    fn routes(&self, routes: &mut ServiceConfig) {
        routes.route("/product/{id}", web::get().to(product)).route("/wrong", web::get().to(wrong));
    }

    fn migrations(&self) -> Migrations {
        self.0.clone()
    }

    async fn start(&self, context: &Context) -> Result<(), BoxError> {
        let tea = (products::id.eq(1), products::name.eq("tea"));
        context.db()?.write(move |conn| diesel::insert_into(products::table).values(tea).execute(conn)).await?;
        Ok(())
    }
}

async fn product(db: Db, id: web::Path<i32>) -> Result<impl Responder, crate::Error> {
    let id = id.into_inner();
    Ok(db.read(move |conn| products::table.find(id).select(products::name).first::<String>(conn)).await?)
}

async fn wrong(db: Db) -> Result<impl Responder, crate::Error> {
    db.write(|conn| diesel::sql_query("SELECT secret FROM nowhere").execute(conn)).await?;
    Ok("this cannot be")
}

const GOOD: EmbeddedMigrations = embed_migrations!("tests/migrations/good");
const BROKEN: EmbeddedMigrations = embed_migrations!("tests/migrations/broken");

fn good() -> Shop {
    Shop(Migrations::new(GOOD))
}

fn broken() -> Shop {
    Shop(Migrations::new(BROKEN))
}

fn runtime<A: App>(app: A, db: Option<Db>) -> Arc<Runtime<A>> {
    Arc::new(Runtime::new(app, db, &AppSettings::default()))
}

/// With so much time for the application's own start.
fn hasty<A: App>(app: A, db: Option<Db>, start_timeout: &str) -> Arc<Runtime<A>> {
    let settings = AppSettings { start_timeout: start_timeout.parse().unwrap(), ..AppSettings::default() };
    Arc::new(Runtime::new(app, db, &settings))
}

/// An application without tables, whose start goes wrong.
enum Wrong {
    Panics,
    NeverEnds,
    /// It has a query that its deadline ends.
    AsksTooMuch,
}

impl App for Wrong {
    fn routes(&self, _: &mut ServiceConfig) {}

    async fn start(&self, context: &Context) -> Result<(), BoxError> {
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n";
        match self {
            Self::Panics => panic!("a bug"),
            Self::NeverEnds => pending().await,
            Self::AsksTooMuch => {
                context.db()?.write(move |conn| diesel::sql_query(endless).execute(conn)).await?;
                Ok(())
            }
        }
    }
}

/// A handle to the database whose tier has not been started: to its callers, a database that is down.
fn down(db: &TestDb) -> Db {
    Db::open(&db.settings()).expect("its URL is sound")
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn migrations_and_the_start_run_before_the_first_request() {
    let db = TestDb::sqlite().await;
    let client = Client::new(good(), Some((*db).clone())).await;
    assert_eq!(client.get("/product/1").await.text(), "tea");
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn on_mysql_too_migrations_and_the_start_run_before_the_first_request() {
    let db = TestDb::mysql().await;
    let client = Client::new(good(), Some((*db).clone())).await;
    assert_eq!(client.get("/product/1").await.text(), "tea");
}

#[tokio::test]
async fn a_database_error_in_a_handler_has_the_status_that_fits() {
    let db = TestDb::sqlite().await;
    let client = Client::new(good(), Some((*db).clone())).await;
    assert_eq!(client.get("/product/2").await.status(), 404);
    let wrong = client.get("/wrong").await;
    assert_eq!(wrong.status(), 500);
    assert!(!wrong.text().contains("nowhere"), "{wrong:?}");
    db.tier().drain(Instant::now()).await;
    let closed = client.get("/product/1").await;
    assert_eq!((closed.status().as_u16(), closed.header("retry-after")), (503, Some("1")));
}

#[tokio::test]
async fn a_failed_migration_stops_the_start_and_is_named() {
    let db = TestDb::sqlite().await;
    let error = runtime(broken(), Some((*db).clone())).start().await.unwrap_err();
    let message = Chain(&*error).to_string();
    assert!(message.contains("2026-01-01-000000_misspelt") && message.contains("TABEL"), "{message}");
}

#[tokio::test]
async fn a_failed_start_of_the_application_stops_the_server() {
    let error = runtime(good(), None).start().await.unwrap_err();
    assert_eq!(
        Chain(&*error).to_string(),
        "the application's own start failed: no database is configured; set `database.url`, for example to `sqlite:foobar.db`"
    );
}

#[tokio::test]
async fn a_panic_of_the_applications_start_stops_the_server() {
    let error = runtime(Wrong::Panics, None).start().await.unwrap_err();
    assert_eq!(Chain(&*error).to_string(), "the application's own start panicked: a bug");
}

#[tokio::test]
async fn a_start_that_takes_too_long_stops_the_server_and_names_its_setting() {
    let error = hasty(Wrong::NeverEnds, None, "20ms").start().await.unwrap_err();
    let expected = "the application's own start did not end within 20ms (`app.start_timeout`)";
    assert_eq!(Chain(&*error).to_string(), expected);
}

#[tokio::test]
async fn without_a_limit_a_start_may_take_any_time() {
    let tier = hasty(Wrong::NeverEnds, None, "0");
    assert!(timeout(Duration::from_millis(100), tier.start()).await.is_err());
    assert_eq!(tier.unfinished().as_deref(), Some("the application's own start"));
}

#[tokio::test]
async fn an_application_waits_for_its_database_and_then_starts() {
    let test = TestDb::sqlite().await;
    let db = down(&test);
    let tier = runtime(good(), Some(db.clone()));
    let client = Client::of(Arc::clone(&tier) as Arc<dyn crate::AppTier>).await;
    let reason = format!(
        "waiting for the database: the database {} could not be migrated: the database tier has not been started, or has \
         been drained",
        db.describe()
    );
    assert_eq!(tier.readiness(), Readiness::not(reason));
    let answer = client.get("/product/1").await;
    assert_eq!((answer.status().as_u16(), answer.header("retry-after")), (503, Some("1")));

    db.tier().start().await.unwrap();
    until(|| tier.readiness().is_ready()).await;
    assert_eq!(client.get("/product/1").await.text(), "tea");
    assert_eq!(tier.unfinished(), None);
}

/// What becomes of an application whose database is down at first.
async fn failure_after_a_wait(app: impl App, start_timeout: &str) -> String {
    let test = TestDb::sqlite().await;
    let db = down(&test);
    let tier = hasty(app, Some(db.clone()), start_timeout);
    tier.start().await.unwrap();
    db.tier().start().await.unwrap();
    let failure = Chain(&*tier.failed().await).to_string();
    assert_eq!(tier.readiness(), Readiness::not(failure.clone()));
    failure
}

#[tokio::test]
async fn what_cannot_pass_after_the_wait_is_the_failure_of_the_tier() {
    let migration = failure_after_a_wait(broken(), "0").await;
    let expected = " could not be migrated: migration `2026-01-01-000000_misspelt` failed: ";
    assert!(migration.starts_with("the database sqlite:") && migration.contains(expected), "{migration}");
    assert_eq!(failure_after_a_wait(Wrong::Panics, "0").await, "the application's own start panicked: a bug");
    let expected = "the application's own start did not end within 100ms (`app.start_timeout`)";
    assert_eq!(failure_after_a_wait(Wrong::NeverEnds, "100ms").await, expected);
}

#[tokio::test]
async fn a_query_that_its_deadline_ends_each_time_is_not_tried_for_ever() {
    let test = TestDb::sqlite().await;
    let mut settings = test.settings();
    settings.query_timeout = "300ms".parse().unwrap();
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    let name = db.describe();
    let tier = hasty(Wrong::AsksTooMuch, Some(db), "1s");
    tier.start().await.unwrap();
    let interrupted = format!(
        "a query of the application's own start took too long; divide it into shorter ones, or raise \
         `database.query_timeout`: the query on {name} did not end within 300ms (`database.query_timeout`)"
    );
    assert_eq!(tier.readiness(), Readiness::not(format!("waiting for the database: {interrupted}")));
    let expected = format!("the application's own start did not end within 1s (`app.start_timeout`): {interrupted}");
    assert_eq!(Chain(&*tier.failed().await).to_string(), expected);
}

#[tokio::test]
async fn a_drain_ends_the_wait() {
    let test = TestDb::sqlite().await;
    let tier = runtime(good(), Some(down(&test)));
    tier.start().await.unwrap();
    tier.drain(Instant::now() + Duration::from_secs(60)).await;
    assert_eq!(Arc::strong_count(&tier.instance), 2, "the runtime has it, and its start");
}
