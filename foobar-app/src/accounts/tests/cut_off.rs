//! A sign-in that is cut off in its transaction: whoever is signed in has the cookie, or nothing is done.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::second_factor::send;
use super::*;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes
        .route("/cut-off/sign-in", web::post().to(sign_in_and_panic))
        .route("/given-up/sign-in", web::post().to(give_up_and_fill))
        .route("/given-up/twice", web::post().to(give_up_and_sign_in))
        .route("/cut-off/code", web::post().to(finish_and_panic))
        .route("/cut-off/password", web::post().to(change_and_panic));
}

async fn sign_in_and_panic(accounts: Accounts, session: Session, form: web::Form<Fields>) -> HttpResponse {
    cut_off(&session, accounts.sign_in(&session, &form.address, &form.password)).await
}

/// Waits for a sign-in no longer, and changes the session.
async fn give_up_and_fill(accounts: Accounts, session: Session, form: web::Form<Fields>) -> Result<String, Error> {
    give_up(&session, accounts.sign_in(&session, &form.address, &form.password)).await;
    session.insert("basket", "tea")?;
    Ok("answered".to_owned())
}

async fn give_up_and_sign_in(
    accounts: Accounts,
    session: Session,
    form: web::Form<Fields>,
) -> Result<HttpResponse, Error> {
    give_up(&session, accounts.sign_in(&session, &form.address, &form.password)).await;
    sign_in(accounts, session, form).await
}

#[derive(serde::Deserialize)]
struct Typed {
    typed: String,
}

async fn finish_and_panic(accounts: Accounts, session: Session, form: web::Form<Typed>) -> HttpResponse {
    cut_off(&session, accounts.finish_sign_in(&session, &form.typed)).await
}

async fn change_and_panic(accounts: Accounts, session: Session, user: User, form: web::Form<Fields>) -> HttpResponse {
    cut_off(&session, accounts.change_password(&session, &user, &form.password, &form.new)).await
}

/// Works until the session is being kept, and panics then.
async fn cut_off<T>(session: &Session, work: impl Future<Output = Result<T, Error>>) -> HttpResponse {
    give_up(session, work).await;
    panic!("on purpose")
}

/// Works until the session is being kept.
async fn give_up<T>(session: &Session, work: impl Future<Output = Result<T, Error>>) {
    let mut work = pin!(work);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Pending if !session.is_being_kept() => Poll::Pending,
        _ => Poll::Ready(()), // in the middle, or when it is kept already
    })
    .await;
}

async fn cut_off_by_post(client: &Client, path: &str, form: &[(&str, &str)]) {
    let answer = client.post(path).form(form).await;
    assert_eq!(answer.status(), 500, "{path}: {}", answer.text());
}

const CREDENTIALS: [(&str, &str); 2] = [("address", ANN), ("password", PASSWORD)];
const NEW: [(&str, &str); 2] = [("password", PASSWORD), ("new", "battery staple")];

/// No session can begin, or all may again.
async fn refuse(shop: &OnDb, is_refused: bool) {
    match is_refused {
        true => shop.refuse("INSERT ON foobar_sessions").await,
        false => shop.refuse_nothing().await,
    }
}

#[tokio::test]
async fn a_sign_in_that_is_cut_off_in_its_transaction_is_told_and_its_session_stays() {
    for shop in on_both().await {
        shop.client.post("/basket").await;
        cut_off_by_post(&shop.client, "/cut-off/sign-in", &CREDENTIALS).await;
        assert_eq!(who(&shop.client).await, ANN);
        assert_eq!(shop.client.get("/basket").await.text(), "Some(\"tea\")");
    }
}

#[tokio::test]
async fn a_code_that_is_used_up_by_a_sign_in_that_is_cut_off_has_signed_in() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let browser = shop.client.other_user();
        sign(&browser, ANN, PASSWORD).await;
        cut_off_by_post(&browser, "/cut-off/code", &[("typed", &phone.codes[0])]).await;
        assert_eq!(who(&browser).await, ANN);
        assert_eq!(browser.get("/totp/left").await.text(), "Some(9)");
    }
}

#[tokio::test]
async fn who_changes_the_password_and_is_cut_off_is_signed_in_by_the_new_one() {
    for shop in on_both().await {
        sign(&shop.client, ANN, PASSWORD).await;
        cut_off_by_post(&shop.client, "/cut-off/password", &NEW).await;
        assert_eq!(who(&shop.client).await, ANN);
        assert_eq!(sign(&shop.client.other_user(), ANN, "battery staple").await.text(), "done");
    }
}

#[tokio::test]
async fn what_is_cut_off_and_refused_by_the_database_has_done_nothing_and_may_be_sent_again() {
    for shop in on_both().await {
        let phone = shop.enrol().await;
        let browser = shop.client.other_user();
        browser.post("/basket").await;
        let finish = [("typed", &*phone.codes[0])];
        refuse(&shop, true).await;
        cut_off_by_post(&browser, "/cut-off/sign-in", &CREDENTIALS).await;
        refuse(&shop, false).await;
        assert_eq!(browser.get("/basket").await.text(), "Some(\"tea\")");
        sign(&browser, ANN, PASSWORD).await;
        refuse(&shop, true).await;
        cut_off_by_post(&browser, "/cut-off/code", &finish).await;
        cut_off_by_post(&shop.client, "/cut-off/password", &NEW).await;
        refuse(&shop, false).await;
        assert_eq!((&*who(&browser).await, &*who(&shop.client).await), ("nobody", ANN));
        assert_eq!(send(&browser, "/code", finish[0].1).await, "done");
    }
}

#[tokio::test]
async fn what_changes_while_a_sign_in_that_nobody_waits_for_goes_on_is_kept_with_it() {
    for sessions in [Sessions::in_database(), Sessions::in_cookie()] {
        for db in [TestDb::sqlite().await, TestDb::mysql().await] {
            let shop = with(sessions.clone(), db).await;
            assert_eq!(shop.client.post("/given-up/sign-in").form(&CREDENTIALS).await.text(), "answered");
            assert_eq!(who(&shop.client).await, ANN);
            assert_eq!(shop.client.get("/basket").await.text(), "Some(\"tea\")");
        }
    }
}

#[tokio::test]
async fn who_signs_in_again_after_a_sign_in_that_nobody_waits_for_has_one_session() {
    for shop in on_both().await {
        let answer = shop.client.post("/given-up/twice").form(&CREDENTIALS).await;
        assert_eq!((answer.status().as_u16(), answer.text()), (200, "done"));
        let count = diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT COUNT(*) FROM foobar_sessions)");
        let rows: i64 = shop.db.read(move |conn| diesel::select(count.clone()).get_result(conn)).await.unwrap();
        assert_eq!((&*who(&shop.client).await, rows), (ANN, 1));
    }
}
