//! The pages: each is a template and what it shows.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use foobar::{Context, FormFields};

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
struct Home<'a> {
    messages: Vec<Message>,
    /// What was typed, and what is wrong with it.
    form: &'a FormFields,
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFound;

async fn home(State(context): State<Context>) -> Result<Response, Error> {
    show_home(StatusCode::OK, &context, &FormFields::default()).await
}

/// The fields come as they were sent, so that the page is shown again whatever is wrong with them.
async fn leave_message(
    State(context): State<Context>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let mut form = foobar::Form::<NewMessage>::of(fields);
    let Some(message) = form.take() else {
        return show_home(StatusCode::UNPROCESSABLE_ENTITY, &context, &form).await;
    };
    let db = context.db()?;
    db.write(move |conn| message.insert(conn)).await?;
    Ok(Redirect::to("/").into_response())
}

async fn show_home(
    status: StatusCode,
    context: &Context,
    form: &FormFields,
) -> Result<Response, Error> {
    let messages = context.db()?.read(Message::latest).await?;
    html(status, &Home { messages, form })
}

async fn not_found() -> Result<Response, Error> {
    html(StatusCode::NOT_FOUND, &NotFound)
}

fn html(status: StatusCode, page: &impl Template) -> Result<Response, Error> {
    Ok((status, Html(page.render()?)).into_response())
}
