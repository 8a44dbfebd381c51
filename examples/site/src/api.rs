//! The products as JSON, under `/api`, and for whom a program acts that has a token.

use foobar::actix_web::http::header::CACHE_CONTROL;
use foobar::actix_web::{HttpResponse, Responder};
use foobar::{ApiUser, Db, Error, web};
use serde::Serialize;

use crate::listing::{Listing, Search};
use crate::product::Product;

pub(crate) fn routes(api: &mut web::ServiceConfig) {
    api.service(web::resource("/products").get(products))
        .service(web::resource("/products/{id:[1-9][0-9]{0,8}}").get(product))
        .service(web::resource("/account").get(account))
        .default_service(web::to(nothing));
}

async fn products(db: Db, search: web::Query<Search>) -> Result<impl Responder, Error> {
    Ok(web::Json(db.read(move |conn| Listing::find(conn, &search)).await?))
}

async fn product(db: Db, id: web::Path<i32>) -> Result<impl Responder, Error> {
    Ok(web::Json(db.read(move |conn| Product::find(conn, *id)).await?))
}

#[derive(Serialize)]
struct Account<'a> {
    address: &'a str,
    confirmed: bool,
    /// What the user calls the token.
    token: &'a str,
}

async fn account(api: ApiUser) -> HttpResponse {
    let ApiUser { user, token, .. } = &api;
    let account = Account { address: &user.address, confirmed: user.confirmed, token: &token.name };
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(account)
}

async fn nothing() -> Result<&'static str, Error> {
    Err(Error::not_found("there are /api/products, /api/products/{id} and /api/account"))
}
