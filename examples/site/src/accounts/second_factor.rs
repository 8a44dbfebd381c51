//! The second factor: turning it on and off, and the code at sign-in.

use askama::Template;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::StatusCode;
use foobar::{Accounts, Error, Form, FormFields, Session, User, garde, local_path, web};
use serde::Deserialize;

use super::ACCOUNT;
use super::sign_in::{Next, form_of};
use crate::answer::{personal, see_other};
use crate::text::{is_given, is_written};
use crate::visitor::Visitor;

/// What an authenticator app calls the site.
const ISSUER: &str = "Foobar";

/// What the page of the second factor is about.
enum State {
    Off,
    /// A secret was given, and a first code is to follow. The address is for an app on the phone itself.
    Begun {
        address: Option<String>,
    },
    On {
        codes_left: usize,
    },
    /// Recovery codes, which nobody can show again.
    Codes(Vec<String>),
}

impl State {
    async fn of(accounts: &Accounts, user: &User) -> Result<Self, Error> {
        let left = accounts.recovery_codes_left(user).await?;
        Ok(left.map_or(Self::Off, |codes_left| Self::On { codes_left }))
    }
}

pub(crate) async fn page(accounts: Accounts, user: User, visitor: Visitor) -> Result<HttpResponse, Error> {
    let state = State::of(&accounts, &user).await?;
    personal(StatusCode::OK, &SecondFactor { visitor, form: &FormFields::default(), state })
}

#[derive(Deserialize, garde::Validate)]
pub(crate) struct Password {
    #[garde(custom(is_given))]
    password: String,
}

/// Shows a secret. It is also a hidden field of the form for the first code, which may have to be shown again.
pub(crate) async fn begin(
    accounts: Accounts,
    user: User,
    visitor: Visitor,
    mut form: Form<Password>,
) -> Result<HttpResponse, Error> {
    if let Some(Password { password }) = form.take() {
        match accounts.enrol_totp(&user, &password, ISSUER).await? {
            Ok(enrolment) => {
                let form = FormFields::from_iter([("secret", enrolment.secret)]);
                let state = State::Begun { address: Some(enrolment.uri) };
                return personal(StatusCode::OK, &SecondFactor { visitor, form: &form, state });
            }
            Err(refusal) => form.add_error(refusal.field, refusal.problem),
        }
    }
    let state = State::of(&accounts, &user).await?;
    personal(StatusCode::UNPROCESSABLE_ENTITY, &SecondFactor { visitor, form: &form, state })
}

#[derive(Deserialize, garde::Validate)]
pub(crate) struct Code {
    #[garde(custom(is_written))]
    code: String,
}

pub(crate) async fn turn_on(
    accounts: Accounts,
    user: User,
    visitor: Visitor,
    mut form: Form<Code>,
) -> Result<HttpResponse, Error> {
    if let Some(Code { code }) = form.take() {
        match accounts.activate_totp(&user, &code).await? {
            Ok(codes) => {
                let page = SecondFactor { visitor, form: &FormFields::default(), state: State::Codes(codes) };
                return personal(StatusCode::OK, &page);
            }
            Err(refusal) => form.add_error(refusal.field, refusal.problem),
        }
    }
    let page = SecondFactor { visitor, form: &form, state: State::Begun { address: None } };
    personal(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// A code, a recovery code or the password.
#[derive(Deserialize, garde::Validate)]
pub(crate) struct Proof {
    #[garde(custom(is_given))]
    code: String,
}

pub(crate) async fn turn_off(
    accounts: Accounts,
    session: Session,
    user: User,
    visitor: Visitor,
    mut form: Form<Proof>,
) -> Result<HttpResponse, Error> {
    if let Some(Proof { code }) = form.take() {
        match accounts.disable_totp(&user, &code).await? {
            Ok(()) => {
                session.flash("notice", "You sign in by your password alone from now on.")?;
                return Ok(see_other(ACCOUNT));
            }
            Err(refusal) => form.add_error(refusal.field, refusal.problem),
        }
    }
    let state = State::of(&accounts, &user).await?;
    personal(StatusCode::UNPROCESSABLE_ENTITY, &SecondFactor { visitor, form: &form, state })
}

pub(crate) async fn renew_codes(
    accounts: Accounts,
    user: User,
    visitor: Visitor,
    mut form: Form<Proof>,
) -> Result<HttpResponse, Error> {
    if let Some(Proof { code }) = form.take() {
        match accounts.renew_recovery_codes(&user, &code).await? {
            Ok(codes) => {
                let page = SecondFactor { visitor, form: &FormFields::default(), state: State::Codes(codes) };
                return personal(StatusCode::OK, &page);
            }
            Err(refusal) => form.add_error(refusal.field, refusal.problem),
        }
    }
    let state = State::of(&accounts, &user).await?;
    personal(StatusCode::UNPROCESSABLE_ENTITY, &SecondFactor { visitor, form: &form, state })
}

pub(crate) async fn code_page(next: web::Query<Next>, visitor: Visitor) -> Result<HttpResponse, Error> {
    personal(StatusCode::OK, &SignInCode { visitor, form: &form_of(next.into_inner()) })
}

/// The second step of a sign-in.
pub(crate) async fn code(
    accounts: Accounts,
    session: Session,
    visitor: Visitor,
    mut form: Form<Code>,
) -> Result<HttpResponse, Error> {
    if let Some(Code { code }) = form.take() {
        match accounts.finish_sign_in(&session, &code).await? {
            Ok(_user) => return Ok(see_other(local_path(form.value("next")).unwrap_or(ACCOUNT))),
            Err(refusal) => form.add_error(refusal.field, refusal.problem),
        }
    }
    personal(StatusCode::UNPROCESSABLE_ENTITY, &SignInCode { visitor, form: &form })
}

#[derive(Template)]
#[template(path = "second_factor.html", config = "examples/site/askama.toml")]
struct SecondFactor<'a> {
    visitor: Visitor,
    form: &'a FormFields,
    state: State,
}

impl SecondFactor<'_> {
    const fn path(&self) -> &'static str {
        super::SECOND_FACTOR
    }
}

#[derive(Template)]
#[template(path = "code.html", config = "examples/site/askama.toml")]
struct SignInCode<'a> {
    visitor: Visitor,
    form: &'a FormFields,
}

impl SignInCode<'_> {
    fn next(&self) -> Option<&str> {
        local_path(self.form.value("next"))
    }

    const fn path(&self) -> &'static str {
        super::CODE
    }
}
