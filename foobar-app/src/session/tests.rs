use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use diesel::prelude::*;
use foobar_core::{BoxFuture, Secret};
use foobar_db::Migrations;

use super::*;
use crate::testing::{Client, TestDb, TestResponse};
use crate::{App, AppSettings, Context, Db, Runtime, Sessions};

mod cut_off;
mod in_cookie;
mod kept;
mod store;

struct Shop(Sessions);

impl App for Shop {
    fn routes(&self, routes: &mut ServiceConfig) {
        routes
            .route("/", web::get().to(async || "no session"))
            .route("/look", web::get().to(look))
            .route("/cached/{rules}", web::get().to(cached))
            .route("/put/{key}/{value}", web::post().to(put))
            .route("/remove/{key}", web::post().to(remove))
            .route("/rotate", web::post().to(async |session: Session| session.rotate_and_say()))
            .route("/purge", web::post().to(async |session: Session| session.purge_and_say()))
            .route("/sign-in/{user}", web::post().to(sign_in))
            .route("/end-others", web::post().to(end_others))
            .route("/number/{key}", web::get().to(number))
            .route("/fail/{status}", web::post().to(fail))
            .route("/save-and-fail/{status}", web::post().to(save_and_fail))
            .route("/save-and-panic", web::post().to(save_and_panic))
            .route("/save-and-wait", web::post().to(save_and_wait))
            .configure(cut_off::routes)
            .route("/purge-and-put", web::post().to(kept::purge_and_put))
            .route("/late", web::get().to(kept::late))
            .route("/in-a-task", web::get().to(kept::in_a_task))
            .route("/rival", web::post().to(kept::rival))
            .route("/flash", web::post().to(flash))
            .route("/flashes", web::get().to(flashes));
    }

    fn sessions(&self) -> Sessions {
        self.0.clone()
    }
}

impl Session {
    fn rotate_and_say(&self) -> &'static str {
        self.rotate();
        "rotated"
    }

    fn purge_and_say(&self) -> &'static str {
        self.purge();
        "purged"
    }
}

async fn look(session: Session) -> String {
    let record = session.0.record();
    let values: Vec<_> = record.values.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{} {}", record.user.unwrap_or_default(), values.join(" "))
}

/// Begins a session in an answer with these rules for caches.
async fn cached(session: Session, rules: web::Path<String>) -> Result<HttpResponse, Error> {
    session.insert("seen", true)?;
    let mut answer = HttpResponse::Ok();
    rules.split('|').for_each(|rule| _ = answer.append_header(("cache-control", rule)));
    Ok(answer.finish())
}

async fn put(session: Session, path: web::Path<(String, String)>) -> Result<&'static str, Error> {
    session.insert(&path.0, &path.1)?;
    Ok("put")
}

/// What the log has of a value that is none, with all causes.
async fn number(session: Session, key: web::Path<String>) -> String {
    match session.get::<i64>(&key) {
        Ok(number) => format!("{number:?}"),
        Err(error) => Chain(&error).to_string(),
    }
}

async fn remove(session: Session, key: web::Path<String>) -> &'static str {
    session.remove(&key);
    "removed"
}

async fn sign_in(session: Session, user: web::Path<i64>) -> &'static str {
    session.set_user(Some(*user));
    "signed in"
}

async fn end_others(session: Session) -> Result<&'static str, Error> {
    session.end_others_of(session.user().ok_or_else(|| Error::forbidden("nobody"))?).await?;
    Ok("ended")
}

async fn fail(session: Session, status: web::Path<u16>) -> Result<&'static str, Error> {
    session.insert("failed", *status)?;
    let status = actix_web::http::StatusCode::from_u16(*status).expect("it is one");
    Err(Error::new(status, "it failed"))
}

async fn save_and_fail(session: Session, status: web::Path<u16>) -> Result<&'static str, Error> {
    session.insert("before", "kept")?;
    session.save().await?;
    session.insert("after", "kept")?;
    let status = actix_web::http::StatusCode::from_u16(*status).expect("it is one");
    Err(Error::new(status, "it failed"))
}

async fn save_and_panic(session: Session) -> Result<&'static str, Error> {
    session.set_user(Some(7));
    session.save().await?;
    panic!("on purpose")
}

async fn save_and_wait(session: Session) -> Result<&'static str, Error> {
    session.set_user(Some(7));
    session.save().await?;
    std::future::pending().await
}

