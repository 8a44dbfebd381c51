//! The program that the integration tests start, stop and kill: an application with every bad habit on a route of
//! its own, and a ledger of acknowledged writes.

use std::process::ExitCode;

use foobar::actix_web::{self, HttpRequest, HttpResponse, web};
use foobar::diesel::prelude::*;
use foobar::{App, Db, Error, Migrations, Server, diesel, embed_migrations};
use schema::ledger;

mod schema {
    foobar::diesel::table! {
        ledger (id) {
            id -> Integer,
            note -> Text,
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
            .route("/socket", web::get().to(socket))
            .route("/ledger", web::get().to(entries))
            .route("/ledger/{id}", web::put().to(enter));
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

async fn enter(db: web::Data<Db>, id: web::Path<i32>) -> Result<HttpResponse, Error> {
    let row = (ledger::id.eq(*id), ledger::note.eq("acknowledged"));
    db.write(move |conn| diesel::insert_into(ledger::table).values(row).execute(conn)).await?;
    Ok(HttpResponse::Created().finish())
}

async fn entries(db: web::Data<Db>) -> Result<String, Error> {
    let ids = db.read(|conn| ledger::table.select(ledger::id).order(ledger::id).load::<i32>(conn)).await?;
    Ok(ids.iter().map(|id| format!("{id}\n")).collect())
}

fn main() -> ExitCode {
    Server::new().app(Proving).run()
}
