use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use foobar_core::{BoxFuture, ConnectInfo, List, Scheme, Secret, Tier};

use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::throttle::Turn;
use super::*;
use crate::testing::{Client, TestDb, TestResponse};
use crate::{AccountOptions, App, AppSettings, AppTier, Context, Runtime, SessionSettings, Sessions};

mod added;
mod api_tokens;
mod cut_off;
mod failing_database;
mod links;
mod outdated;
mod passwords;
mod rights;
mod second_factor;
mod throttling;

/// The messages that were sent.
#[derive(Clone)]
struct Outbox {
    sender: UnboundedSender<Mail>,
    sent: Arc<Mutex<UnboundedReceiver<Mail>>>,
}

impl Default for Outbox {
    fn default() -> Self {
        let (sender, sent) = unbounded_channel();
        Self { sender, sent: Arc::new(Mutex::new(sent)) }
    }
}

impl Outbox {
    async fn next(&self) -> Mail {
        self.sent.lock().await.recv().await.expect("its sender is there")
    }
}

impl Mailer for Outbox {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async { Ok(self.sender.send(mail)?) })
    }
}

/// With the time of its codes.
struct Shop(Outbox, Sessions, Arc<AtomicI64>);

impl App for Shop {
    fn routes(&self, routes: &mut ServiceConfig) {
        routes
            .route("/register", web::post().to(register))
            .route("/sign-in", web::post().to(sign_in))
            .route("/sign-out", web::post().to(sign_out))
            .route("/sign-out-everywhere", web::post().to(sign_out_everywhere))
            .route("/password", web::post().to(password))
            .route("/account", web::get().to(async |user: User| format!("{} {:?}", user.address, user.roles)))
            .route("/account", web::post().to(async |user: User| user.address))
            .route(
                "/maybe",
                web::get().to(async |user: Option<User>| user.map_or("nobody".to_owned(), |user| user.address)),
            )
            .route("/admin", web::get().to(async |user: User| user.require("admin").map(|()| "welcome")))
            .route("/promote", web::post().to(promote))
            .route("/add", web::post().to(add))
            .route("/session", web::get().to(async |session: Session| format!("{:?}", session.user())))
            .route("/ask/{what}", web::post().to(ask))
            .route("/confirm/{token}", web::post().to(confirm))
            .route("/reset/{token}", web::post().to(reset))
            .route("/reset-while-busy/{token}", web::post().to(reset_while_busy))
            .configure(second_factor::routes)
            .configure(cut_off::routes)
            .configure(api_tokens::routes);
    }

    fn sessions(&self) -> Sessions {
        self.1.clone()
    }

    fn accounts(&self) -> Option<AccountOptions> {
        let time = Arc::clone(&self.2);
        let options = AccountOptions::new("/sign-in").with_mailer(self.0.clone());
        Some(options.with_clock(move || time.load(Relaxed)))
    }
}

#[derive(serde::Deserialize)]
struct Fields {
    #[serde(default)]
    address: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    new: String,
}

fn answer<T>(outcome: &Result<T, Refusal>) -> HttpResponse {
    match outcome {
        Ok(_) => HttpResponse::Ok().body("done"),
        Err(refusal) => HttpResponse::UnprocessableEntity().body(format!("{} {}", refusal.field, refusal.problem)),
    }
}

async fn register(accounts: Accounts, form: web::Form<Fields>) -> Result<HttpResponse, Error> {
    Ok(answer(&accounts.register(&form.address, &form.password).await?))
}

async fn sign_in(accounts: Accounts, session: Session, form: web::Form<Fields>) -> Result<HttpResponse, Error> {
    Ok(answer(&accounts.sign_in(&session, &form.address, &form.password).await?))
}

async fn sign_out(accounts: Accounts, session: Session) -> &'static str {
    accounts.sign_out(&session);
    "done"
}

async fn sign_out_everywhere(accounts: Accounts, session: Session, user: User) -> Result<&'static str, Error> {
    accounts.sign_out_everywhere(&session, &user).await?;
    Ok("done")
}

async fn password(
    accounts: Accounts,
    session: Session,
    user: User,
    form: web::Form<Fields>,
) -> Result<HttpResponse, Error> {
    Ok(answer(&accounts.change_password(&session, &user, &form.password, &form.new).await?))
}

async fn promote(accounts: Accounts, user: User) -> Result<&'static str, Error> {
    accounts.set_roles(&user, &["editor", "admin"]).await?;
    Ok("done")
}

async fn add(accounts: Accounts, form: web::Form<Fields>) -> Result<HttpResponse, Error> {
    Ok(answer(&accounts.add(&form.address, &["admin"]).await?))
}

