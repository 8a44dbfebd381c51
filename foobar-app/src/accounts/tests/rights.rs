//! Other rights: each session of the user goes on under a new token.

use super::second_factor::send;
use super::*;

/// Asks for a page and sends a form; whether the session has gone on under another token by the form.
async fn is_renewed(client: &Client) -> bool {
    let before = client.cookie("session").unwrap();
    assert_eq!(who(client).await, ANN);
    assert_eq!(client.cookie("session").unwrap(), before);
    assert_eq!(client.post("/account").header("sec-fetch-site", "same-origin").await.text(), ANN);
    client.cookie("session").unwrap() != before
}

/// Two tabs, and what their scripts fetch, all with the token from before.
#[tokio::test]
async fn requests_at_the_same_time_stay_signed_in_once_the_roles_are_others() {
    for shop in on_both().await {
        sign(&shop.client, ANN, PASSWORD).await;
        shop.client.post("/promote").await;
        let old = format!("session={}", shop.client.cookie("session").unwrap());
        let page = |path: &'static str| shop.client.get(path).header("cookie", &old);
        let fetch = || {
            let fetch = shop.client.post("/account").header("cookie", &old);
            fetch.header("sec-fetch-site", "same-origin").header("sec-fetch-mode", "cors")
        };
        let (one, other, first, second) = tokio::join!(
            async { page("/admin").await },
            async { page("/admin").await },
            async { fetch().await },
            async { fetch().await }
        );
        assert_eq!([one.text(), other.text(), first.text(), second.text()], ["welcome", "welcome", ANN, ANN]);
        assert_eq!(page("/admin").await.text(), "welcome", "the roles count at once, and the token is the same");
        assert!(is_renewed(&shop.client).await);
    }
}

#[tokio::test]
async fn sessions_go_on_under_a_new_token_once_the_roles_are_others() {
    for sessions in [Sessions::in_database(), Sessions::in_cookie()] {
        let shop = with(sessions, TestDb::mysql().await).await;
        let phone = shop.client.other_user();
        for client in [&shop.client, &phone] {
            sign(client, ANN, PASSWORD).await;
            assert!(!is_renewed(client).await, "nothing has changed");
        }
        shop.client.post("/promote").await;
        for client in [&shop.client, &phone] {
            assert!(is_renewed(client).await);
            assert!(!is_renewed(client).await, "once");
        }
    }
}

#[tokio::test]
async fn the_token_from_before_other_roles_is_dead() {
    for shop in on_both().await {
        sign(&shop.client, ANN, PASSWORD).await;
        shop.client.post("/promote").await;
        let before = shop.client.cookie("session").unwrap();
        assert!(is_renewed(&shop.client).await);
        let stranger = shop.client.other_user();
        stranger.set_cookie(&format!("session={before}; Path=/"));
        assert_eq!(who(&stranger).await, "nobody");
    }
}

#[tokio::test]
async fn sessions_go_on_under_a_new_token_once_a_second_factor_is_on_and_once_it_is_off() {
    for shop in on_both().await {
        let phone = shop.client.other_user();
        sign(&phone, ANN, PASSWORD).await;
        shop.enrol().await;
        for client in [&shop.client, &phone] {
            assert!(is_renewed(client).await);
            assert!(!is_renewed(client).await, "once");
        }
        assert_eq!(send(&phone, "/totp/disable", PASSWORD).await, "done");
        for client in [&shop.client, &phone] {
            assert!(is_renewed(client).await);
        }
    }
}

/// The next request tries it again.
#[tokio::test]
async fn a_page_is_shown_where_the_new_token_cannot_be_kept() {
    let shop = on(TestDb::sqlite().await).await;
    sign(&shop.client, ANN, PASSWORD).await;
    shop.client.post("/promote").await;
    let trigger = "CREATE TRIGGER planted BEFORE DELETE ON foobar_sessions BEGIN SELECT RAISE(ABORT, 'planted'); END";
    let run = async |sql: &'static str| {
        shop.db.write(|conn| conn.batch_execute(sql)).await.unwrap();
    };
    run(trigger).await;
    assert!(!is_renewed(&shop.client).await);
    run("DROP TRIGGER planted").await;
    assert!(is_renewed(&shop.client).await);
}

/// As while the database is down: the page of a stranger would be wrong.
#[tokio::test]
async fn a_handler_that_takes_an_option_of_a_user_does_not_run_where_nobody_can_tell_who_it_is() {
    for shop in on_both().await {
        sign(&shop.client, ANN, PASSWORD).await;
        let rename =
            |conn: &mut Conn| diesel::sql_query("ALTER TABLE foobar_accounts RENAME TO foobar_away").execute(conn);
        shop.db.write(rename).await.unwrap();
        assert_eq!(shop.client.get("/maybe").await.status(), 500);
        assert_eq!(shop.client.other_user().get("/maybe").await.text(), "nobody");
    }
}
