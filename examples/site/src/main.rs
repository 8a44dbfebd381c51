//! www.foobar.com, the site of a small company that sells products.
//!
//! Run with: cargo run --example site
//! Then open http://127.0.0.1:8080
//!
//! With MySQL: FOOBAR__DATABASE__URL=mysql://USER:PASSWORD@HOST/DATABASE cargo run --example site
//! In production: see `foobar.toml` and `deploy/` beside this folder, and README.md for what lies where.

mod accounts;
mod admin;
mod answer;
mod api;
mod contact;
mod content;
mod demo;
mod listing;
mod message;
mod pages;
mod product;
mod schema;
mod seed;
#[cfg(test)]
mod tests;
mod text;
mod visitor;

use std::process::ExitCode;

use foobar::{AccountOptions, App, BoxError, Context, Migrations, Server, Sessions, embed_migrations, web};

foobar::settings! {
    /// What the site has to know of where it is.
    pub struct Shop {
        /// Where visitors find it, without a slash at the end. Links in mail begin with it, so it is not taken from a
        /// request, whose `Host` is what a client says.
        pub origin: String = "http://127.0.0.1:8080",
        /// The address of whoever edits the pages: an account without a password until its owner asks for a link as if it
        /// were forgotten.
        pub administrator: Option<String>,
        /// Whether a database without any account gets two to try the site with; only a customer's where there is an
        /// `administrator`.
        pub demo_accounts: bool = true,
    }
}

fn main() -> ExitCode {
    server().run()
}

fn server() -> Server {
    server_with(AccountOptions::new(accounts::SIGN_IN)) // mail goes to the file `mail.txt`
}

fn server_with(accounts: AccountOptions) -> Server {
    Server::new()
        .preset("database.url", "sqlite:site.db")
        .public(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/site/public"))
        .settings::<Shop>("shop")
        .tier_with(foobar::every("10m", forget))
        .app(Site { accounts })
}

/// What is kept for a while only.
async fn forget(context: Context) -> Result<(), BoxError> {
    context.db()?.write(message::forget_senders).await?;
    Ok(())
}

struct Site {
    accounts: AccountOptions,
}

impl App for Site {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes
            .service(web::scope("/api").configure(api::routes))
            .service(web::resource("/").get(pages::home))
            .service(web::resource("/products").get(pages::products))
            .service(web::resource("/products/{id:[1-9][0-9]{0,8}}").get(pages::product))
            .service(web::resource("/sitemap.xml").get(pages::sitemap))
            .service(web::resource("/contact").get(contact::page).post(contact::send))
            .configure(accounts::routes)
            .service(web::scope("/admin").configure(admin::routes))
            .service(web::resource("/{slug:[a-z0-9-]+}").get(pages::content))
            .default_service(web::to(pages::not_found));
    }

    fn migrations(&self) -> Migrations {
        Migrations::none()
            .sqlite(embed_migrations!("examples/site/migrations/sqlite"))
            .mysql(embed_migrations!("examples/site/migrations/mysql"))
    }

    fn sessions(&self) -> Sessions {
        Sessions::in_database()
    }

    fn accounts(&self) -> Option<AccountOptions> {
        Some(self.accounts.clone())
    }

    async fn start(&self, context: &Context) -> Result<(), BoxError> {
        context.db()?.write(seed::fill).await?;
        let (accounts, shop) = (context.accounts()?, context.settings::<Shop>()?);
        if shop.demo_accounts {
            // First: they are for a database without accounts.
            demo::make(&accounts, context.db()?, shop.administrator.is_some(), &mut std::io::stdout()).await?;
        }
        if let Some(address) = &shop.administrator {
            let added = accounts.add(address, &[visitor::ADMIN]).await?;
            added.map_err(|refusal| format!("shop.administrator {}", refusal.problem))?;
        }
        Ok(())
    }
}
