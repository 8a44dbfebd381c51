//! The pages: each is a template and what it shows.

use askama::Template;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::{StatusCode, header::ContentType};
use foobar::{Error, web};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    name: String,
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFound;

/// What the form of the home page sends.
#[derive(Deserialize)]
pub(crate) struct Greeting {
    name: Option<String>,
}

pub(crate) async fn home(greeting: web::Query<Greeting>) -> Result<HttpResponse, Error> {
    let name = greeting.into_inner().name;
    let name = name.unwrap_or_else(|| "World".to_owned());
    html(StatusCode::OK, &Home { name })
}

pub(crate) async fn not_found() -> Result<HttpResponse, Error> {
    html(StatusCode::NOT_FOUND, &NotFound)
}

fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Error> {
    Ok(HttpResponse::build(status)
        .content_type(ContentType::html())
        .body(page.render()?))
}
