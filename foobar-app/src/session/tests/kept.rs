//! Whether a session is kept: what is not written, what is removed, and what an answer is where the database refuses it.

use super::*;
use diesel::connection::SimpleConnection;

/// Makes the database refuse this kind of statement for the table of sessions.
pub(super) async fn refuse(db: &Db, statement: &str) {
    let body = match db.engine() {
        foobar_db::Engine::Sqlite => "BEGIN SELECT RAISE(ABORT, 'planted'); END",
        foobar_db::Engine::Mysql => "FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'planted'",
    };
    let trigger = format!("CREATE TRIGGER planted BEFORE {statement} ON foobar_sessions {body}");
    db.write(move |conn| conn.batch_execute(&trigger)).await.unwrap();
}

pub(super) async fn refuse_nothing(db: &Db) {
    db.write(|conn| conn.batch_execute("DROP TRIGGER planted")).await.unwrap();
}

async fn version(db: &Db) -> i64 {
    let version = diesel::dsl::sql::<diesel::sql_types::BigInt>("version");
    db.read(move |conn| foobar_sessions().select(version.clone()).first(conn)).await.unwrap()
}

#[tokio::test]
async fn a_session_in_which_nothing_is_left_is_removed_with_its_cookie() {
    for shop in on_both().await {
        shop.client.post("/flash").await;
        assert_eq!(shop.sessions().await, 1);
        assert_eq!(shop.client.get("/flashes").await.text(), "notice: <b>It is done.</b>");
        assert_eq!((shop.client.cookie("session"), shop.sessions().await), (None, 0));
        shop.client.post("/put/a/b").await;
        shop.client.post("/flash").await;
        shop.client.get("/flashes").await;
        assert_eq!(look_at(&shop.client).await, r#"0 a="b""#, "something was left");
    }
}

#[tokio::test]
async fn a_value_that_is_there_already_is_not_written_again() {
    for shop in on_both().await {
        shop.client.post("/put/a/b").await;
        let written = version(&shop.db).await;
        shop.client.post("/put/a/b").await;
        assert_eq!(version(&shop.db).await, written);
        shop.client.post("/put/a/c").await;
        assert_ne!(version(&shop.db).await, written);
        assert_eq!(look_at(&shop.client).await, r#"0 a="c""#);
    }
}

#[tokio::test]
async fn an_answer_is_sent_where_only_its_message_for_the_next_page_is_not_kept() {
    for shop in on_both().await {
        refuse(&shop.db, "INSERT").await;
        let answer = shop.client.post("/flash").await;
        assert_eq!((answer.status().as_u16(), cookie(&answer)), (303, None));
        assert_eq!(shop.client.post("/put/a/b").await.status(), 500, "a value is more than that");
        refuse_nothing(&shop.db).await;
        shop.client.post("/put/a/b").await;
        refuse(&shop.db, "UPDATE").await;
        assert_eq!(shop.client.post("/flash").await.status(), 303);
        assert_eq!(shop.client.post("/put/a/c").await.status(), 500);
        assert_eq!(look_at(&shop.client).await, r#"0 a="b""#);
    }
}

#[tokio::test]
async fn a_page_is_shown_where_its_message_cannot_be_taken_and_comes_again() {
    for shop in on_both().await {
        shop.client.post("/flash").await;
        refuse(&shop.db, "DELETE").await;
        for _time in 0..2 {
            assert_eq!(shop.client.get("/flashes").await.text(), "notice: <b>It is done.</b>");
        }
    }
}

#[tokio::test]
async fn a_page_is_shown_where_the_time_of_the_last_use_cannot_be_written() {
    for shop in on_both().await {
        shop.client.post("/put/a/b").await;
        let age = |conn: &mut foobar_db::Conn| conn.batch_execute("UPDATE foobar_sessions SET seen_at = seen_at - 600");
        shop.db.write(age).await.unwrap();
        refuse(&shop.db, "UPDATE").await;
        let answer = shop.client.get("/look").await;
        assert_eq!((answer.status().as_u16(), answer.text()), (200, r#"0 a="b""#));
    }
}

#[tokio::test]
async fn a_session_that_is_saved_is_kept_and_told_whatever_the_handler_answers_then() {
    for shop in on_both().await {
        let answer = shop.client.post("/save-and-fail/500").await;
        assert_eq!((answer.status().as_u16(), cookie(&answer).is_some()), (500, true));
        assert_eq!(look_at(&shop.client).await, r#"0 before="kept""#);
        shop.client.post("/save-and-fail/422").await;
        assert_eq!(look_at(&shop.client).await, r#"0 after="kept" before="kept""#);
    }
}

#[tokio::test]
async fn a_handler_that_saves_what_cannot_be_kept_has_an_error() {
    for shop in on_both().await {
        refuse(&shop.db, "INSERT").await;
        assert_eq!(shop.client.post("/save-and-fail/422").await.status(), 500);
    }
}

/// As a handler that greets on the next page whoever has signed out, and one that signs another user in.
#[tokio::test]
async fn a_session_that_another_one_takes_the_place_of_stays_where_that_cannot_begin() {
    for shop in on_both().await {
        shop.client.post("/sign-in/7").await;
        shop.client.post("/put/basket/tea").await;
        refuse(&shop.db, "INSERT").await;
        for path in ["/purge-and-put", "/sign-in/8"] {
            assert_eq!(shop.client.post(path).await.status(), 500, "{path}");
            assert_eq!(look_at(&shop.client).await, r#"7 basket="tea""#, "{path}");
        }
        refuse_nothing(&shop.db).await;
        refuse(&shop.db, "DELETE").await;
        assert_eq!(shop.client.post("/purge-and-put").await.status(), 500);
        refuse_nothing(&shop.db).await;
        assert_eq!((&*look_at(&shop.client).await, shop.sessions().await), (r#"7 basket="tea""#, 1));
        shop.client.post("/purge-and-put").await;
        assert_eq!((&*look_at(&shop.client).await, shop.sessions().await), ("0 greeting=\"Bye\"", 1));
    }
}

pub(super) async fn purge_and_put(session: Session) -> Result<&'static str, Error> {
    session.purge();
    session.insert("greeting", "Bye")?;
    Ok("purged")
}

/// The token from before is dead: a browser that is not told of the new one has lost all that was in the session.
#[tokio::test]
async fn a_session_that_is_saved_is_told_where_the_handler_panics_or_takes_too_long() {
    let settings = AppSettings { request_timeout: "1s".parse().unwrap(), ..AppSettings::default() };
    for db in [TestDb::sqlite().await, TestDb::mysql().await] {
        let tier = Runtime::new(Shop(Sessions::in_database()), Some((*db).clone()), &settings);
        let client = Client::of(Arc::new(tier)).await;
        for (path, status) in [("/save-and-panic", 500), ("/save-and-wait", 504)] {
            client.post("/put/basket/tea").await;
            let answer = client.post(path).await;
            assert_eq!((answer.status().as_u16(), cookie(&answer).is_some()), (status, true), "{path}");
            assert_eq!(look_at(&client).await, r#"7 basket="tea""#, "{path}");
        }
    }
}

/// Whether the session can be read once the head of the answer is there.
pub(super) async fn late(request: HttpRequest) -> HttpResponse {
    let body = async move {
        let found = Session::extract(&request).await;
        Ok::<_, std::convert::Infallible>(web::Bytes::from(if found.is_ok() { "found" } else { "an error" }))
    };
    HttpResponse::Ok().streaming(Box::pin(futures_util::stream::once(body)))
}

pub(super) async fn in_a_task(request: HttpRequest) -> String {
    let task = actix_web::rt::spawn(async move { Session::extract(&request).await.is_ok() });
    format!("found: {}", task.await.unwrap())
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_an_error_of_a_body_and_ends_a_request_that_reads_it_in_a_task() {
    for shop in on_both().await {
        shop.client.post("/put/a/b").await;
        assert_eq!(shop.client.get("/late").await.text(), "found");
        assert_eq!(shop.client.get("/in-a-task").await.text(), "found: true");
        shop.db.write(|conn| conn.batch_execute("ALTER TABLE foobar_sessions RENAME TO away")).await.unwrap();
        assert_eq!(shop.client.get("/late").await.text(), "an error");
        assert_eq!(shop.client.get("/in-a-task").await.status(), 500);
    }
}

#[derive(serde::Deserialize)]
pub(super) struct Rival {
    changes: String,
}

/// Saves a change of a session that another request ends meanwhile.
pub(super) async fn rival(session: Session, context: Context, what: web::Query<Rival>) -> Result<&'static str, Error> {
    context.db()?.write(|conn| conn.batch_execute("DELETE FROM foobar_sessions")).await?;
    match &*what.changes {
        "value" => session.insert("a", "c")?,
        "message" => session.flash("notice", "done")?,
        "user" => session.set_user(Some(7)),
        "equal" => {
            session.insert("a", "b")?;
        }
        other => panic!("{other}"),
    }
    session.save().await?;
    Ok("saved")
}

#[tokio::test]
async fn a_session_that_has_ended_meanwhile_cannot_be_saved_unless_it_is_a_message_or_a_sign_in() {
    for shop in on_both().await {
        for (changes, status) in [("value", 409), ("message", 200), ("user", 200), ("equal", 200)] {
            shop.client.post("/purge").await;
            shop.client.post("/put/a/b").await;
            let answer = shop.client.post(&format!("/rival?changes={changes}")).await;
            assert_eq!(answer.status(), status, "{changes}: {}", answer.text());
        }
    }
}
