//! The links by mail. A link leads to a form and is used up by its POST, since programs that read mail follow links.

use askama::Template;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::StatusCode;
use foobar::{Accounts, Error, Form, FormFields, Session, Settings, garde, web};
use serde::Deserialize;

use super::{ACCOUNT, SIGN_IN, link};
use crate::Shop;
use crate::answer::{of_link, personal, see_other};
use crate::text::{is_given, is_written};
use crate::visitor::Visitor;

/// The token of a link.
#[derive(Deserialize, garde::Validate)]
pub(crate) struct Token {
    #[garde(skip)]
    #[serde(default)]
    token: String,
}

impl Token {
    fn into_form(self) -> FormFields {
        FormFields::from_iter([("token", self.token)])
    }
}

/// Where a session has the token of a link while its owner signs in: in the address of the sign-in page it would be in logs.
const CONFIRMS: &str = "confirms";

pub(crate) async fn confirm_page(
    token: web::Query<Token>,
    session: Session,
    visitor: Visitor,
) -> Result<HttpResponse, Error> {
    let mut token = token.into_inner();
    if token.token.is_empty() {
        token.token = session.get(CONFIRMS)?.unwrap_or_default(); // shown as a link that is too old
    }
    of_link(StatusCode::OK, &Confirm { visitor, form: &token.into_form() })
}

/// Whoever is not signed in is led to the sign-in page, and back: else the owner of an address would confirm it for somebody
/// who has registered it with a password of their own.
pub(crate) async fn confirm(
    accounts: Accounts,
    session: Session,
    visitor: Visitor,
    mut form: Form<Token>,
) -> Result<HttpResponse, Error> {
    if let Some(Token { token }) = form.take() {
        let waiting: Option<String> = session.get(CONFIRMS)?;
        session.remove(CONFIRMS);
        session.save().await?; // first: a link is used up once
        let confirmed = accounts.confirm(&session, &token).await;
        if let (Err(_), Some(waiting)) = (&confirmed, waiting) {
            session.insert(CONFIRMS, waiting)?;
            session.save().await?; // an answer of 500 or more keeps nothing by itself
        }
        match confirmed? {
            Ok(user) => {
                session.flash("notice", format!("{} is confirmed.", user.address))?;
                return Ok(see_other(ACCOUNT));
            }
            Err(refusal) if refusal.needs_sign_in() && visitor.user.is_none() => {
                session.insert(CONFIRMS, token)?;
                session.flash(
                    "notice",
                    "Sign in to confirm your address. If you have not registered here, do not confirm \
                    it: somebody else has. Ask for a new password, and the account is yours alone.",
                )?;
                return Ok(see_other(&format!("{SIGN_IN}?next=%2Fconfirm")));
            }
            Err(refusal) => form.add_error(refusal.field, refusal.problem),
        }
    }
    of_link(StatusCode::UNPROCESSABLE_ENTITY, &Confirm { visitor, form: &form })
}

/// Whether a link has been sent: `?sent=1`.
#[derive(Deserialize)]
pub(crate) struct Sent {
    sent: Option<String>,
}

#[derive(Deserialize, garde::Validate)]
pub(crate) struct Forgotten {
    #[garde(custom(is_written))]
    address: String,
}

pub(crate) async fn forgot_page(sent: web::Query<Sent>, visitor: Visitor) -> Result<HttpResponse, Error> {
    let page = Forgot { visitor, form: &FormFields::default(), is_sent: sent.sent.is_some() };
    personal(StatusCode::OK, &page)
}

/// Says the same whether there is such an account or not.
pub(crate) async fn forgot(
    accounts: Accounts,
    shop: Settings<Shop>,
    visitor: Visitor,
    mut form: Form<Forgotten>,
) -> Result<HttpResponse, Error> {
    let Some(Forgotten { address }) = form.take() else {
        return personal(StatusCode::UNPROCESSABLE_ENTITY, &Forgot { visitor, form: &form, is_sent: false });
    };
    accounts.send_reset(&address, &link(&shop.origin, "/reset-password")).await?;
    Ok(see_other("/forgot-password?sent=1"))
}

#[derive(Deserialize, garde::Validate)]
pub(crate) struct NewPassword {
    #[garde(skip)]
    token: String,
    #[garde(custom(is_given))]
    password: String,
}

pub(crate) async fn reset_page(token: web::Query<Token>, visitor: Visitor) -> Result<HttpResponse, Error> {
    of_link(StatusCode::OK, &Reset { visitor, form: &token.into_inner().into_form() })
}

pub(crate) async fn reset(
    accounts: Accounts,
    session: Session,
    visitor: Visitor,
    mut form: Form<NewPassword>,
) -> Result<HttpResponse, Error> {
    if let Some(NewPassword { token, password }) = form.take() {
        match accounts.reset(&session, &token, &password).await? {
            Ok(_user) => {
                session.flash("notice", "Your password has changed. Sign in with the new one.")?;
                return Ok(see_other(SIGN_IN));
            }
            Err(refusal) => form.add_error(refusal.field, refusal.problem),
        }
    }
    of_link(StatusCode::UNPROCESSABLE_ENTITY, &Reset { visitor, form: &form })
}

#[derive(Template)]
#[template(path = "confirm.html", config = "examples/site/askama.toml")]
struct Confirm<'a> {
    visitor: Visitor,
    form: &'a FormFields,
}

impl Confirm<'_> {
    const fn path(&self) -> &'static str {
        "/confirm"
    }
}

#[derive(Template)]
#[template(path = "forgot.html", config = "examples/site/askama.toml")]
struct Forgot<'a> {
    visitor: Visitor,
    form: &'a FormFields,
    is_sent: bool,
}

impl Forgot<'_> {
    const fn path(&self) -> &'static str {
        "/forgot-password"
    }
}

#[derive(Template)]
#[template(path = "reset.html", config = "examples/site/askama.toml")]
struct Reset<'a> {
    visitor: Visitor,
    form: &'a FormFields,
}

impl Reset<'_> {
    const fn path(&self) -> &'static str {
        "/reset-password"
    }
}
