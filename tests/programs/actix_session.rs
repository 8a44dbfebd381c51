//! A program that keeps a basket by actix-session, and by actix-identity whose it is, as it did before it had Foobar's
//! sessions and accounts.

use std::process::ExitCode;

use actix_identity::{Identity, IdentityMiddleware};
use actix_session::storage::CookieSessionStore;
use actix_session::{Session as OldSession, SessionMiddleware};
use foobar::actix_web::cookie::Key;
use foobar::actix_web::{HttpMessage, HttpRequest, HttpResponse};
use foobar::{AccountOptions, Accounts, App, Error, Server, Session, Sessions, User, web};
use serde::Deserialize;

struct Shop {
    key: Key,
}

impl App for Shop {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        let old = SessionMiddleware::new(CookieSessionStore::default(), self.key.clone());
        let basket = web::scope("/basket")
            .wrap(IdentityMiddleware::default())
            .wrap(old)
            .route("", web::get().to(basket))
            .route("", web::post().to(put))
            .route("/owner", web::get().to(owner))
            .route("/owner", web::post().to(own));
        routes
            .service(basket)
            .route("/register", web::post().to(register))
            .route("/sign-in", web::post().to(sign_in))
            .route("/sign-out", web::post().to(sign_out))
            .route("/account", web::get().to(account));
    }

    fn sessions(&self) -> Sessions {
        Sessions::in_database()
    }

    fn accounts(&self) -> Option<AccountOptions> {
        Some(AccountOptions::new("/sign-in"))
    }
}

#[derive(Deserialize)]
struct Item {
    item: String,
}

/// Both sessions are extractors of one request.
async fn put(old: OldSession, new: Session, form: web::Form<Item>) -> Result<HttpResponse, Error> {
    let mut items = items(&old)?;
    items.push(form.into_inner().item);
    old.insert("items", &items).map_err(Error::internal)?;
    new.insert("count", items.len())?;
    Ok(HttpResponse::NoContent().finish())
}

async fn basket(old: OldSession, new: Session) -> Result<String, Error> {
    Ok(format!("{:?}, {:?}", items(&old)?, new.get::<usize>("count")?))
}

fn items(old: &OldSession) -> Result<Vec<String>, Error> {
    Ok(old.get("items").map_err(Error::internal)?.unwrap_or_default())
}

async fn own(request: HttpRequest) -> Result<HttpResponse, Error> {
    Identity::login(&request.extensions(), "Ann".to_owned()).map_err(Error::internal)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn owner(old: Option<Identity>) -> Result<String, Error> {
    old.map_or(Ok("nobody".to_owned()), |old| old.id().map_err(Error::internal))
}

#[derive(Deserialize)]
struct Credentials {
    address: String,
    password: String,
}

async fn register(accounts: Accounts, form: web::Form<Credentials>) -> Result<HttpResponse, Error> {
    let registered = accounts.register(&form.address, &form.password).await?;
    Ok(if registered.is_ok() { HttpResponse::NoContent() } else { HttpResponse::Conflict() }.finish())
}

async fn sign_in(accounts: Accounts, session: Session, form: web::Form<Credentials>) -> Result<HttpResponse, Error> {
    let signed_in = accounts.sign_in(&session, &form.address, &form.password).await?;
    Ok(if signed_in.is_ok() { HttpResponse::NoContent() } else { HttpResponse::Forbidden() }.finish())
}

async fn sign_out(accounts: Accounts, session: Session) -> HttpResponse {
    accounts.sign_out(&session);
    HttpResponse::NoContent().finish()
}

async fn account(user: User) -> String {
    user.address
}

fn main() -> ExitCode {
    server().run()
}

fn server() -> Server {
    Server::new().preset("database.url", "sqlite:shop.db").app(Shop { key: Key::from(&[7; 64]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: [(&str, &str); 2] = [("address", "ann@shop.test"), ("password", "correct horse")];

    #[tokio::test]
    async fn its_sessions_and_those_of_foobar_go_on_side_by_side() {
        let site = foobar::test::site(server()).await;
        assert_eq!(site.post("/basket").form(&[("item", "lamp")]).await.status(), 204);
        assert!(site.cookie("id").is_some() && site.cookie("session").is_some(), "each has a cookie of its own");
        assert_eq!(site.get("/basket").await.text(), "[\"lamp\"], Some(1)");
        assert_eq!(site.post("/basket/owner").await.status(), 204);
        assert_eq!(site.get("/basket/owner").await.text(), "Ann");
        assert_eq!(site.post("/register").form(&ANN).await.status(), 204);
        assert_eq!(site.post("/sign-in").form(&ANN).await.status(), 204);
        assert_eq!(site.get("/account").await.text(), "ann@shop.test");
        assert_eq!(site.post("/basket").form(&[("item", "mug")]).await.status(), 204);
        assert_eq!(site.get("/basket").await.text(), "[\"lamp\", \"mug\"], Some(2)");
        assert_eq!(site.get("/account").await.text(), "ann@shop.test", "still signed in");
        assert_eq!(site.post("/sign-out").await.status(), 204);
        assert_eq!(site.get("/account").await.status(), 401);
        assert_eq!(site.get("/basket").await.text(), "[\"lamp\", \"mug\"], None", "each ends by itself");
        assert_eq!(site.get("/basket/owner").await.text(), "Ann");
        assert_eq!(site.other_user().get("/basket").await.text(), "[], None");
    }
}
