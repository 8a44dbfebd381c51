//! Tokens for programs: making, listing and revoking them.

use std::time::{Duration, SystemTime};

use askama::Template;
use foobar::actix_web::HttpResponse;
use foobar::actix_web::http::StatusCode;
use foobar::{Accounts, ApiToken, DateTime, Error, Form, FormFields, Session, User, garde, web};
use serde::Deserialize;

use super::TOKENS;
use crate::answer::{personal, see_other};
use crate::text::{is_line, is_written};
use crate::visitor::Visitor;

/// How long a token may work, in days, and how the form says it.
const LIVES: [(&str, &str); 4] = [("30", "30 days"), ("90", "90 days"), ("365", "one year"), ("", "for ever")];

pub(crate) async fn page(accounts: Accounts, user: User, visitor: Visitor) -> Result<HttpResponse, Error> {
    let tokens = accounts.tokens(&user).await?;
    personal(StatusCode::OK, &Tokens { visitor, form: &FormFields::from_iter([("days", "90")]), tokens, new: None })
}

#[derive(Deserialize, garde::Validate)]
pub(crate) struct NewToken {
    #[garde(custom(is_written), custom(is_line))]
    name: String,
    #[garde(custom(is_life))]
    days: String,
}

impl NewToken {
    fn life(&self) -> Option<Duration> {
        let days: u64 = self.days.parse().ok()?; // the form has been checked
        Some(Duration::from_secs(days * 24 * 60 * 60))
    }
}

fn is_life(days: &str, _: &()) -> garde::Result {
    let is_one = LIVES.iter().any(|(value, _)| *value == days);
    if is_one { Ok(()) } else { Err(garde::Error::new("is none of these")) }
}

/// Shows the token, which nobody can show again.
pub(crate) async fn create(
    accounts: Accounts,
    user: User,
    visitor: Visitor,
    mut form: Form<NewToken>,
) -> Result<HttpResponse, Error> {
    let mut new = None;
    if let Some(wanted) = form.take() {
        match accounts.create_token(&user, &wanted.name, wanted.life()).await? {
            Ok(token) => new = Some(token),
            Err(refusal) => form.add_error(refusal.field, refusal.problem),
        }
    }
    let tokens = accounts.tokens(&user).await?;
    let empty = FormFields::from_iter([("days", "90")]);
    let (status, form) =
        if new.is_some() { (StatusCode::OK, &empty) } else { (StatusCode::UNPROCESSABLE_ENTITY, &*form) };
    personal(status, &Tokens { visitor, form, tokens, new })
}

pub(crate) async fn revoke(
    accounts: Accounts,
    session: Session,
    user: User,
    id: web::Path<i64>,
) -> Result<HttpResponse, Error> {
    if !accounts.revoke_token(&user, *id).await? {
        return Err(Error::not_found("you have no such token"));
    }
    session.flash("notice", "The token is revoked: programs that have it are refused from now on.")?;
    Ok(see_other(TOKENS))
}

pub(crate) async fn revoke_all(accounts: Accounts, session: Session, user: User) -> Result<HttpResponse, Error> {
    accounts.revoke_all_tokens(&user).await?;
    session.flash("notice", "All your tokens are revoked: programs that have one are refused from now on.")?;
    Ok(see_other(TOKENS))
}

#[derive(Template)]
#[template(path = "tokens.html", config = "examples/site/askama.toml")]
struct Tokens<'a> {
    visitor: Visitor,
    form: &'a FormFields,
    tokens: Vec<ApiToken>,
    new: Option<String>,
}

impl Tokens<'_> {
    const fn path(&self) -> &'static str {
        TOKENS
    }

    /// When a token was made, used and ends, in a sentence.
    fn story(&self, token: &ApiToken) -> String {
        let used = token.last_used.map_or("never used".to_owned(), |used| format!("last used on {}", day(used)));
        let ends = match token.expires {
            None => "works for ever".to_owned(),
            Some(end) if SystemTime::now() < time(end) => format!("works until {}", day(end)),
            Some(end) => format!("ended on {}", day(end)),
        };
        format!("Made on {}, {used}, {ends}.", day(token.created))
    }
}

fn day(seconds: i64) -> String {
    DateTime::from(time(seconds)).to_string().chars().take("2026-01-31".len()).collect()
}

fn time(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs())
}
