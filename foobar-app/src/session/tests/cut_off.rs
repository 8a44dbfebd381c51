//! A handler that is cut off while its session is being kept: the browser is told what the database has, or nothing is done.

use std::future::pending;

use super::kept::{refuse, refuse_nothing};
use super::*;
use futures_util::FutureExt;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes
        .route("/begin-to-save/{end}", web::post().to(begin_to_save))
        .route("/begin-to-save-and-then/{what}", web::post().to(begin_to_save_and_then))
        .route("/save-again", web::post().to(save_again));
}

/// Begins to keep a sign-in, and waits for that no longer.
async fn begin_to_save(session: Session, end: web::Path<String>) -> &'static str {
    session.set_user(Some(7));
    let _cut_off = session.save().now_or_never();
    match &**end {
        "panic" => panic!("on purpose"),
        "wait" => pending().await,
        _ => "answered",
    }
}

/// Changes the session after it has begun to be kept, and waits for that no longer.
async fn begin_to_save_and_then(session: Session, what: web::Path<String>) -> Result<&'static str, Error> {
    session.insert("first", 1)?;
    let _cut_off = session.save().now_or_never();
    match &**what {
        "insert" => session.insert("second", 2)?,
        "remove" => session.remove("first"),
        "sign-in" => session.set_user(Some(7)),
        _ => session.purge(),
    }
    Ok("answered")
}

async fn save_again(session: Session) -> Result<&'static str, Error> {
    session.set_user(Some(7));
    let _cut_off = session.save().now_or_never();
    session.save().await?;
    Ok("saved")
}

async fn on_both_with_a_deadline() -> [(Client, TestDb); 2] {
    let settings = AppSettings { request_timeout: "1s".parse().unwrap(), ..AppSettings::default() };
    let client = async |db: &TestDb| {
        let tier = Runtime::new(Shop(Sessions::in_database()), Some((**db).clone()), &settings);
        Client::of(Arc::new(tier)).await
    };
    let [sqlite, mysql] = [TestDb::sqlite().await, TestDb::mysql().await];
    [(client(&sqlite).await, sqlite), (client(&mysql).await, mysql)]
}

#[tokio::test]
async fn what_is_being_kept_is_told_where_the_handler_is_cut_off_meanwhile() {
    for (client, _db) in on_both_with_a_deadline().await {
        for (end, status) in [("panic", 500), ("wait", 504), ("answer", 200)] {
            client.post("/purge").await;
            client.post("/put/basket/tea").await;
            let answer = client.post(&format!("/begin-to-save/{end}")).await;
            assert_eq!((answer.status().as_u16(), cookie(&answer).is_some()), (status, true), "{end}");
            assert_eq!(look_at(&client).await, r#"7 basket="tea""#, "{end}");
        }
    }
}

#[tokio::test]
async fn what_the_database_refuses_when_the_handler_is_cut_off_leaves_the_session_as_it_was() {
    for (client, db) in on_both_with_a_deadline().await {
        for (end, status) in [("panic", 500), ("wait", 504), ("answer", 500)] {
            client.post("/put/basket/tea").await;
            refuse(&db, "INSERT").await;
            let answer = client.post(&format!("/begin-to-save/{end}")).await;
            refuse_nothing(&db).await;
            assert_eq!((answer.status().as_u16(), cookie(&answer)), (status, None), "{end}");
            assert_eq!(look_at(&client).await, r#"0 basket="tea""#, "{end}");
        }
    }
}

#[tokio::test]
async fn what_changes_while_a_save_that_nobody_waits_for_goes_on_is_kept_too() {
    for shop in on_both().await {
        for (what, then) in [
            ("insert", r#"0 basket="tea" first=1 second=2"#),
            ("remove", r#"0 basket="tea""#),
            ("sign-in", r#"7 basket="tea" first=1"#),
            ("purge", "0"),
        ] {
            shop.client.post("/purge").await;
            shop.client.post("/put/basket/tea").await;
            let answer = shop.client.post(&format!("/begin-to-save-and-then/{what}")).await;
            assert_eq!((answer.status().as_u16(), &*look_at(&shop.client).await), (200, then), "{what}");
        }
        assert_eq!(shop.sessions().await, 0);
    }
}

#[tokio::test]
async fn a_first_session_has_what_changes_while_a_save_that_nobody_waits_for_goes_on() {
    for shop in on_both().await {
        assert_eq!(shop.client.post("/begin-to-save-and-then/insert").await.status(), 200);
        assert_eq!((&*look_at(&shop.client).await, shop.sessions().await), ("0 first=1 second=2", 1));
    }
}

#[tokio::test]
async fn who_saves_again_after_a_save_that_nobody_waits_for_has_one_session() {
    for shop in on_both().await {
        for _of_none_and_of_one in 0..2 {
            let answer = shop.client.post("/save-again").await;
            assert_eq!((answer.status().as_u16(), answer.text()), (200, "saved"));
            assert_eq!((&*look_at(&shop.client).await, shop.sessions().await), ("7", 1));
        }
    }
}
