//! Accounts of a server that listens, on SQLite and on MariaDB: a sign-in in two steps, and programs with tokens.

use foobar::actix_web::HttpResponse;
use foobar::test::{TestDb, totp_code};
use foobar::{AccountOptions, Accounts, ApiUser, App, Error, Refusal, Running, Server, Session, Sessions, User, web};

use crate::support::{Answer, Client};

struct Shop;

impl App for Shop {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes
            .route("/register", web::post().to(register))
            .route("/sign-in", web::post().to(sign_in))
            .route("/code", web::post().to(code))
            .route("/totp", web::post().to(begin))
            .route("/totp/on", web::post().to(turn_on))
            .route("/tokens", web::post().to(token))
            .route("/account", web::get().to(async |user: User| user.address))
            .service(web::resource("/api").get(api).post(api));
    }

    fn sessions(&self) -> Sessions {
        Sessions::in_database()
    }

    fn accounts(&self) -> Option<AccountOptions> {
        Some(AccountOptions::new("/sign-in"))
    }
}

const ANN: &str = "ann@shop.test";
const PASSWORD: &str = "correct horse";
const KEY: &str = "a key of the tests that is longer than 32 characters";

fn answer<T>(outcome: Result<T, Refusal>, text: impl FnOnce(T) -> String) -> HttpResponse {
    match outcome {
        Ok(value) => HttpResponse::Ok().body(text(value)),
        Err(refusal) => HttpResponse::UnprocessableEntity().body(format!("{} {}", refusal.field, refusal.problem)),
    }
}

async fn register(accounts: Accounts) -> Result<HttpResponse, Error> {
    Ok(answer(accounts.register(ANN, PASSWORD).await?, |user| user.address))
}

async fn sign_in(accounts: Accounts, session: Session, password: String) -> Result<HttpResponse, Error> {
    Ok(answer(accounts.sign_in(&session, ANN, &password).await?, |user| user.address))
}

async fn code(accounts: Accounts, session: Session, code: String) -> Result<HttpResponse, Error> {
    Ok(answer(accounts.finish_sign_in(&session, &code).await?, |user| user.address))
}

async fn begin(accounts: Accounts, user: User) -> Result<HttpResponse, Error> {
    Ok(answer(accounts.enrol_totp(&user, PASSWORD, "The Shop").await?, |enrolment| enrolment.secret))
}

async fn turn_on(accounts: Accounts, user: User, code: String) -> Result<HttpResponse, Error> {
    Ok(answer(accounts.activate_totp(&user, &code).await?, |codes| codes.join("\n")))
}

async fn token(accounts: Accounts, user: User) -> Result<HttpResponse, Error> {
    Ok(answer(accounts.create_token(&user, "Backup", None).await?, |token| token))
}

async fn api(api: ApiUser) -> String {
    format!("{} {}", api.user.address, api.token.name)
}

struct Fixture {
    running: Running,
    _db: TestDb,
}

async fn on(db: TestDb) -> Fixture {
    let server = Server::new().app(Shop).database((*db).clone()).set("session.keys", KEY);
    let server = server.set("web.listen", "127.0.0.1:0").set("web.access_log", "off").set("admin.listen", "off");
    Fixture { running: server.start().await.unwrap(), _db: db }
}

async fn on_both() -> [Fixture; 2] {
    [on(TestDb::sqlite().await).await, on(TestDb::mysql().await).await]
}

impl Fixture {
    /// A browser with this cookie, if it has any.
    fn send(&self, method: &str, path: &str, cookie: &str, body: &str) -> Answer {
        let fields = format!("Sec-Fetch-Site: same-origin\r\nContent-Type: text/plain\r\nCookie: {cookie}\r\n");
        self.ask(method, path, if cookie.is_empty() { "Content-Type: text/plain\r\n" } else { &fields }, body)
    }

    fn ask(&self, method: &str, path: &str, fields: &str, body: &str) -> Answer {
        let address = self.running.addresses()[0].to_string();
        Client::connect(address.trim_start_matches("http://")).request(method, path, fields, body.as_bytes())
    }

