//! The program of benches/db on Foobar.

use std::process::ExitCode;

use askama::Template;
use diesel::prelude::*;
use foobar::actix_web::HttpResponse;
use foobar::web::{self, Json, ServiceConfig};
use foobar::{App, Db, Error, Server, locked};

pub use foobar::Conn;

#[path = "../../../db/products.rs"]
mod products;

use products::{Page, Product, stock};

struct Shop;

impl App for Shop {
    fn routes(&self, routes: &mut ServiceConfig) {
        routes
            .route("/products/{id}", web::get().to(one))
            .route("/pages/{after}", web::get().to(page))
            .route("/stock/{id}", web::post().to(sell));
    }
}

async fn one(db: Db, id: web::Path<i32>) -> Result<Json<Product>, Error> {
    Ok(Json(db.read(move |conn| Product::find(conn, *id)).await?))
}

async fn page(db: Db, after: web::Path<i32>) -> Result<HttpResponse, Error> {
    let products = db.read(move |conn| Product::page(conn, *after)).await?;
    let page = Page { products }.render().map_err(Error::internal)?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}

async fn sell(db: Db, id: web::Path<i32>) -> Result<String, Error> {
    let left = db.write(move |conn| {
        let row = stock::table.find(*id);
        let pieces: i32 = locked(row.select(stock::pieces)).get_result(conn)?;
        diesel::update(row).set(stock::pieces.eq(pieces - 1)).execute(conn)?;
        Ok(pieces - 1)
    });
    Ok(format!("{} left\n", left.await?))
}

fn main() -> ExitCode {
    Server::new().app(Shop).run()
}
