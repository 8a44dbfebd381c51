//! The pages of the site. Each is a template and what it shows, read from the database in one go.

use askama::Template;
use diesel::OptionalExtension;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::{StatusCode, header::ContentType};
use foobar::{Conn, Db, Error, QueryResult, web};

use crate::content::{Block, Page};
use crate::listing::{Listing, MAX_QUERY, Search};
use crate::product::{Product, categories};

/// The name under which the site is to be found, whichever name it was asked by.
const ORIGIN: &str = "https://www.foobar.com";

/// The links at the top of every page.
const NAVIGATION: [(&str, &str); 4] =
    [("/products", "Products"), ("/about", "About"), ("/repairs", "Repairs"), ("/delivery", "Delivery")];

pub(crate) async fn home(db: Db) -> Result<HttpResponse, Error> {
    html(StatusCode::OK, &db.read(Home::load).await?)
}

pub(crate) async fn products(db: Db, search: web::Query<Search>) -> Result<HttpResponse, Error> {
    let listing = db.read(move |conn| Listing::find(conn, &search).optional()).await?;
    found(listing.map(|listing| ProductList { listing }))
}

pub(crate) async fn product(db: Db, id: web::Path<i32>) -> Result<HttpResponse, Error> {
    found(db.read(move |conn| ProductPage::load(conn, *id).optional()).await?)
}

pub(crate) async fn content(db: Db, slug: web::Path<String>) -> Result<HttpResponse, Error> {
    let page = db.read(move |conn| Page::find(conn, &slug).optional()).await?;
    found(page.map(|page| ContentPage { page }))
}

pub(crate) async fn sitemap(db: Db) -> Result<HttpResponse, Error> {
    let sitemap = db.read(Sitemap::load).await?;
    Ok(HttpResponse::Ok().content_type("application/xml").body(sitemap.render()?))
}

pub(crate) async fn not_found() -> Result<HttpResponse, Error> {
    html(StatusCode::NOT_FOUND, &NotFound)
}

fn found(page: Option<impl Template>) -> Result<HttpResponse, Error> {
    match page {
        Some(page) => html(StatusCode::OK, &page),
        None => html(StatusCode::NOT_FOUND, &NotFound),
    }
}

fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Error> {
    Ok(HttpResponse::build(status).content_type(ContentType::html()).body(page.render()?))
}

#[derive(Template)]
#[template(path = "home.html", config = "examples/site/askama.toml")]
struct Home {
    categories: Vec<String>,
    featured: Vec<Product>,
}

impl Home {
    fn load(conn: &mut Conn) -> QueryResult<Self> {
        Ok(Self { categories: categories(conn)?, featured: Product::featured(conn)? })
    }

    fn path(&self) -> &'static str {
        "/"
    }
}

#[derive(Template)]
#[template(path = "products.html", config = "examples/site/askama.toml")]
struct ProductList {
    listing: Listing,
}

impl ProductList {
    fn path(&self) -> &'static str {
        "/products"
    }
}

#[derive(Template)]
#[template(path = "product.html", config = "examples/site/askama.toml")]
struct ProductPage {
    product: Product,
    related: Vec<Product>,
}

impl ProductPage {
    fn load(conn: &mut Conn, id: i32) -> QueryResult<Self> {
        let product = Product::find(conn, id)?;
        Ok(Self { related: product.related(conn)?, product })
    }

    fn path(&self) -> String {
        format!("/products/{}", self.product.id)
    }
}

#[derive(Template)]
#[template(path = "content.html", config = "examples/site/askama.toml")]
struct ContentPage {
    page: Page,
}

impl ContentPage {
    fn path(&self) -> String {
        format!("/{}", self.page.slug)
    }
}

#[derive(Template)]
#[template(path = "not_found.html", config = "examples/site/askama.toml")]
struct NotFound;

impl NotFound {
    fn path(&self) -> &'static str {
        "" // it has no address of its own
    }
}

#[derive(Template)]
#[template(path = "sitemap.xml", config = "examples/site/askama.toml")]
struct Sitemap {
    slugs: Vec<String>,
    products: Vec<i32>,
}

impl Sitemap {
    fn load(conn: &mut Conn) -> QueryResult<Self> {
        Ok(Self { slugs: Page::slugs(conn)?, products: Product::ids(conn)? })
    }
}
