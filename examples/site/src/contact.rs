//! The contact form.

use askama::Template;
use foobar::actix_web::http::StatusCode;
use foobar::actix_web::http::header::{HeaderValue, RETRY_AFTER};
use foobar::actix_web::{HttpRequest, HttpResponse};
use foobar::{Db, Error, Form, FormFields, Session};

use crate::answer::{html, personal, see_other};
use crate::message::NewMessage;
use crate::visitor::Visitor;

pub(crate) async fn page(visitor: Visitor) -> Result<HttpResponse, Error> {
    let address = visitor.user.as_ref().map(|user| ("address", user.address.clone()));
    let page = Contact { visitor, form: &FormFields::from_iter(address) };
    html(&page.visitor, StatusCode::OK, &page)
}

pub(crate) async fn send(
    db: Db,
    session: Session,
    visitor: Visitor,
    request: HttpRequest,
    mut form: Form<NewMessage>,
) -> Result<HttpResponse, Error> {
    let Some(message) = form.take() else {
        return personal(StatusCode::UNPROCESSABLE_ENTITY, &Contact { visitor, form: &form });
    };
    let client = request.peer_addr().map(|address| address.ip());
    if !db.write(move |conn| message.insert(conn, client)).await? {
        form.add_error("", "Too many messages have come in lately. Please try again in an hour.");
        let mut answer = personal(StatusCode::TOO_MANY_REQUESTS, &Contact { visitor, form: &form })?;
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("3600"));
        return Ok(answer);
    }
    session.flash("notice", "Thank you. We have your message, and answer within two days.")?;
    Ok(see_other("/contact"))
}

#[derive(Template)]
#[template(path = "contact.html", config = "examples/site/askama.toml")]
struct Contact<'a> {
    visitor: Visitor,
    form: &'a FormFields,
}

impl Contact<'_> {
    const fn path(&self) -> &'static str {
        "/contact"
    }
}
