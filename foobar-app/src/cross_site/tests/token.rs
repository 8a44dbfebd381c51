//! The token of a session's forms, for browsers that do not say where a request comes from.

use super::*;
use crate::testing::TestDb;

async fn on(db: &TestDb) -> Client {
    let shop = Shop { sessions: Sessions::in_database(), ..Shop::default() };
    Client::new(shop, Some((**db).clone())).await
}

async fn on_both() -> [(Client, TestDb); 2] {
    let [sqlite, mysql] = [TestDb::sqlite().await, TestDb::mysql().await];
    [(on(&sqlite).await, sqlite), (on(&mysql).await, mysql)]
}

async fn token(client: &Client) -> String {
    client.get("/form").await.text().to_owned()
}

#[tokio::test]
async fn a_form_or_a_script_with_the_token_of_its_session_is_of_this_site() {
    for (client, _db) in on_both().await {
        let token = token(&client).await;
        assert_eq!(token.len(), 22);
        let order = || client.post("/order").without_origin();
        assert_eq!(status(order().form(&[("csrf_token", &token), ("article", "tea")])).await, 200);
        assert_eq!(status(order().multipart(Multipart::new().text("csrf_token", &token))).await, 200);
        assert_eq!(status(order().header("x-csrf-token", &token)).await, 200);
        assert_eq!(status(order().form(&[("article", "tea")])).await, 403);
        assert_eq!(self::token(&client).await, token, "it is the same in each form");
    }
}

#[tokio::test]
async fn a_token_of_another_session_a_cut_one_and_one_that_was_made_up_are_none() {
    for (client, _db) in on_both().await {
        let own = token(&client).await;
        let stranger = client.other_user();
        let foreign = token(&stranger).await;
        for wrong in [&foreign, &own[..21], &format!("{own}A"), "", "null", &own.to_lowercase()] {
            let order = client.post("/order").without_origin().form(&[("csrf_token", wrong)]);
            assert_eq!(status(order).await, 403, "{wrong}");
        }
        let stranger = client.post("/order").header("origin", "https://evil.test").header("x-csrf-token", &own);
        assert_eq!(status(stranger).await, 403, "where another site says so, no token helps");
    }
}

/// Whoever has planted the session that somebody signs in with knows the token of its forms.
#[tokio::test]
async fn a_token_from_before_a_sign_in_is_none_after_it() {
    for (client, _db) in on_both().await {
        let before = token(&client).await;
        assert_eq!(status(client.post("/sign-in")).await, 200);
        let order = |token: &str| client.post("/order").without_origin().form(&[("csrf_token", token)]);
        assert_eq!(status(order(&before)).await, 403);
        let after = token(&client).await;
        assert_eq!(status(order(&after)).await, 200);
    }
}

#[tokio::test]
async fn the_handler_reads_a_form_whose_token_was_looked_for_to_its_last_byte() {
    let db = TestDb::sqlite().await;
    let client = on(&db).await;
    let token = token(&client).await;
    let large = "x".repeat(100 << 10);
    let in_front = client.post("/bought").without_origin().form(&[("csrf_token", &token), ("article", &large)]);
    assert_eq!(in_front.await.text(), large);
}
