//! The program of benches/accounts: accounts and sessions in the database, or neither of the two.

use std::process::ExitCode;

use foobar::actix_web::HttpResponse;
use foobar::web::{self, Form, ServiceConfig};
use foobar::{AccountOptions, Accounts, App, Error, Server, Session, Sessions};

const TEXT: &str = "Hello, visitor!\n";

struct WithSessions;

impl App for WithSessions {
    fn routes(&self, routes: &mut ServiceConfig) {
        routes
            .route("/text", web::get().to(async || TEXT))
            .route("/read", web::get().to(read))
            .route("/change", web::get().to(change))
            .route("/register", web::post().to(register))
            .route("/sign-in", web::post().to(sign_in));
    }

    fn sessions(&self) -> Sessions {
        Sessions::in_database()
    }

    fn accounts(&self) -> Option<AccountOptions> {
        Some(AccountOptions::new("/sign-in"))
    }
}

async fn read(session: Session) -> Result<&'static str, Error> {
    session.get::<u64>("count")?;
    Ok(TEXT)
}

async fn change(session: Session) -> Result<&'static str, Error> {
    let count = session.get::<u64>("count")?.unwrap_or_default();
    session.insert("count", count + 1)?;
    Ok(TEXT)
}

#[derive(serde::Deserialize)]
struct Credentials {
    address: String,
    password: String,
}

async fn register(accounts: Accounts, form: Form<Credentials>) -> Result<HttpResponse, Error> {
    answer(accounts.register(&form.address, &form.password).await?.is_ok())
}

async fn sign_in(accounts: Accounts, session: Session, form: Form<Credentials>) -> Result<HttpResponse, Error> {
    answer(accounts.sign_in(&session, &form.address, &form.password).await?.is_ok())
}

fn answer(is_done: bool) -> Result<HttpResponse, Error> {
    if is_done { Ok(HttpResponse::NoContent().finish()) } else { Err(Error::unprocessable("refused")) }
}

struct WithoutSessions;

impl App for WithoutSessions {
    fn routes(&self, routes: &mut ServiceConfig) {
        routes.route("/text", web::get().to(async || TEXT));
    }
}

fn main() -> ExitCode {
    match std::env::var("BENCH_SESSIONS").as_deref() {
        Ok("none") => Server::new().app(WithoutSessions).run(),
        _ => Server::new().app(WithSessions).run(),
    }
}
