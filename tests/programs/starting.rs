//! The program whose start the integration tests disturb. `STARTING_MIGRATIONS`, `STARTING_APP` and `STARTING_QUERY` say
//! what its start is like.

use std::process::ExitCode;
use std::time::Duration;

use foobar::actix_web::web;
use foobar::diesel::{self, prelude::*};
use foobar::{App, BoxError, BoxFuture, Db, Migrations, Server, embed_migrations};

struct Starting;

impl App for Starting {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.route("/", web::get().to(async || "started"));
    }

    fn migrations(&self) -> Migrations {
        match setting("STARTING_MIGRATIONS").as_str() {
            "none" => Migrations::none(),
            "gate" => Migrations::none().mysql(embed_migrations!("tests/programs/starting/gate")),
            "endless" => Migrations::new(embed_migrations!("tests/programs/starting/endless")),
            "broken" => Migrations::new(embed_migrations!("tests/programs/starting/broken")),
            "panic" => panic!("migrations with a bug"),
            _ => Migrations::new(embed_migrations!("tests/programs/migrations")),
        }
    }

    fn start<'a>(&'a self, db: Option<&'a Db>) -> BoxFuture<'a, Result<(), BoxError>> {
        match setting("STARTING_APP").as_str() {
            "panic" => Box::pin(async { panic!("a start with a bug") }),
            "panic at once" => panic!("a start with a bug"),
            "error" => Box::pin(async { Err("the shop has no products".into()) }),
            "pause" => Box::pin(pause()),
            "never" => Box::pin(never()),
            "blocks" => Box::pin(async { blocks() }),
            "query" => Box::pin(seed(db)),
            _ => Box::pin(async { Ok(()) }),
        }
    }
}

async fn never() -> Result<(), BoxError> {
    tracing::info!("begins, and does not end");
    std::future::pending().await
}

fn blocks() -> Result<(), BoxError> {
    tracing::info!("begins, and does not end");
    loop {
        std::thread::park();
    }
}

/// Longer than the test lets a query take.
async fn pause() -> Result<(), BoxError> {
    tokio::time::sleep(Duration::from_secs(1)).await; // time is what is tested
    Ok(())
}

async fn seed(db: Option<&Db>) -> Result<(), BoxError> {
    let (db, query) = (db.ok_or("there is no database")?, setting("STARTING_QUERY"));
    db.write(move |conn| diesel::sql_query(&query).execute(conn)).await?;
    Ok(())
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_default() // what is not set is as in every application
}

fn main() -> ExitCode {
    Server::new().app(Starting).run()
}