    /// The cookie of somebody whose password was right, and what was said.
    fn sign_in(&self) -> (String, Answer) {
        let answer = self.send("POST", "/sign-in", "", PASSWORD);
        let cookie = cookie(&answer);
        (cookie, answer)
    }
}

fn cookie(answer: &Answer) -> String {
    let field = answer.header("set-cookie").unwrap_or_else(|| panic!("{answer:?}"));
    field.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_sign_in_with_a_second_factor_takes_two_steps_over_the_wire() {
    for shop in on_both().await {
        shop.send("POST", "/register", "", "");
        let (signed_in, _) = shop.sign_in();
        let secret = shop.send("POST", "/totp", &signed_in, "").text().to_owned();
        let codes = shop.send("POST", "/totp/on", &signed_in, &totp_code(&secret, 0));
        assert_eq!(codes.text().lines().count(), 10, "{codes:?}");
        for typed in [totp_code(&secret, 1), codes.text().lines().nth(9).unwrap().to_owned()] {
            let (waiting, answer) = shop.sign_in();
            assert_eq!((answer.status, answer.text()), (422, "code of your authenticator app is needed"));
            assert_eq!(shop.send("GET", "/account", &waiting, "").status, 401);
            assert_eq!(shop.send("POST", "/code", &waiting, "12345").status, 422);
            let finished = shop.send("POST", "/code", &waiting, &typed);
            assert_eq!((finished.status, finished.text()), (200, ANN));
            let signed_in = cookie(&finished);
            assert_eq!(shop.send("GET", "/account", &signed_in, "").text(), ANN);
            assert_eq!(shop.send("GET", "/account", &waiting, "").status, 401, "the token from before is dead");
            assert_eq!(shop.send("POST", "/code", &waiting, &typed).status, 422, "and the code is used up");
        }
        shop.running.stop().await;
    }
}

#[tokio::test]
async fn a_program_with_a_token_is_known_over_the_wire_and_one_with_a_bad_token_is_told_so() {
    for shop in on_both().await {
        shop.send("POST", "/register", "", "");
        let (signed_in, _) = shop.sign_in();
        let token = shop.send("POST", "/tokens", &signed_in, "").text().to_owned();
        let by = |method, token: &str| shop.ask(method, "/api", &format!("Authorization: Bearer {token}\r\n"), "");
        for method in ["GET", "POST"] {
            assert_eq!(by(method, &token).text(), "ann@shop.test Backup");
        }
        let page = "Origin: https://evil.test\r\nSec-Fetch-Site: cross-site\r\n";
        let strange = |fields: &str| shop.ask("POST", "/api", &format!("{page}{fields}"), "").status;
        assert_eq!(strange(&format!("Authorization: Bearer {token}\r\n")), 200);
        assert_eq!(strange(&format!("Authorization: Bearer {token}\r\nCookie: {signed_in}\r\n")), 403);
        let bad = by("POST", &format!("{token}x"));
        let challenge = bad.header("www-authenticate");
        assert_eq!((bad.status, challenge), (401, Some("Bearer error=\"invalid_token\"")), "{bad:?}");
        assert_eq!(bad.header("content-type"), Some("application/problem+json"), "{bad:?}");
        assert_eq!(shop.send("GET", "/api", &signed_in, "").header("www-authenticate"), Some("Bearer"));
        let both = format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n");
        assert_eq!(shop.ask("GET", "/api", &both, "").status, 401);
        shop.running.stop().await;
    }
}

#[test]
fn a_whole_sign_in_test_has_at_most_fifteen_lines_in_the_guide() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/accounts.md")).unwrap();
    let (_, test) = guide.split_once("\nasync fn who_has_an_account_signs_in() {\n").expect("it is there");
    let (body, _) = test.split_once("\n}\n").expect("it ends");
    assert!(body.contains("csrf_token()") && body.lines().count() + 2 <= 15, "{body}");
}
