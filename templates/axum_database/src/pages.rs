//! The pages: each is a template and what it shows.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use foobar::Context;

use crate::error::Error;
use crate::message::{Message, NewMessage};

/// The routes, with the database and what else a handler may need.
pub(crate) fn router(context: &Context) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/messages", post(leave_message))
        .fallback(not_found)
        .with_state(context.clone())
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    messages: Vec<Message>,
    /// What the form holds.
    form: NewMessage,
    problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFound;

async fn home(State(context): State<Context>) -> Result<Response, Error> {
    let page = Home {
        messages: context.db()?.read(Message::latest).await?,
        form: NewMessage::default(),
        problem: None,
    };
    html(StatusCode::OK, &page)
}

async fn leave_message(
    State(context): State<Context>,
    Form(form): Form<NewMessage>,
) -> Result<Response, Error> {
    let db = context.db()?;
    let problem = form.problem();
    if problem.is_some() {
        let messages = db.read(Message::latest).await?;
        let page = Home {
            messages,
            form,
            problem,
        };
        return html(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    db.write(move |conn| form.insert(conn)).await?;
    Ok(Redirect::to("/").into_response())
}

async fn not_found() -> Result<Response, Error> {
    html(StatusCode::NOT_FOUND, &NotFound)
}

fn html(status: StatusCode, page: &impl Template) -> Result<Response, Error> {
    Ok((status, Html(page.render()?)).into_response())
}
