//! The program that the integration tests start, stop and kill: an application with every bad habit on a route of
//! its own, and a ledger of acknowledged writes.

use std::convert::Infallible;
use std::process::ExitCode;

use foobar::actix_web::{self, HttpRequest, HttpResponse, Responder};
use foobar::diesel::prelude::*;
use foobar::request::EarlyHints;
use foobar::sse::Event;
use foobar::web::ReqData;
use foobar::{App, Conn, Db, Error, Migrations, QueryResult, Server, Stopping, diesel, embed_migrations, web};
use futures_util::{StreamExt, stream};
use schema::{counters, ledger};

mod schema {
    foobar::diesel::table! {
        ledger (id) {
            id -> Integer,
            note -> Text,
        }
    }
    foobar::diesel::table! {
        counters (id) {
            id -> Integer,
            times -> Integer,
        }
    }
}

struct Proving;

impl App for Proving {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes
            .route("/", web::get().to(async || "proving"))
            .route("/panic", web::get().to(panics))
            .route("/stray", web::get().to(panics_elsewhere))
            .route("/unavailable", web::get().to(HttpResponse::ServiceUnavailable))
            .route("/broken/{n}", web::get().to(fails))
            .route("/noise/{n}", web::get().to(logs))
            .route("/forever", web::get().to(std::future::pending::<HttpResponse>))
            .route("/echo", web::post().to(async |body: web::Payload| HttpResponse::Ok().streaming(body)))
            .route("/length", web::post().to(async |body: web::Bytes| body.len().to_string()))
            .route("/bytes/{n}", web::get().to(async |n: web::Path<usize>| vec![b'x'; *n]))
            .route("/events", web::get().to(events))
            .route("/silent", web::get().to(silent))
            .route("/late/{id}", web::put().to(enter_late))
            .route("/forever", web::post().to(wait_for_ever))
            .route("/empty", web::get().to(HttpResponse::NoContent))
            .route("/cookie", web::get().to(cookies))
            .route("/json", web::get().to(async || web::Json(["a", "b"])))
            .route("/accel/{path:.*}", web::get().to(hands_over))
            .route("/small/x", web::post().to(async |body: web::Bytes| body.len().to_string()))
            .route("/socket", web::get().to(socket))
            .route("/ledger", web::get().to(entries))
            .route("/ledger/{id}", web::get().to(entry))
            .route("/ledger/{id}", web::put().to(enter))
            .route("/ledger/{id}/{manner}", web::put().to(enter_in_a_manner))
            .route("/endless", web::get().to(read_for_ever))
            .route("/endless/{word}", web::get().to(read_for_ever_with));
    }

    fn migrations(&self) -> Migrations {
        Migrations::new(embed_migrations!("tests/programs/migrations"))
    }
}

async fn panics() -> HttpResponse {
    panic!("a handler with a bug");
}

async fn panics_elsewhere() -> &'static str {
    drop(std::thread::spawn(|| panic!("a thread with a bug")).join()); // it has panicked
    "a thread has panicked"
}

/// The fields `Cookie` as they came, each on a line.
async fn cookies(request: HttpRequest) -> String {
    let fields = request.headers().get_all("cookie").map(|field| String::from_utf8_lossy(field.as_bytes()));
    fields.collect::<Vec<_>>().join("\n")
}

/// Lets the web tier answer in its place.
async fn hands_over(path: web::Path<String>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("x-accel-redirect", format!("/{path}"))).finish()
}

/// No two of its errors are alike.
async fn fails(n: web::Path<usize>) -> Result<HttpResponse, Error> {
    Err(Error::internal(format!("broken {n}")))
}

/// By both ways, each time the same.
async fn logs(n: web::Path<usize>) -> &'static str {
    tracing::info!(path = *n, "told by tracing");
    log::warn!("told by log");
    "told"
}

/// Sends back each text, and says goodbye at the end.
async fn socket(request: HttpRequest, body: web::Payload) -> actix_web::Result<HttpResponse> {
    let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(async move {
        while let Some(Ok(message)) = messages.recv().await {
            if matches!(message, actix_ws::Message::Close(_)) {
                break;
            }
            if let actix_ws::Message::Text(text) = message
                && session.text(text).await.is_err()
            {
                return;
            }
        }
        drop(session.close(None).await); // the client may have gone
    });
    Ok(response)
}

async fn enter(db: Db, id: web::Path<i32>) -> Result<HttpResponse, Error> {
    db.write(move |conn| insert(conn, *id, "acknowledged")).await?;
    Ok(HttpResponse::Created().finish())
}

/// Tells that it has the request, and enters once the server stops.
async fn enter_late(
    db: Db,
    id: web::Path<i32>,
    hints: ReqData<EarlyHints>,
    stopping: Stopping,
) -> Result<HttpResponse, Error> {
    hints.send(["</>; rel=preload"])?;
    stopping.await;
    enter(db, id).await
}

