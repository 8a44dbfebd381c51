//! The products as JSON, under `/api`.

use foobar::actix_web::Responder;
use foobar::{Db, Error, web};

use crate::listing::{Listing, Search};
use crate::product::Product;

pub(crate) fn routes(api: &mut web::ServiceConfig) {
    api.service(web::resource("/products").get(products))
        .service(web::resource("/products/{id:[1-9][0-9]{0,8}}").get(product))
        .default_service(web::to(nothing));
}

async fn products(db: Db, search: web::Query<Search>) -> Result<impl Responder, Error> {
    Ok(web::Json(db.read(move |conn| Listing::find(conn, &search)).await?))
}

async fn product(db: Db, id: web::Path<i32>) -> Result<impl Responder, Error> {
    Ok(web::Json(db.read(move |conn| Product::find(conn, *id)).await?))
}

async fn nothing() -> Result<&'static str, Error> {
    Err(Error::not_found("there are /api/products and /api/products/{id}"))
}
