//! What a handler answers with.

use askama::Template;
use foobar::Error;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::StatusCode;
use foobar::actix_web::http::header::{CACHE_CONTROL, ContentType, HeaderValue, LOCATION, REFERRER_POLICY};

use crate::visitor::Visitor;

/// The links at the top of every page.
pub(crate) const NAVIGATION: [(&str, &str); 4] =
    [("/products", "Products"), ("/about", "About"), ("/repairs", "Repairs"), ("/contact", "Contact")];

/// A page for everybody. One for a visitor without a cookie holds nothing of anybody's, so any cache may keep it for a
/// minute; it varies by the cookie, as Foobar says of each answer that has asked for the session.
pub(crate) fn html(visitor: &Visitor, status: StatusCode, page: &impl Template) -> Result<HttpResponse, Error> {
    let mut answer = HttpResponse::build(status);
    if visitor.is_anyone() && status == StatusCode::OK {
        answer.insert_header((CACHE_CONTROL, "public, max-age=60"));
    }
    Ok(answer.content_type(ContentType::html()).body(page.render()?))
}

/// A page for one person: with what was typed, a link's token, an account.
pub(crate) fn personal(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Error> {
    let mut answer = HttpResponse::build(status);
    answer.insert_header((CACHE_CONTROL, "no-store"));
    Ok(answer.content_type(ContentType::html()).body(page.render()?))
}

/// A personal page whose address has a token: no other address learns of it by `Referer`, not even of the site itself.
pub(crate) fn of_link(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Error> {
    let mut answer = personal(status, page)?;
    answer.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(answer)
}

/// Leads to a page by a GET, so that the browser's reload does not send a form again.
pub(crate) fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).finish()
}
