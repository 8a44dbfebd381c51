//! A program with a tracing subscriber or a layer of its own. `LOGGING_AS` says which: `subscriber`, `layer`, `both`, or
//! `late`, for one that installs its subscriber when the log of Foobar is there already. It logs once more after the server.

use std::process::ExitCode;

use foobar::tracing_subscriber::layer::{Context as LayerContext, Layer};
use foobar::{App, BoxError, Context, Server, tracing_subscriber, web};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};

struct Logging;

impl App for Logging {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.route("/", web::get().to(told));
    }

    async fn start(&self, _context: &Context) -> Result<(), BoxError> {
        if choice() == "late" {
            tracing_subscriber::fmt().init();
        }
        Ok(())
    }
}

async fn told() -> &'static str {
    tracing::info!("told by a handler");
    "told"
}

/// Prints each event in a way of its own.
struct Printing;

impl<S: Subscriber> Layer<S> for Printing {
    fn on_event(&self, event: &Event<'_>, _: LayerContext<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        println!("the layer has seen: {}", message.0);
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

fn choice() -> String {
    std::env::var("LOGGING_AS").unwrap_or_default() // what is not set is as in every program
}

fn main() -> ExitCode {
    let choice = choice();
    if ["subscriber", "both"].contains(&choice.as_str()) {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_target(false)
            .with_ansi(false)
            .without_time()
            .init();
    }
    let server = Server::new().app(Logging);
    let server = if ["layer", "both"].contains(&choice.as_str()) { server.layer(Printing) } else { server };
    let exit = server.run();
    tracing::info!("told after the server");
    exit
}
