//! www.foobar.com, the site of a small company that sells products.
//!
//! Run with: cargo run --example site
//! Then open http://127.0.0.1:8080
//!
//! With MySQL: FOOBAR__DATABASE__URL=mysql://USER:PASSWORD@HOST/DATABASE cargo run --example site
//! In production: see `foobar.toml` and `deploy/` beside this folder, and README.md for what lies where.

mod api;
mod content;
mod listing;
mod pages;
mod product;
mod schema;
mod seed;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use foobar::{App, BoxError, Context, Migrations, Server, embed_migrations, web};

fn main() -> ExitCode {
    server().run()
}

fn server() -> Server {
    Server::new()
        .preset("database.url", "sqlite:site.db")
        .public(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/site/public"))
        .app(Site)
}

struct Site;

impl App for Site {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes
            .service(web::scope("/api").configure(api::routes))
            .service(web::resource("/").get(pages::home))
            .service(web::resource("/products").get(pages::products))
            .service(web::resource("/products/{id:[1-9][0-9]{0,8}}").get(pages::product))
            .service(web::resource("/sitemap.xml").get(pages::sitemap))
            .service(web::resource("/{slug:[a-z0-9-]+}").get(pages::content))
            .default_service(web::to(pages::not_found));
    }

    fn migrations(&self) -> Migrations {
        Migrations::none()
            .sqlite(embed_migrations!("examples/site/migrations/sqlite"))
            .mysql(embed_migrations!("examples/site/migrations/mysql"))
    }

    async fn start(&self, context: &Context) -> Result<(), BoxError> {
        Ok(context.db()?.write(seed::fill).await?)
    }
}
