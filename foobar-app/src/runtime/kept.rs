//! Keeps the session of a request once its handler has answered.

use std::error::Error;
use std::rc::Rc;

use foobar_core::{Chain, Problem, Response};
use http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::error::OUTCOME_UNKNOWN;
use crate::guard::Failure;
use crate::session::current::{Current, Told};

/// The answer with what the browser is told of the session. Of a handler that has failed nothing is kept, and what it has
/// kept before it failed is told.
pub(super) async fn keep(session: &Rc<Current>, mut answer: Result<Response, Failure>) -> Result<Response, Failure> {
    let status = answer.as_ref().map_or_else(Failure::status, Response::status);
    let told = match status.is_server_error() {
        true => {
            session.finish().await;
            session.end()
        }
        false => session.keep().await.unwrap_or_else(|error| {
            answer = Err(not_kept(&*error));
            session.told(Told::Nothing)
        }),
    };
    match answer {
        Ok(mut response) => {
            tell(told, response.headers_mut());
            Ok(response)
        }
        Err(mut failure) => {
            tell(told, failure.headers_mut());
            Err(failure)
        }
    }
}

/// The failure with what the browser is told of what is kept already: a sign-in has ended the session from before.
pub(super) fn told(session: &Current, mut failure: Failure) -> Failure {
    tell(session.end(), failure.headers_mut());
    failure
}

fn tell(told: Told, headers: &mut HeaderMap) {
    match told {
        Told::Nothing => return,
        Told::Varies => {}
        Told::Cookie(field) => {
            headers.append(SET_COOKIE, field);
            headers.insert(CACHE_CONTROL, private(headers));
        }
    }
    headers.append(VARY, COOKIE.into());
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private"));
}

/// What the handler says of caches, but for this browser alone: a shared cache would give its cookie to others.
fn private(headers: &HeaderMap) -> HeaderValue {
    let fields = headers.get_all(CACHE_CONTROL).iter().filter_map(|field| field.to_str().ok()); // no cache reads others
    let kept = fields.flat_map(directives).filter(|directive| !is_of_sharing(directive));
    let kept: Vec<_> = std::iter::once("private").chain(kept).collect();
    HeaderValue::try_from(kept.join(", ")).expect("it is made of such values")
}

fn directives(field: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let directives = field.split(move |c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    directives.map(str::trim).filter(|directive| !directive.is_empty())
}

fn is_of_sharing(directive: &str) -> bool {
    let name = directive.split('=').next().unwrap_or_default().trim_end(); // there is always a first part
    ["public", "private", "s-maxage"].iter().any(|sharing| name.eq_ignore_ascii_case(sharing))
}

/// What is answered where the store of sessions fails.
pub(super) fn not_kept(error: &(dyn Error + 'static)) -> Failure {
    let problem = match error.downcast_ref() {
        Some(foobar_db::Error::OutcomeUnknown { .. }) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR).detail(OUTCOME_UNKNOWN)
        }
        Some(error) if error.is_unavailable() => Problem::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(1),
        _ => Problem::new(StatusCode::INTERNAL_SERVER_ERROR),
    };
    Failure::new(problem).cause(Chain(error).after("the session could neither be read nor kept"))
}
