//! A program with a name, a configuration and a section of its own.
//!
//! Run with: cargo run --example guestbook
//! Its settings: cargo run --example guestbook -- config --reference

use std::process::ExitCode;

use foobar::config::Secret;
use foobar::{Context, Error, Server, Settings, web};

foobar::settings! {
    /// What the guestbook is told.
    pub struct Guestbook {
        /// The words above it.
        pub title: String,
        /// How many entries a page has. More than 100 are too many to read.
        pub per_page: u32 = 20,
        /// The password of the moderators; without it nobody moderates.
        pub password: Option<Secret>,
    }
}

async fn entries(guestbook: Settings<Guestbook>) -> String {
    format!("{}: {} on each page\n", guestbook.title, guestbook.per_page)
}

/// What belongs to no request has the settings by the context.
async fn moderation(context: Context) -> Result<&'static str, Error> {
    let guestbook = context.settings::<Guestbook>()?;
    Ok(if guestbook.password.is_some() { "moderated\n" } else { "not moderated\n" })
}

fn main() -> ExitCode {
    Server::new()
        .name("guestbook", env!("CARGO_PKG_VERSION"))
        .config_name("guestbook")
        .defaults(include_str!("guestbook.toml"))
        .settings::<Guestbook>("guestbook")
        .app(foobar::routes(|routes| {
            routes.route("/", web::get().to(entries)).route("/moderation", web::get().to(moderation));
        }))
        .run()
}
