//! The pages: each is a template and what it shows.

use askama::Template;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::{StatusCode, header};
use foobar::{Db, Error, web};

use crate::message::{Message, NewMessage};

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

pub(crate) async fn home(db: Db) -> Result<HttpResponse, Error> {
    let page = Home {
        messages: db.read(Message::latest).await?,
        form: NewMessage::default(),
        problem: None,
    };
    html(StatusCode::OK, &page)
}

pub(crate) async fn leave_message(
    db: Db,
    form: web::Form<NewMessage>,
) -> Result<HttpResponse, Error> {
    let form = form.into_inner();
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
    let to_home = (header::LOCATION, "/");
    Ok(HttpResponse::SeeOther().insert_header(to_home).finish())
}

pub(crate) async fn not_found() -> Result<HttpResponse, Error> {
    html(StatusCode::NOT_FOUND, &NotFound)
}

fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Error> {
    Ok(HttpResponse::build(status)
        .content_type(header::ContentType::html())
        .body(page.render()?))
}
