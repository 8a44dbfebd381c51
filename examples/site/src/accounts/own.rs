//! The page of one's own account.

use askama::Template;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::StatusCode;
use foobar::{Accounts, Error, Form, FormFields, Session, User, garde};
use serde::Deserialize;

use super::{ACCOUNT, SIGN_IN, link};
use crate::answer::{personal, see_other};
use crate::text::is_given;
use crate::visitor::Visitor;

pub(crate) async fn page(user: User, visitor: Visitor) -> Result<HttpResponse, Error> {
    personal(StatusCode::OK, &Account { visitor, user, form: &FormFields::default() })
}

pub(crate) async fn send_confirmation(
    accounts: Accounts,
    session: Session,
    user: User,
    visitor: Visitor,
) -> Result<HttpResponse, Error> {
    let notice = if accounts.send_confirmation(&user, &link(&visitor.origin, "/confirm")).await? {
        format!("A link is on its way to {}.", user.address)
    } else {
        "We have sent you several links. Look for them in your mail, or try again in a quarter of an hour.".to_owned()
    };
    session.flash("notice", notice)?;
    Ok(see_other(ACCOUNT))
}

#[derive(Deserialize, garde::Validate)]
pub(crate) struct PasswordChange {
    #[garde(custom(is_given))]
    old_password: String,
    #[garde(custom(is_given))]
    password: String,
}

pub(crate) async fn change_password(
    accounts: Accounts,
    session: Session,
    user: User,
    visitor: Visitor,
    mut form: Form<PasswordChange>,
) -> Result<HttpResponse, Error> {
    if let Some(PasswordChange { old_password, password }) = form.take() {
        match accounts.change_password(&session, &user, &old_password, &password).await? {
            Ok(()) => {
                session.flash(
                    "notice",
                    "Your password has changed. You are signed out everywhere else, and your tokens are revoked.",
                )?;
                return Ok(see_other(ACCOUNT));
            }
            Err(refusal) => form.add_error(refusal.field, refusal.problem),
        }
    }
    personal(StatusCode::UNPROCESSABLE_ENTITY, &Account { visitor, user, form: &form })
}

/// Here too: who fears that somebody else is signed in does not look for which session is whose. Whoever was signed in may
/// have made a token, so those end as well.
pub(crate) async fn sign_out_everywhere(
    accounts: Accounts,
    session: Session,
    user: User,
) -> Result<HttpResponse, Error> {
    accounts.sign_out_everywhere(&session, &user).await?;
    Ok(see_other(SIGN_IN))
}

#[derive(Template)]
#[template(path = "account.html", config = "examples/site/askama.toml")]
struct Account<'a> {
    visitor: Visitor,
    user: User,
    form: &'a FormFields,
}

impl Account<'_> {
    const fn path(&self) -> &'static str {
        ACCOUNT
    }
}
