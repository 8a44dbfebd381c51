//! The program whose start and stop the integration tests disturb. `STARTING_MIGRATIONS`, `STARTING_APP` and
//! `STARTING_QUERY` say what its start is like, `STARTING_TIER` what a tier of its own does, `STARTING_AS` how it is run.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use axum::{Router, extract::State, routing::get};
use foobar::actix_web::{rt, web};
use foobar::diesel::{self, dsl::sql, prelude::*, sql_types::BigInt};
use foobar::tiers::{BoxFuture, Readiness, Tier};
use foobar::{App, BoxError, Context, Migrations, Server, embed_migrations};

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
            "half" => Migrations::new(embed_migrations!("tests/programs/starting/half")),
            "mended" => Migrations::new(embed_migrations!("tests/programs/starting/mended")),
            "panic" => panic!("migrations with a bug"),
            _ => Migrations::new(embed_migrations!("tests/programs/migrations")),
        }
    }

    /// What `async fn start` is, for one that panics before it gives a future.
    fn start(&self, context: &Context) -> impl Future<Output = Result<(), BoxError>> + Send {
        let start = setting("STARTING_APP");
        assert_ne!(start, "panic at once", "a start with a bug");
        async move {
            match start.as_str() {
                "panic" => panic!("a start with a bug"),
                "error" => Err("the shop has no products".into()),
                "pause" => pause().await,
                "never" => never().await,
                "blocks" => blocks(),
                "query" => seed(context).await,
                "spawn" => spawn(context),
                _ => Ok(()),
            }
        }
    }
}

async fn never() -> Result<(), BoxError> {
    tracing::info!("begins, and does not end");
    std::future::pending().await
}

fn blocks() -> Result<(), BoxError> {
    tracing::info!("begins, and does not end");
    block()
}

fn block() -> ! {
    loop {
        std::thread::park();
    }
}

fn spawn(context: &Context) -> Result<(), BoxError> {
    context.spawn(std::future::pending());
    tracing::info!("has spawned what does not end");
    Ok(())
}

/// Longer than the test lets a query take.
async fn pause() -> Result<(), BoxError> {
    tokio::time::sleep(Duration::from_secs(1)).await; // time is what is tested
    Ok(())
}

async fn seed(context: &Context) -> Result<(), BoxError> {
    let query = setting("STARTING_QUERY");
    context.db()?.write(move |conn| diesel::sql_query(&query).execute(conn)).await?;
    Ok(())
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_default() // what is not set is as in every application
}

/// The same as a service of axum.
fn service(context: &Context) -> Router {
    Router::new().route("/", get(entries)).with_state(context.clone())
}

/// How many entries the ledger has.
async fn entries(State(context): State<Context>) -> Result<String, String> {
    let db = context.db().map_err(|error| error.to_string())?;
    let count = sql::<BigInt>("(SELECT COUNT(*) FROM ledger)");
    let entries = db.read(move |conn| diesel::select(count.clone()).get_result::<i64>(conn)).await;
    entries.map(|entries| format!("{entries} entries")).map_err(|error| error.to_string())
}

/// A tier with a bug, or one that ends late; whether its drain has begun.
struct Own(Context, String, AtomicBool);

impl Tier for Own {
    fn name(&self) -> &'static str {
        "own"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async {
            match self.1.as_str() {
                "panics at the start" => panic!("a tier with a bug"),
                "panics later" => drop(tokio::spawn(async { panic!("a task with a bug") })),
                "blocks a thread" => block_beside_another(&self.0),
                "blocks every thread" => (0..1000).for_each(|_| self.0.spawn(async { block() })),
                _ => {}
            }
            Ok(())
        })
    }

    fn failed(&self) -> BoxFuture<'_, BoxError> {
        match self.1.as_str() {
            "fails with a panic" => panic!("a tier with a bug"),
            _ => Box::pin(std::future::pending()),
        }
    }

    fn readiness(&self) -> Readiness {
        assert_ne!(self.1, "panics when it is asked", "a tier with a bug");
        Readiness::Ready
    }

    fn stopping(&self) {
        assert_ne!(self.1, "panics at the word of the stop", "a tier with a bug");
    }

    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        self.2.store(true, Relaxed);
        match self.1.as_str() {
            "panics at the drain" => panic!("a tier with a bug"),
            "blocks at the drain" => block(),
            "ends late" => Box::pin(tokio::time::sleep(LATE)), // time is what is tested
            _ => Box::pin(async {}),
        }
    }

    fn unfinished(&self) -> Option<String> {
        let has_begun = self.2.load(Relaxed);
        (self.1 == "ends late" && !has_begun).then(|| "an answer that does not count as done yet".to_owned())
    }
}

/// Longer than a server waits after a second signal for what would be cut off.
const LATE: Duration = Duration::from_millis(1500);

/// A task that blocks its thread until another one has run.
fn block_beside_another(context: &Context) {
    let (run, has_run) = mpsc::channel();
    context.spawn(async move {
        has_run.recv().expect("the other task says so");
        tracing::info!("another task has run beside the blocked one");
    });
    context.spawn(async move { run.send(()).expect("the blocked task waits for it") });
}

/// Says in one file which process it is, and waits for another.
fn wait_for_a_file() {
    std::fs::write("process.new", std::process::id().to_string()).expect("its folder can be written");
    std::fs::rename("process.new", "process").expect("the same");
    while !std::path::Path::new("go").exists() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// What `#[actix_web::main]` makes of a `main`.
fn inside_a_runtime() -> ExitCode {
    rt::System::new().block_on(async { Server::new().app(Starting).run() })
}

fn main() -> ExitCode {
    let tier = setting("STARTING_TIER");
    let server = match setting("STARTING_AS").as_str() {
        "service" => Server::new().service_with(service).migrations(Starting.migrations()),
        "actix main" => return inside_a_runtime(),
        _ => Server::new().app(Starting),
    };
    let make = move |context: &Context| -> Arc<dyn Tier> {
        if tier == "waits to be made" {
            wait_for_a_file();
        }
        Arc::new(Own(context.clone(), tier, AtomicBool::new(false)))
    };
    server.tier_with(make).run()
}
