//! Pauses and migrations while requests come, on each engine: each is answered, and each write is there once.

use std::time::Instant;

use foobar::diesel::sql_types::{BigInt, Text};
use foobar::diesel::{self, dsl, prelude::*};
use foobar::test::TestDb;
use foobar::{Db, Error, Migrations, Running, Server, embed_migrations, web};
use tokio::task::spawn_blocking;

use crate::support::load::{Connections, Lane, Load};
use crate::support::{PATIENCE, number_of, until};

fn first() -> Migrations {
    Migrations::new(embed_migrations!("tests/programs/steps/first"))
}

/// What the program that runs can live with: a column and an index more.
fn expand() -> Migrations {
    Migrations::new(embed_migrations!("tests/programs/steps/later"))
}

/// What it can live with as it does not name that column.
fn contract() -> Migrations {
    Migrations::new(embed_migrations!("tests/programs/steps/contract"))
}

async fn write(db: Db, body: String) -> Result<String, Error> {
    let length = body.len();
    db.write(move |conn| diesel::sql_query("INSERT INTO notes (body) VALUES (?)").bind::<Text, _>(&body).execute(conn))
        .await?;
    Ok(length.to_string())
}

async fn count(db: Db) -> Result<String, Error> {
    Ok(rows(&db).await?.to_string())
}

async fn rows(db: &Db) -> Result<i64, foobar::DbError> {
    db.read(|conn| diesel::select(dsl::sql::<BigInt>("(SELECT COUNT(*) FROM notes)")).get_result(conn)).await
}

async fn serve(database: &TestDb) -> Running {
    database.migrate(&first()).await.unwrap();
    let app = foobar::routes(|routes| {
        routes.route("/notes", web::get().to(count)).route("/notes", web::post().to(write));
    });
    let server = Server::new().app(app).set("database.url", database.url()).set("web.listen", "127.0.0.1:0");
    let limits = ["database.acquire_timeout", "database.lock_timeout", "database.query_timeout"];
    let server = limits.into_iter().fold(server, |server, limit| server.set(limit, "1m")); // on a busy machine nothing is refused
    server.set("web.access_log", "off").set("admin.listen", "off").start().await.unwrap()
}

fn load(running: &Running) -> Load {
    let is_number = |body: &[u8]| !body.is_empty() && body.iter().all(u8::is_ascii_digit);
    let lanes = [
        Lane::get("/notes", Connections::Kept, is_number),
        Lane::get("/notes", Connections::New, is_number),
        Lane::post("/notes", "", |body| body == b"10"),
        Lane::post("/notes", "Expect: 100-continue\r\n", |body| body == b"10"),
    ];
    let address = running.addresses()[0].to_string();
    Load::start(address.trim_start_matches("http://"), &lanes)
}

async fn loses_nothing(database: TestDb) {
    let running = serve(&database).await;
    let at_first = rows(&database).await.unwrap();
    let load = load(&running);
    database.migrate(&expand()).await.unwrap();
    for round in 0..number_of("FOOBAR_PAUSES", 5) {
        let paused = running.pause().await.unwrap();
        assert!(paused.is_quiet(), "{paused}");
        let before = rows(&database).await.unwrap();
        if round == 2 {
            assert_eq!(database.migrate(&contract()).await.unwrap().len(), 1);
        }
        let held = || running.status().gate.and_then(|gate| gate.pause).map(|pause| pause.held);
        until("requests are held", || held().filter(|held| *held > 1));
        assert_eq!(rows(&database).await.unwrap(), before, "nothing is written during a pause");
        assert!(running.resume().pause.is_some_and(|pause| pause.released > 1));
        until_written(&database, before).await;
    }
    let report = spawn_blocking(|| load.stop()).await.unwrap();
    report.assert_nothing_lost();
    let written = u64::try_from(rows(&database).await.unwrap() - at_first).unwrap();
    assert_eq!(written, report.answered_to("POST /notes"), "each write is there once");
    assert_eq!(running.stop().await, foobar::Stop::Drained);
}

/// Until more is written.
async fn until_written(database: &TestDb, before: i64) {
    let begun = Instant::now();
    while rows(database).await.unwrap() <= before {
        assert!(begun.elapsed() < PATIENCE, "nothing is written after a pause");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_and_migrations_lose_no_request_on_sqlite() {
    loses_nothing(TestDb::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_and_migrations_lose_no_request_on_mariadb() {
    loses_nothing(TestDb::mysql().await).await;
}
