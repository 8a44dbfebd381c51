use super::*;
use crate::actix_web::{Responder, web};
use crate::testing::Client;
use crate::{AppSettings, Runtime};
use actix_web::web::ServiceConfig;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use foobar_core::{BoxFuture, Readiness, Tier};
use foobar_db::Migrations;
use foobar_db::testing::TestDb;
use std::time::Instant;

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

    fn start<'a>(&'a self, db: Option<&'a Db>) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            let db = db.ok_or("a shop needs a database")?;
            let tea = (products::id.eq(1), products::name.eq("tea"));
            db.write(move |conn| diesel::insert_into(products::table).values(tea).execute(conn)).await?;
            Ok(())
        })
    }
}

async fn product(db: web::Data<Db>, id: web::Path<i32>) -> Result<impl Responder, crate::Error> {
    let id = id.into_inner();
    Ok(db.read(move |conn| products::table.find(id).select(products::name).first::<String>(conn)).await?)
}

async fn wrong(db: web::Data<Db>) -> Result<impl Responder, crate::Error> {
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

fn runtime(app: Shop, db: Option<Db>) -> Arc<Runtime<Shop>> {
    Arc::new(Runtime::new(app, db, &AppSettings::default()))
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
    assert_eq!(Chain(&*error).to_string(), "the application's own start failed: a shop needs a database");
}

#[tokio::test]
async fn an_application_waits_for_its_database_and_then_starts() {
    let test = TestDb::sqlite().await;
    let db = down(&test);
    let tier = runtime(good(), Some(db.clone()));
    let client = Client::of(Arc::clone(&tier) as Arc<dyn crate::AppTier>).await;
    assert_eq!(tier.readiness(), Readiness::not("waiting for the database"));
    let answer = client.get("/product/1").await;
    assert_eq!((answer.status().as_u16(), answer.header("retry-after")), (503, Some("1")));

    db.tier().start().await.unwrap();
    until(|| tier.readiness().is_ready()).await;
    assert_eq!(client.get("/product/1").await.text(), "tea");
}

#[tokio::test]
async fn a_migration_that_fails_after_the_wait_leaves_the_application_not_ready() {
    let test = TestDb::sqlite().await;
    let db = down(&test);
    let tier = runtime(broken(), Some(db.clone()));
    tier.start().await.unwrap();
    db.tier().start().await.unwrap();
    until(|| tier.readiness() != Readiness::not("waiting for the database")).await;
    assert!(tier.readiness().to_string().contains("2026-01-01-000000_misspelt"), "{}", tier.readiness());
}

#[tokio::test]
async fn a_drain_ends_the_wait() {
    let test = TestDb::sqlite().await;
    let tier = runtime(good(), Some(down(&test)));
    tier.start().await.unwrap();
    assert_eq!(Arc::strong_count(&tier.hosted), 2, "the runtime and the task that waits");
    tier.drain(Instant::now()).await;
    until(|| Arc::strong_count(&tier.hosted) == 1).await;
}
