//! Registering, signing in and signing out.

use askama::Template;
use askama::filters::urlencode_strict;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::StatusCode;
use foobar::{Accounts, BoxError, Chain, Error, Form, FormFields, Session, User, garde, local_path, web};
use serde::Deserialize;

use super::{ACCOUNT, CODE, link};
use crate::answer::{personal, see_other};
use crate::text::{is_given, is_written};
use crate::visitor::Visitor;

/// Where to go afterwards, from the address of the page: `?next=/account`.
#[derive(Deserialize)]
pub(crate) struct Next {
    next: Option<String>,
}

#[derive(Deserialize, garde::Validate)]
pub(crate) struct Credentials {
    #[garde(custom(is_written))]
    address: String,
    #[garde(custom(is_given))]
    password: String,
}

pub(crate) async fn page(next: web::Query<Next>, visitor: Visitor) -> Result<HttpResponse, Error> {
    let form = form_of(next.into_inner());
    if visitor.user.is_some() {
        return Ok(see_other(next_of(&form).unwrap_or(ACCOUNT)));
    }
    personal(StatusCode::OK, &SignIn { visitor, form: &form })
}

pub(crate) async fn sign_in(
    accounts: Accounts,
    session: Session,
    visitor: Visitor,
    mut form: Form<Credentials>,
) -> Result<HttpResponse, Error> {
    if let Some(Credentials { address, password }) = form.take() {
        match accounts.sign_in(&session, &address, &password).await? {
            Ok(_user) => return Ok(see_other(next_of(&form).unwrap_or(ACCOUNT))),
            Err(refusal) if refusal.needs_code() => return Ok(see_other(&code_path(&form)?)),
            Err(refusal) => form.add_error(refusal.field, refusal.problem),
        }
    }
    personal(StatusCode::UNPROCESSABLE_ENTITY, &SignIn { visitor, form: &form })
}

pub(crate) async fn sign_out(accounts: Accounts, session: Session) -> HttpResponse {
    accounts.sign_out(&session);
    see_other("/")
}

pub(crate) async fn register_page(next: web::Query<Next>, visitor: Visitor) -> Result<HttpResponse, Error> {
    personal(StatusCode::OK, &Register { visitor, form: &form_of(next.into_inner()) })
}

/// Makes an account, sends the owner a link to confirm the address, and signs in. The account is there, whether the rest
/// can be done or not.
pub(crate) async fn register(
    accounts: Accounts,
    session: Session,
    visitor: Visitor,
    mut form: Form<Credentials>,
) -> Result<HttpResponse, Error> {
    if let Some(Credentials { address, password }) = form.take() {
        match accounts.register(&address, &password).await? {
            Ok(user) => {
                let is_sent = send_link(&accounts, &user, &visitor.origin).await;
                let signed_in = accounts.sign_in(&session, &user.address, &password).await;
                if !is_sent {
                    session.flash("notice", "We could not send you a link. Ask for another one in a while.")?;
                }
                // An error too, such as while too many sign in: the address has an account now, and cannot register again.
                match signed_in {
                    Ok(Ok(_user)) => return Ok(see_other(next_of(&form).unwrap_or(ACCOUNT))),
                    Ok(Err(_refusal)) => {}
                    Err(error) => {
                        let error = BoxError::from(error);
                        tracing::error!("account {} was made and not signed in: {}", user.id, Chain(&*error));
                    }
                }
                session.flash("notice", "You have an account now. Sign in by your address and your password.")?;
                return Ok(see_other(super::SIGN_IN));
            }
            Err(refusal) => form.add_error(refusal.field, refusal.problem),
        }
    }
    personal(StatusCode::UNPROCESSABLE_ENTITY, &Register { visitor, form: &form })
}

/// Whether a link is on its way by which a new user confirms the address.
async fn send_link(accounts: &Accounts, user: &User, origin: &str) -> bool {
    accounts.send_confirmation(user, &link(origin, "/confirm")).await.unwrap_or_else(|error| {
        let error = BoxError::from(error);
        tracing::error!("no link was sent to account {}: {}", user.id, Chain(&*error));
        false
    })
}

/// Where the code is asked for.
fn code_path(form: &FormFields) -> Result<String, Error> {
    let Some(next) = next_of(form) else { return Ok(CODE.to_owned()) };
    Ok(format!("{CODE}?next={}", urlencode_strict(next)?))
}

pub(super) fn form_of(next: Next) -> FormFields {
    FormFields::from_iter(next.next.map(|next| ("next", next)))
}

/// Only a place on this site.
fn next_of(form: &FormFields) -> Option<&str> {
    local_path(form.value("next"))
}

#[derive(Template)]
#[template(path = "sign_in.html", config = "examples/site/askama.toml")]
struct SignIn<'a> {
    visitor: Visitor,
    form: &'a FormFields,
}

impl SignIn<'_> {
    fn next(&self) -> Option<&str> {
        next_of(self.form)
    }

    const fn path(&self) -> &'static str {
        super::SIGN_IN
    }
}

#[derive(Template)]
#[template(path = "register.html", config = "examples/site/askama.toml")]
struct Register<'a> {
    visitor: Visitor,
    form: &'a FormFields,
}

impl Register<'_> {
    fn next(&self) -> Option<&str> {
        next_of(self.form)
    }

    const fn path(&self) -> &'static str {
        "/register"
    }
}
