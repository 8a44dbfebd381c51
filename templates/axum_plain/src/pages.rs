//! The pages: each is a template and what it shows.

use askama::Template;
use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use foobar::Context;
use serde::Deserialize;

use crate::error::Error;

/// The routes, with what a handler may need.
pub(crate) fn router(context: &Context) -> Router {
    Router::new()
        .route("/", get(home))
        .fallback(not_found)
        .with_state(context.clone())
}

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
struct Greeting {
    name: Option<String>,
}

async fn home(Query(greeting): Query<Greeting>) -> Result<Response, Error> {
    let name = greeting.name.unwrap_or_else(|| "World".to_owned());
    html(StatusCode::OK, &Home { name })
}

async fn not_found() -> Result<Response, Error> {
    html(StatusCode::NOT_FOUND, &NotFound)
}

fn html(status: StatusCode, page: &impl Template) -> Result<Response, Error> {
    Ok((status, Html(page.render()?)).into_response())
}