/// Tells that it has the request, and nothing more.
async fn wait_for_ever(hints: ReqData<EarlyHints>) -> Result<HttpResponse, Error> {
    hints.send(["</>; rel=preload"])?;
    std::future::pending().await
}

/// Says goodbye when the server stops.
async fn events(stopping: Stopping) -> impl Responder {
    let begun = stream::iter([Event::new("begun")]);
    foobar::sse(begun.chain(stream::once(stopping).map(|()| Event::new("goodbye"))).chain(stream::pending()))
}

/// Says nothing more, not even when the server stops.
async fn silent() -> HttpResponse {
    let begun = stream::iter([Ok::<_, Infallible>(web::Bytes::from_static(b"data: begun\n\n"))]);
    HttpResponse::Ok().streaming(begun.chain(stream::pending()))
}

/// How a write goes about it.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Manner {
    /// In several statements, which the row shows until the last.
    Stepwise,
    /// Collides with others of its kind.
    Contended,
    /// 60,000 bytes.
    Bulky,
    /// Never comes to its end.
    Endless,
}

async fn enter_in_a_manner(db: Db, path: web::Path<(i32, Manner)>) -> Result<HttpResponse, Error> {
    let (id, manner) = path.into_inner();
    let write = db.write(move |conn| match manner {
        Manner::Stepwise => insert_stepwise(conn, id),
        Manner::Contended => insert_and_count(conn, id),
        Manner::Bulky => insert(conn, id, &"acknowledged".repeat(5000)),
        Manner::Endless => {
            let insert = format!("INSERT INTO ledger (id, note) {}", endless(&format!("{id}, MAX('endless')")));
            diesel::sql_query(insert).execute(conn).map(drop)
        }
    });
    write.await?;
    Ok(HttpResponse::Created().finish())
}

fn insert(conn: &mut Conn, id: i32, note: &str) -> QueryResult<()> {
    let row = (ledger::id.eq(id), ledger::note.eq(note));
    diesel::insert_into(ledger::table).values(row).execute(conn).map(drop)
}

fn insert_stepwise(conn: &mut Conn, id: i32) -> QueryResult<()> {
    insert(conn, id, "half done")?;
    ledger::table.filter(ledger::id.eq(id)).count().get_result::<i64>(conn)?;
    let row = ledger::table.filter(ledger::id.eq(id));
    diesel::update(row).set(ledger::note.eq("acknowledged")).execute(conn).map(drop)
}

/// Counts in both counters, in an order that half of the others have the other way round.
fn insert_and_count(conn: &mut Conn, id: i32) -> QueryResult<()> {
    let first = 1 + id % 2;
    count(conn, first)?;
    insert(conn, id, "counted")?;
    count(conn, 3 - first)
}

fn count(conn: &mut Conn, counter: i32) -> QueryResult<()> {
    let counter = counters::table.find(counter);
    diesel::update(counter).set(counters::times.eq(counters::times + 1)).execute(conn).map(drop)
}

/// A query that comes to its end in some years.
fn endless(columns: &str) -> String {
    let digits = (1..10).map(|digit| format!(" UNION ALL SELECT {digit}")).collect::<String>();
    let places = (1..=16).map(|place| format!("digits d{place}")).collect::<Vec<_>>().join(", ");
    format!("WITH digits(n) AS (SELECT 0{digits}) SELECT {columns} FROM {places}")
}

async fn read_for_ever(db: Db) -> Result<HttpResponse, Error> {
    db.read(|conn| diesel::sql_query(endless("MAX(d1.n)")).execute(conn)).await?;
    Ok(HttpResponse::Ok().finish())
}

/// The same with a value.
async fn read_for_ever_with(db: Db, word: web::Path<String>) -> Result<HttpResponse, Error> {
    let query = diesel::sql_query(endless("MAX(d1.n), ?"));
    db.read(move |conn| query.clone().bind::<diesel::sql_types::Text, _>(&*word).execute(conn)).await?;
    Ok(HttpResponse::Ok().finish())
}

async fn entry(db: Db, id: web::Path<i32>) -> Result<String, Error> {
    let note = ledger::table.filter(ledger::id.eq(*id)).select(ledger::note);
    Ok(db.read(move |conn| note.first(conn)).await?)
}

async fn entries(db: Db) -> Result<String, Error> {
    let ids = db.read(|conn| ledger::table.select(ledger::id).order(ledger::id).load::<i32>(conn)).await?;
    Ok(ids.iter().map(|id| format!("{id}\n")).collect())
}

fn main() -> ExitCode {
    Server::new().app(Proving).cross_site("/echo").run()
}