async fn flash(session: Session) -> Result<HttpResponse, Error> {
    session.flash("notice", "<b>It is done.</b>")?;
    Ok(HttpResponse::SeeOther().insert_header(("location", "/flashes")).finish())
}

async fn flashes(session: Session) -> Result<String, Error> {
    let flashes = session.take_flashes()?;
    Ok(flashes.iter().map(|flash| format!("{}: {}", flash.kind, flash.text)).collect())
}

/// A shop on a database of its own.
struct OnDb {
    client: Client,
    db: TestDb,
}

async fn on_both() -> [OnDb; 2] {
    let [sqlite, mysql] = [TestDb::sqlite().await, TestDb::mysql().await];
    [on(sqlite).await, on(mysql).await]
}

async fn on(db: TestDb) -> OnDb {
    OnDb { client: Client::new(Shop(Sessions::in_database()), Some((*db).clone())).await, db }
}

impl OnDb {
    async fn sessions(&self) -> i64 {
        count(&self.db).await
    }
}

async fn count(db: &Db) -> i64 {
    let count = diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT COUNT(*) FROM foobar_sessions)");
    db.read(move |conn| diesel::select(count.clone()).get_result(conn)).await.unwrap()
}

async fn look_at(client: &Client) -> String {
    client.get("/look").await.text().trim().to_owned()
}

fn cookie(answer: &TestResponse) -> Option<String> {
    answer.header("set-cookie").map(str::to_owned)
}

#[tokio::test]
async fn a_visitor_of_whom_nothing_is_remembered_has_no_cookie_and_no_row() {
    for shop in on_both().await {
        for path in ["/", "/look", "/flashes"] {
            let answer = shop.client.get(path).await;
            assert_eq!((answer.status().as_u16(), cookie(&answer)), (200, None), "{path}");
        }
        assert_eq!(cookie(&shop.client.post("/remove/nothing").await), None);
        assert_eq!(cookie(&shop.client.post("/purge").await), None);
        assert_eq!(shop.sessions().await, 0);
    }
}

