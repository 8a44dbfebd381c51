//! The pages: each is a template and what it shows.

use askama::Template;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::{StatusCode, header};
use foobar::{Db, Error, Form, FormFields};

use crate::message::{Message, NewMessage};

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

pub(crate) async fn home(db: Db) -> Result<HttpResponse, Error> {
    show_home(StatusCode::OK, &db, &FormFields::default()).await
}

pub(crate) async fn leave_message(
    db: Db,
    mut form: Form<NewMessage>,
) -> Result<HttpResponse, Error> {
    let Some(message) = form.take() else {
        return show_home(StatusCode::UNPROCESSABLE_ENTITY, &db, &form).await;
    };
    db.write(move |conn| message.insert(conn)).await?;
    let to_home = (header::LOCATION, "/");
    Ok(HttpResponse::SeeOther().insert_header(to_home).finish())
}

async fn show_home(status: StatusCode, db: &Db, form: &FormFields) -> Result<HttpResponse, Error> {
    let messages = db.read(Message::latest).await?;
    html(status, &Home { messages, form })
}

pub(crate) async fn not_found() -> Result<HttpResponse, Error> {
    html(StatusCode::NOT_FOUND, &NotFound)
}

fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Error> {
    Ok(HttpResponse::build(status)
        .content_type(header::ContentType::html())
        .body(page.render()?))
}