async fn ask(accounts: Accounts, what: web::Path<String>, form: web::Form<Fields>) -> Result<&'static str, Error> {
    match what.as_str() {
        "reset" => accounts.send_reset(&form.address, "https://shop.test/reset/{}").await?,
        id => {
            let id = id.parse().map_err(|_| Error::bad_request("no id"))?;
            let user = accounts.find(id).await?.ok_or_else(|| Error::not_found("nobody"))?;
            accounts.send_confirmation(&user, "https://shop.test/confirm/{}").await?;
        }
    }
    Ok("done")
}

async fn confirm(accounts: Accounts, session: Session, token: web::Path<String>) -> Result<HttpResponse, Error> {
    Ok(answer(&accounts.confirm(&session, &token).await?))
}

async fn reset(
    accounts: Accounts,
    session: Session,
    token: web::Path<String>,
    form: web::Form<Fields>,
) -> Result<HttpResponse, Error> {
    Ok(answer(&accounts.reset(&session, &token, &form.password).await?))
}

/// While nothing can be hashed.
async fn reset_while_busy(
    accounts: Accounts,
    session: Session,
    token: web::Path<String>,
    form: web::Form<Fields>,
) -> Result<HttpResponse, Error> {
    let _turns = accounts.shared.hasher.take_all_turns().await;
    let reset = tokio::time::timeout(PATIENCE, accounts.reset(&session, &token, &form.password));
    Ok(answer(&reset.await.expect("nothing is hashed")?))
}

/// A shop with Ann's account.
struct OnDb {
    client: Client,
    db: TestDb,
    outbox: Outbox,
    runtime: Arc<Runtime<Shop>>,
    time: Arc<AtomicI64>,
}

/// Only ends a hang.
const PATIENCE: Duration = Duration::from_secs(60);

const ANN: &str = "ann@shop.test";
const PASSWORD: &str = "correct horse";
const KEY: &str = "a key of more than 32 characters";

async fn on_both() -> [OnDb; 2] {
    [on(TestDb::sqlite().await).await, on(TestDb::mysql().await).await]
}

async fn on(db: TestDb) -> OnDb {
    with(Sessions::in_database(), db).await
}

async fn with(sessions: Sessions, db: TestDb) -> OnDb {
    under(&[KEY], sessions, db).await
}

fn keyed(keys: &[&str]) -> SessionSettings {
    let keys: List<Secret> = keys.iter().copied().map(Secret::new).collect();
    SessionSettings { keys, ..SessionSettings::default() }
}

async fn under(keys: &[&str], sessions: Sessions, db: TestDb) -> OnDb {
    let (outbox, time) = (Outbox::default(), Arc::new(AtomicI64::new(1_800_000_000)));
    let context = Context::new(Some((*db).clone())).with_settings(keyed(keys));
    let shop = Shop(outbox.clone(), sessions, Arc::clone(&time));
    let runtime = Runtime::with_context(shop, context, &AppSettings::default());
    let runtime = Arc::new(runtime);
    let client = Client::of(Arc::clone(&runtime) as Arc<dyn AppTier>).await;
    let shop = OnDb { client, db, outbox, runtime, time };
    shop.register(ANN, PASSWORD).await; // or she has registered before
    shop
}

impl OnDb {
    fn accounts(&self) -> Accounts {
        self.runtime.instance.context.get().accounts().unwrap()
    }

    /// Makes the database refuse such statements, like `INSERT ON foobar_sessions`.
    async fn refuse(&self, statement: &str) {
        let body = match self.db.engine() {
            foobar_db::Engine::Sqlite => "BEGIN SELECT RAISE(ABORT, 'planted'); END",
            foobar_db::Engine::Mysql => "FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'planted'",
        };
        self.run(format!("CREATE TRIGGER planted BEFORE {statement} {body}")).await;
    }

    async fn refuse_nothing(&self) {
        self.run("DROP TRIGGER planted".to_owned()).await;
    }

    async fn run(&self, sql: String) {
        self.db.write(move |conn| conn.batch_execute(&sql)).await.unwrap();
    }

    /// To whom, once nothing is under way any more.
    async fn all_that_was_sent(&self) -> Vec<String> {
        Tier::drain(&*self.runtime, Instant::now() + PATIENCE).await;
        let mut sent = self.outbox.sent.lock().await;
        std::iter::from_fn(|| sent.try_recv().ok()).map(|mail| mail.to).collect() // until there is no more
    }

    async fn register(&self, address: &str, password: &str) -> TestResponse {
        self.client.post("/register").form(&[("address", address), ("password", password)]).await
    }
}

async fn sign(client: &Client, address: &str, password: &str) -> TestResponse {
    client.post("/sign-in").form(&[("address", address), ("password", password)]).await
}

/// Who is signed in.
async fn who(client: &Client) -> String {
    client.get("/maybe").await.text().to_owned()
}

