//! A program with a name, settings of its own, and a form that is shown again with what is wrong in it.
//!
//! Run with: cargo run --example guestbook
//! Its settings: cargo run --example guestbook -- config --reference

mod entry;
mod pages;
mod picture;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use foobar::config::Secret;
use foobar::{App, Context, Error, Migrations, Server, embed_migrations, web};

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

/// Where the pictures are kept.
const PICTURES: &str = "pictures";

fn main() -> ExitCode {
    // A private folder has to be there before the start.
    if let Err(error) = std::fs::create_dir_all(PICTURES) {
        eprintln!("error: the folder {PICTURES} cannot be made: {error}");
        return ExitCode::FAILURE;
    }
    server().run()
}

fn server() -> Server {
    Server::new()
        .name("guestbook", env!("CARGO_PKG_VERSION"))
        .config_name("guestbook")
        .defaults(include_str!("guestbook.toml"))
        .settings::<Guestbook>("guestbook")
        .private(picture::ROUTE, PICTURES)
        .app(Entries)
}

struct Entries;

impl App for Entries {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes
            .service(web::resource("/").get(pages::entries).post(pages::sign))
            .service(web::resource("/entries/{id}/picture").get(pages::picture))
            .service(web::resource("/moderation").get(moderation));
    }

    fn migrations(&self) -> Migrations {
        Migrations::none()
            .sqlite(embed_migrations!("examples/guestbook/migrations/sqlite"))
            .mysql(embed_migrations!("examples/guestbook/migrations/mysql"))
    }
}

/// What belongs to no request has the settings by the context.
async fn moderation(context: Context) -> Result<&'static str, Error> {
    let guestbook = context.settings::<Guestbook>()?;
    Ok(if guestbook.password.is_some() { "moderated\n" } else { "not moderated\n" })
}
