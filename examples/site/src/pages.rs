//! The pages of the site. Each is a template and what it shows, read from the database in one go.

use askama::Template;
use diesel::OptionalExtension;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::StatusCode;
use foobar::{Conn, Db, Error, QueryResult, Settings, web};

use crate::Shop;
use crate::answer::html;
use crate::content::{Block, Page};
use crate::listing::{Listing, Search};
use crate::product::{Product, categories};
use crate::visitor::Visitor;

pub(crate) async fn home(db: Db, visitor: Visitor) -> Result<HttpResponse, Error> {
    let (categories, featured) = db.read(|conn| Ok((categories(conn)?, Product::featured(conn)?))).await?;
    let page = Home { visitor, categories, featured };
    html(&page.visitor, StatusCode::OK, &page)
}

pub(crate) async fn products(db: Db, search: web::Query<Search>, visitor: Visitor) -> Result<HttpResponse, Error> {
    let listing = db.read(move |conn| Listing::find(conn, &search).optional()).await?;
    let Some(listing) = listing else { return not_found(visitor).await };
    let page = ProductList { visitor, listing };
    html(&page.visitor, StatusCode::OK, &page)
}

pub(crate) async fn product(db: Db, id: web::Path<i32>, visitor: Visitor) -> Result<HttpResponse, Error> {
    let found = db.read(move |conn| with_related(conn, *id).optional()).await?;
    let Some((product, related)) = found else { return not_found(visitor).await };
    let page = ProductPage { visitor, product, related };
    html(&page.visitor, StatusCode::OK, &page)
}

pub(crate) async fn content(db: Db, slug: web::Path<String>, visitor: Visitor) -> Result<HttpResponse, Error> {
    let page = db.read(move |conn| Page::find(conn, &slug).optional()).await?;
    let Some(page) = page else { return not_found(visitor).await };
    let page = ContentPage { visitor, page };
    html(&page.visitor, StatusCode::OK, &page)
}

pub(crate) async fn sitemap(db: Db, shop: Settings<Shop>) -> Result<HttpResponse, Error> {
    let (slugs, products) = db.read(|conn| Ok((Page::slugs(conn)?, Product::ids(conn)?))).await?;
    let sitemap = Sitemap { origin: &shop.origin, slugs, products };
    Ok(HttpResponse::Ok().content_type("application/xml").body(sitemap.render()?))
}

pub(crate) async fn not_found(visitor: Visitor) -> Result<HttpResponse, Error> {
    let page = NotFound { visitor };
    html(&page.visitor, StatusCode::NOT_FOUND, &page)
}

fn with_related(conn: &mut Conn, id: i32) -> QueryResult<(Product, Vec<Product>)> {
    let product = Product::find(conn, id)?;
    let related = product.related(conn)?;
    Ok((product, related))
}

#[derive(Template)]
#[template(path = "home.html", config = "examples/site/askama.toml")]
struct Home {
    visitor: Visitor,
    categories: Vec<String>,
    featured: Vec<Product>,
}

impl Home {
    fn path(&self) -> &'static str {
        "/"
    }
}

#[derive(Template)]
#[template(path = "products.html", config = "examples/site/askama.toml")]
struct ProductList {
    visitor: Visitor,
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
    visitor: Visitor,
    product: Product,
    related: Vec<Product>,
}

impl ProductPage {
    fn path(&self) -> String {
        format!("/products/{}", self.product.id)
    }
}

#[derive(Template)]
#[template(path = "content.html", config = "examples/site/askama.toml")]
struct ContentPage {
    visitor: Visitor,
    page: Page,
}

impl ContentPage {
    fn path(&self) -> String {
        format!("/{}", self.page.slug)
    }
}

#[derive(Template)]
#[template(path = "not_found.html", config = "examples/site/askama.toml")]
struct NotFound {
    visitor: Visitor,
}

impl NotFound {
    fn path(&self) -> &'static str {
        "" // it has no address of its own
    }
}

#[derive(Template)]
#[template(path = "sitemap.xml", config = "examples/site/askama.toml")]
struct Sitemap<'a> {
    origin: &'a str,
    slugs: Vec<String>,
    products: Vec<i32>,
}
