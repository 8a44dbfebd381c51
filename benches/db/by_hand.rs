//! The program that is written by hand, on actix-web's own server: r2d2 and `web::block` for Diesel. `Conn` is the
//! connection of each of the two programs that have it.
//!
//! Run with: PROGRAM LISTEN DATABASE-URL CONNECTIONS

use std::error::Error;

use actix_web::dev::Service;
use actix_web::error::ErrorInternalServerError;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::DefaultHeaders;
use actix_web::{App, HttpResponse, HttpServer, web};
use askama::Template;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};

use crate::Conn;
use crate::fields::{FIELDS, REQUEST_ID, request_id};
use crate::products::{Page, Product, stock};

type Database = web::Data<Pool<ConnectionManager<Conn>>>;

async fn one(db: Database, id: web::Path<i32>) -> actix_web::Result<HttpResponse> {
    let product = run(db, move |conn| Product::find(conn, *id)).await?;
    Ok(HttpResponse::Ok().json(product))
}

async fn page(db: Database, after: web::Path<i32>) -> actix_web::Result<HttpResponse> {
    let products = run(db, move |conn| Product::page(conn, *after)).await?;
    let page = Page { products }.render().map_err(ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}

async fn sell(db: Database, id: web::Path<i32>) -> actix_web::Result<String> {
    let left = run(db, move |conn| {
        conn.transaction(|conn| {
            let row = stock::table.find(*id);
            let pieces: i32 = row.select(stock::pieces).for_update().get_result(conn)?;
            diesel::update(row).set(stock::pieces.eq(pieces - 1)).execute(conn)?;
            Ok(pieces - 1)
        })
    });
    Ok(format!("{} left\n", left.await?))
}

async fn run<T: Send + 'static>(
    db: Database,
    query: impl FnOnce(&mut Conn) -> QueryResult<T> + Send + 'static,
) -> actix_web::Result<T> {
    let on_thread = move || -> Result<T, Box<dyn Error + Send + Sync>> { Ok(query(&mut *db.get()?)?) };
    web::block(on_thread).await?.map_err(ErrorInternalServerError)
}

/// One worker, and as many threads for queries as connections: more would only wait for one.
#[actix_web::main]
pub async fn serve() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, listen, url, connections] = &arguments[..] else { panic!("see the top of by_hand.rs") };
    let connections: usize = connections.parse().expect("a number of connections");
    let manager = ConnectionManager::<Conn>::new(url);
    let pool = Pool::builder().max_size(connections as u32).test_on_check_out(false).build(manager);
    let pool = web::Data::new(pool.expect("the database answers"));
    HttpServer::new(move || {
        App::new()
            .app_data(pool.clone())
            .wrap(FIELDS.into_iter().fold(DefaultHeaders::new(), DefaultHeaders::add))
            .wrap_fn(|request, service| {
                let response = service.call(request);
                async {
                    let mut response = response.await?;
                    let id = HeaderValue::try_from(request_id()).expect("hexadecimal digits");
                    response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id);
                    Ok(response)
                }
            })
            .route("/products/{id}", web::get().to(one))
            .route("/pages/{after}", web::get().to(page))
            .route("/stock/{id}", web::post().to(sell))
    })
    .workers(1)
    .worker_max_blocking_threads(connections)
    .tcp_nodelay(true)
    .bind(listen)?
    .run()
    .await
}
