//! On actix-web's own server, as its documentation shows it: r2d2 and `web::block` for Diesel, actix-files for files. Queries
//! and template of the product page are the example site's own files.
//!
//! Run with: actix LISTEN SQLITE-FILE STATIC-FOLDER

extern crate self as foobar; // the site's modules name it

use actix_web::dev::Service;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{Form, Json};
use actix_web::{App, HttpResponse, HttpServer, web};
use askama::Template;
use diesel::connection::SimpleConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::sqlite::SqliteConnection;
use servers::{FIELDS, HELLO, Order, REQUEST_ID, TEA, request_id};

pub use diesel::QueryResult;
pub use diesel::sql_types::Timestamp as DateTime;
/// What the site's queries run on: here Diesel's own connection.
pub type Conn = SqliteConnection;

/// What the site's templates ask for the URL of a file: here without a hash.
pub fn asset(name: &str) -> askama::Result<String> {
    Ok(format!("/{name}"))
}

#[path = "../../../../examples/site/src/product.rs"]
#[allow(dead_code, reason = "the site uses more of it")]
mod product;
#[path = "../../../../examples/site/src/schema.rs"]
mod schema;

use product::Product;

mod answer {
    pub const NAVIGATION: [(&str, &str); 4] =
        [("/products", "Products"), ("/about", "About"), ("/repairs", "Repairs"), ("/contact", "Contact")];
}

mod listing {
    pub const MAX_QUERY: usize = 100;
}

/// Nobody has signed in.
struct Visitor {
    origin: &'static str,
    user: Option<()>,
    flashes: Vec<Flash>,
}

struct Flash {
    text: String,
}

impl Visitor {
    const fn is_admin(&self) -> bool {
        false
    }
}

#[derive(Template)]
#[template(path = "product.html", config = "askama.toml")]
struct ProductPage {
    visitor: Visitor,
    product: Product,
    related: Vec<Product>,
}

impl ProductPage {
    fn path(&self) -> String {
        format!("/products/{}", self.product.id)
    }
}

type Database = Pool<ConnectionManager<SqliteConnection>>;

#[derive(Debug)]
struct Pragmas;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Pragmas {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        conn.batch_execute("PRAGMA busy_timeout = 2000; PRAGMA foreign_keys = ON; PRAGMA query_only = ON")
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

async fn product(db: web::Data<Database>, id: web::Path<i32>) -> actix_web::Result<HttpResponse> {
    let page = web::block(move || -> Result<ProductPage, Box<dyn std::error::Error + Send + Sync>> {
        let conn = &mut db.get()?;
        let product = Product::find(conn, *id)?;
        let visitor = Visitor { origin: "http://127.0.0.1:8080", user: None, flashes: Vec::new() };
        Ok(ProductPage { visitor, related: product.related(conn)?, product })
    });
    let page = page.await?.map_err(actix_web::error::ErrorInternalServerError)?;
    let page = page.render().map_err(actix_web::error::ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page))
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, listen, file, folder] = &arguments[..] else { panic!("see the top of actix.rs") };
    let manager = ConnectionManager::new(file);
    let pool =
        Pool::builder().max_size(4).test_on_check_out(false).connection_customizer(Box::new(Pragmas)).build(manager);
    let (pool, folder) = (web::Data::new(pool.expect("the database opens")), folder.clone());
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
            .route("/", web::get().to(async || HELLO))
            .route("/json", web::get().to(async || Json(TEA)))
            .route("/order", web::post().to(async |order: Form<Order>| order.confirmation()))
            .route("/products/{id}", web::get().to(product))
            .service(actix_files::Files::new("/files", &folder))
    })
    .workers(1)
    .tcp_nodelay(true)
    .bind(listen)?
    .run()
    .await
}