#[tokio::test]
async fn who_has_an_account_signs_in_and_out() {
    for shop in on_both().await {
        assert_eq!(who(&shop.client).await, "nobody");
        assert_eq!(sign(&shop.client, " Ann@SHOP.test", PASSWORD).await.text(), "done");
        assert_eq!(who(&shop.client).await, ANN);
        assert_eq!(who(&shop.client.other_user()).await, "nobody");
        shop.client.post("/sign-out").await;
        assert_eq!(who(&shop.client).await, "nobody");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_words() {
    for shop in on_both().await {
        let [wrong, unknown] = [(ANN, "wrong horse"), ("bob@shop.test", PASSWORD)];
        let [wrong, unknown] =
            [sign(&shop.client, wrong.0, wrong.1).await, sign(&shop.client, unknown.0, unknown.1).await];
        assert_eq!((wrong.status().as_u16(), wrong.text()), (422, "password or address is wrong"));
        assert_eq!((unknown.status().as_u16(), unknown.text()), (422, wrong.text()));
        assert_eq!(who(&shop.client).await, "nobody");
    }
}

#[tokio::test]
async fn an_address_has_one_account_and_both_it_and_the_password_have_rules() {
    for shop in on_both().await {
        for (address, password, expected) in [
            ("ANN@shop.test", PASSWORD, "address has an account already"),
            ("ann@shop.test\r\nBcc: x@evil.test", PASSWORD, "address is not an address that a mail can be sent to"),
            ("bob@shop.test", "short", "password has fewer than 8 characters"),
        ] {
            assert_eq!(shop.register(address, password).await.text(), expected);
        }
        for hostile in ["x' OR '1'='1@shop.test", "/*!50000*/@shop.test", "bob😀@shop.test"] {
            let answer = shop.register(hostile, PASSWORD).await;
            if answer.status() == 200 {
                assert_eq!(sign(&shop.client, hostile, PASSWORD).await.text(), "done", "{hostile}");
                assert_eq!(who(&shop.client).await, hostile.to_lowercase());
            } else {
                assert_eq!(answer.status(), 422, "{hostile}");
            }
        }
    }
}

#[tokio::test]
async fn a_planted_session_is_dead_after_the_sign_in() {
    let shop = on(TestDb::sqlite().await).await;
    sign(&shop.client, ANN, PASSWORD).await;
    let planted = shop.client.cookie("session").unwrap();
    sign(&shop.client, ANN, PASSWORD).await;
    assert_ne!(shop.client.cookie("session").unwrap(), planted);
    let attacker = shop.client.other_user();
    attacker.set_cookie(&format!("session={planted}; Path=/"));
    assert_eq!(who(&attacker).await, "nobody");
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_to_the_sign_in_page_and_told_where_to_go_back_to() {
    let shop = on(TestDb::sqlite().await).await;
    let page = shop.client.page("/account?tab=2&x=//evil").await;
    assert_eq!(page.status(), 303);
    assert_eq!(page.header("location"), Some("/sign-in?next=%2Faccount%3Ftab%3D2%26x%3D%2F%2Fevil"));
    assert_eq!(shop.client.get("/account").header("accept", "application/json").await.status(), 401);
    assert_eq!(shop.client.post("/account").header("accept", "text/html").await.status(), 401);
}

#[tokio::test]
async fn a_role_counts_from_the_next_request_on_and_without_it_the_answer_is_403() {
    for shop in on_both().await {
        sign(&shop.client, ANN, PASSWORD).await;
        assert_eq!(shop.client.get("/admin").await.status(), 403);
        shop.client.post("/promote").await;
        assert_eq!(shop.client.get("/admin").await.text(), "welcome");
        assert_eq!(shop.client.get("/account").await.text(), r#"ann@shop.test ["editor", "admin"]"#);
    }
}

#[tokio::test]
async fn accounts_stay_when_the_configuration_changes() {
    let db = TestDb::sqlite().await;
    let runtime = Arc::new(Runtime::new(
        Shop(Outbox::default(), Sessions::in_database(), Arc::default()),
        Some((*db).clone()),
        &AppSettings::default(),
    ));
    let client = Client::of(Arc::clone(&runtime) as Arc<dyn AppTier>).await;
    runtime.configure(&Context::new(Some((*db).clone())), &AppSettings::default());
    let answer = client.post("/register").form(&[("address", ANN), ("password", PASSWORD)]).await;
    assert_eq!(answer.text(), "done");
}

/// Whoever asks from this address, as the web tier tells it.
fn from(address: &str) -> ConnectInfo {
    ConnectInfo { remote: Some(format!("{address}:1").parse().unwrap()), local: None, scheme: Scheme::Http }
}
