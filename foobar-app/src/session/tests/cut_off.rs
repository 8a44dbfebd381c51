//! A handler that is cut off while its session is being kept: the browser is told what the database has, or nothing is done.

use std::future::pending;

use super::kept::{refuse, refuse_nothing};
use super::*;
use futures_util::FutureExt;

/// Begins to keep a sign-in, and waits for that no longer.
pub(super) async fn begin_to_save(session: Session, end: web::Path<String>) -> &'static str {
    session.set_user(Some(7));
    let _cut_off = session.save().now_or_never();
    match &**end {
        "panic" => panic!("on purpose"),
        "wait" => pending().await,
        _ => "answered",
    }
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