#[tokio::test]
async fn what_is_put_in_is_there_in_the_next_request_and_only_of_that_visitor() {
    for shop in on_both().await {
        shop.client.post("/put/name/Ann").await;
        shop.client.post("/put/basket/tea").await;
        assert_eq!(look_at(&shop.client).await, r#"0 basket="tea" name="Ann""#);
        shop.client.post("/remove/basket").await;
        assert_eq!(look_at(&shop.client).await, r#"0 name="Ann""#);
        assert_eq!(look_at(&shop.client.other_user()).await, "0");
        assert_eq!(shop.sessions().await, 1);
    }
}

#[tokio::test]
async fn an_answer_that_depends_on_the_session_is_private_and_varies_and_others_do_not() {
    let shop = on(TestDb::sqlite().await).await;
    let answer = shop.client.get("/look").await;
    assert_eq!((answer.header("cache-control"), answer.header("vary")), (Some("private"), Some("cookie")));
    let answer = shop.client.get("/").await;
    assert_eq!((answer.header("cache-control"), answer.header("vary")), (None, None));
}

#[tokio::test]
async fn no_shared_cache_may_keep_an_answer_that_sets_the_cookie_whatever_the_handler_says() {
    let shop = on(TestDb::sqlite().await).await;
    for (rules, expected) in [
        ("public", "private"),
        ("public, max-age=60", "private, max-age=60"),
        ("PUBLIC,S-MaxAge=60, must-revalidate", "private, must-revalidate"),
        ("max-age=60", "private, max-age=60"),
        ("no-cache", "private, no-cache"),
        ("no-store", "private, no-store"),
        ("private, max-age=60", "private, max-age=60"),
        ("private=\"vary, set-cookie\", max-age=60", "private, max-age=60"),
        ("max-age=60|public", "private, max-age=60"),
    ] {
        let answer =
            shop.client.other_user().get(&format!("/cached/{}", rules.replace(' ', "%20").replace('"', "%22"))).await;
        assert!(cookie(&answer).is_some());
        let kept: Vec<_> = answer.headers().get_all("cache-control").iter().collect();
        assert_eq!(kept, [expected], "{rules}");
    }
}

#[tokio::test]
async fn the_cookie_is_httponly_and_lax_and_over_tls_secure_and_of_the_host_alone() {
    let shop = on(TestDb::sqlite().await).await;
    let plain = cookie(&shop.client.post("/put/a/b").await).unwrap();
    assert!(plain.starts_with("session=") && plain.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{plain}");
    let secure = cookie(&shop.client.other_user().post("https://shop.test/put/a/b").await).unwrap();
    assert!(secure.starts_with("__Host-session="), "{secure}");
    assert!(secure.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{secure}");
}

#[tokio::test]
async fn a_session_that_was_begun_without_tls_is_none_over_tls() {
    let shop = on(TestDb::sqlite().await).await;
    shop.client.post("/put/a/b").await;
    assert_eq!(shop.client.get("https://localhost/look").await.text().trim(), "0");
}

#[tokio::test]
async fn the_database_has_the_hash_of_a_token_and_never_the_token() {
    for shop in on_both().await {
        shop.client.post("/put/a/b").await;
        let token = shop.client.cookie("session").unwrap();
        assert_eq!(token.len(), 22);
        let id = shop.db.read(|conn| {
            foobar_sessions().select(diesel::dsl::sql::<diesel::sql_types::Binary>("id")).first::<Vec<u8>>(conn)
        });
        assert_eq!(id.await.unwrap(), token::hash(&token).unwrap());
    }
}

fn foobar_sessions() -> super::store::in_database::foobar_sessions::table {
    super::store::in_database::foobar_sessions::table
}

#[tokio::test]
async fn a_cookie_that_is_forged_cut_or_foreign_is_that_of_a_new_visitor() {
    for shop in on_both().await {
        shop.client.post("/put/a/b").await;
        let token = shop.client.cookie("session").unwrap();
        let other = token::generate();
        for wrong in
            [&token[..21], &format!("{token}A"), &other, "", "AAAA", "'; DROP TABLE foobar_sessions", &"x".repeat(9000)]
        {
            let answer = shop.client.get("/look").header("cookie", &format!("session={wrong}")).await;
            assert_eq!((answer.status().as_u16(), answer.text().trim()), (200, "0"), "{wrong}");
            assert_eq!(cookie(&answer), None, "{wrong}");
        }
        assert_eq!(look_at(&shop.client).await, r#"0 a="b""#);
    }
}

#[tokio::test]
async fn a_token_from_before_a_sign_in_is_dead_after_it() {
    for shop in on_both().await {
        shop.client.post("/put/basket/tea").await;
        let planted = shop.client.cookie("session").unwrap();
        assert!(cookie(&shop.client.post("/sign-in/7").await).is_some());
        assert_eq!(look_at(&shop.client).await, r#"7 basket="tea""#, "the rest of the session stays");
        assert_ne!(shop.client.cookie("session").unwrap(), planted);
        let attacker = shop.client.other_user();
        attacker.set_cookie(&format!("session={planted}; Path=/"));
        assert_eq!(look_at(&attacker).await, "0");
        assert_eq!(shop.sessions().await, 1);
    }
}

#[tokio::test]
async fn who_signs_in_after_somebody_else_in_the_same_browser_finds_nothing_of_theirs() {
    for shop in on_both().await {
        shop.client.post("/sign-in/7").await;
        shop.client.post("/put/basket/tea").await;
        let of_first = shop.client.cookie("session").unwrap();
        shop.client.post("/sign-in/7").await;
        assert_eq!(look_at(&shop.client).await, r#"7 basket="tea""#, "it is the same user");
        shop.client.post("/sign-in/8").await;
        assert_eq!(look_at(&shop.client).await, "8");
        assert_eq!(shop.sessions().await, 1);
        let first = shop.client.other_user();
        first.set_cookie(&format!("session={of_first}; Path=/"));
        assert_eq!(look_at(&first).await, "0");
    }
}

#[tokio::test]
async fn an_error_of_a_value_names_its_key_and_its_type_and_never_the_value() {
    let shop = on(TestDb::sqlite().await).await;
    shop.client.post("/put/pin/s3cret").await;
    let error = shop.client.get("/number/pin").await.text().to_owned();
    let expected = r#"the value "pin" of the session is not of the type that is asked for: i64"#;
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_session_that_is_rotated_or_purged_has_its_old_token_dead() {
    for shop in on_both().await {
        for path in ["/rotate", "/purge"] {
            shop.client.post("/put/a/b").await;
            let old = shop.client.cookie("session").unwrap();
            shop.client.post(path).await;
            let answer = shop.client.get("/look").header("cookie", &format!("session={old}")).await;
            assert_eq!(answer.text().trim(), "0", "{path}");
        }
        assert_eq!(shop.client.cookie("session"), None, "the browser has forgotten it");
        assert_eq!(shop.sessions().await, 0);
    }
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_other_sessions_of_that_user() {
    for shop in on_both().await {
        let [phone, stranger] = [shop.client.other_user(), shop.client.other_user()];
        for (client, user) in [(&shop.client, 7), (&phone, 7), (&stranger, 8)] {
            client.post(&format!("/sign-in/{user}")).await;
        }
        assert_eq!(shop.client.post("/end-others").await.text(), "ended");
        assert_eq!([look_at(&shop.client).await, look_at(&phone).await, look_at(&stranger).await], ["7", "0", "8"]);
    }
}

#[tokio::test]
async fn a_handler_that_fails_keeps_nothing_and_one_that_refuses_does() {
    for shop in on_both().await {
        assert_eq!(shop.client.post("/fail/500").await.status(), 500);
        assert_eq!(look_at(&shop.client).await, "0");
        let answer = shop.client.post("/fail/422").await;
        assert_eq!((answer.status().as_u16(), cookie(&answer).is_some()), (422, true));
        assert_eq!(look_at(&shop.client).await, "0 failed=422");
    }
}

#[tokio::test]
async fn a_message_is_shown_once_on_the_next_page() {
    for shop in on_both().await {
        shop.client.post("/flash").await;
        assert_eq!(shop.client.get("/flashes").await.text(), "notice: <b>It is done.</b>");
        assert_eq!(shop.client.get("/flashes").await.text(), "");
    }
}

#[tokio::test]
async fn a_handler_that_takes_a_session_where_there_are_none_is_a_500() {
    let client = Client::new(Shop(Sessions::none()), None).await;
    assert_eq!(client.get("/look").await.status(), 500);
}

/// As a process leaves it that is killed after the table was made and before that is noted.
#[tokio::test]
async fn a_migration_that_was_cut_off_runs_again() {
    let db = TestDb::mysql().await;
    let table = include_str!("../../migrations/sessions/mysql/2026-11-29-000000_foobar_sessions/up.sql");
    db.write(|conn| diesel::connection::SimpleConnection::batch_execute(conn, table)).await.unwrap();
    db.migrate(&Migrations::none().after(InDatabase::migrations())).await.unwrap();
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn sessions_without_what_they_need_end_the_start() {
    for (sessions, expected) in [
        (Sessions::in_database(), "sessions are kept in the database, and there is none: set `database.url`"),
        (Sessions::in_cookie(), "sessions are kept in their cookies, and there is no key"),
    ] {
        let tier = Runtime::new(Shop(sessions), None, &AppSettings::default());
        let error = foobar_core::Tier::start(&tier).await.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

/// Where no session is read, the store is not asked: one that always fails is not noticed.
#[tokio::test]
async fn a_store_that_fails_is_an_error_where_a_session_is_taken_and_nowhere_else() {
    struct Down;

    fn down<T>() -> BoxFuture<'static, Result<T, BoxError>> {
        Box::pin(async { Err(foobar_db::Error::Closed.into()) })
    }

    impl SessionStore for Down {
        fn load<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<SessionRecord>, BoxError>> {
            down()
        }
        fn create(&self, _: SessionRecord) -> BoxFuture<'_, Result<String, BoxError>> {
            down()
        }
        fn update<'a>(
            &'a self,
            _: &'a str,
            _: SessionRecord,
            _: SessionChange,
        ) -> BoxFuture<'a, Result<Updated, BoxError>> {
            down()
        }
        fn remove<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
            down()
        }
        fn remove_user<'a>(&'a self, _: i64, _: Option<&'a str>) -> BoxFuture<'a, Result<(), BoxError>> {
            down()
        }
        fn remove_expired(&self, _: i64) -> BoxFuture<'_, Result<usize, BoxError>> {
            down()
        }
    }

    let client = Client::new(Shop(Sessions::in_store(Down)), None).await;
    client.set_cookie("session=abc; Path=/");
    assert_eq!(client.get("/").await.status(), 200);
    let answer = client.get("/look").await;
    assert_eq!((answer.status().as_u16(), answer.header("retry-after")), (503, Some("1")));
    client.clear_cookies();
    let answer = client.post("/put/a/b").await; // done by the handler, and not kept
    assert_eq!((answer.status().as_u16(), answer.header("retry-after")), (503, Some("1")), "{answer:?}");
}
