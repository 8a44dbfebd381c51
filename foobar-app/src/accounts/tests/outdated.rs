//! What a request may do that began before its user's password changed: a session that was stolen, and a body that is
//! held back.

use super::second_factor::send;
use super::*;
use actix_web::ResponseError;

fn is_unauthorized<T: std::fmt::Debug>(outcome: Result<T, Error>) -> bool {
    outcome.unwrap_err().status_code() == StatusCode::UNAUTHORIZED
}

#[tokio::test]
async fn a_user_that_was_looked_up_before_another_password_makes_no_token_and_no_second_factor() {
    for shop in on_both().await {
        sign(&shop.client, ANN, PASSWORD).await;
        send(&shop.client, "/totp/enrol", PASSWORD).await;
        let (accounts, user) = (shop.accounts(), shop.accounts().find(1).await.unwrap().unwrap());
        let secret = shop.db.read(|conn| second_factors::find(conn, 1)).await.unwrap().unwrap();
        let change = shop.client.post("/password").form(&[("password", PASSWORD), ("new", "battery staple")]);
        assert_eq!(change.await.text(), "done");
        assert!(is_unauthorized(accounts.create_token(&user, "Held", None).await));
        assert!(is_unauthorized(accounts.enrol_totp(&user, "battery staple", "The Shop").await));
        assert!(shop.tokens().await.is_empty());
        put_back(&shop, secret).await;
        let code = shop.code_of_secret().await;
        assert!(is_unauthorized(accounts.activate_totp(&user, &code).await));
        let now = accounts.find(1).await.unwrap().unwrap();
        assert_eq!(accounts.activate_totp(&now, &code).await.unwrap().map(|codes| codes.len()), Ok(10));
        assert!(is_unauthorized(accounts.disable_totp(&user, "battery staple").await));
    }
}

/// The secret that the new password has ended, as it would be there without.
async fn put_back(shop: &OnDb, kept: second_factors::Kept) {
    assert!(shop.db.write(move |conn| second_factors::begin(conn, &kept)).await.unwrap());
}

#[tokio::test]
async fn a_secret_that_is_not_active_yet_ends_with_another_password() {
    for shop in on_both().await {
        shop.ask("1", "").await;
        shop.confirm(&shop.next_link().await.0).await;
        let begun = || shop.db.read(|conn| second_factors::find(conn, 1));
        sign(&shop.client, ANN, PASSWORD).await;
        send(&shop.client, "/totp/enrol", PASSWORD).await;
        assert!(begun().await.unwrap().is_some());
        shop.client.post("/password").form(&[("password", PASSWORD), ("new", "battery staple")]).await;
        assert!(begun().await.unwrap().is_none());
        send(&shop.client, "/totp/enrol", "battery staple").await;
        shop.ask("reset", ANN).await;
        assert_eq!(shop.reset(&shop.next_link().await.0, "something else").await, "done");
        assert!(begun().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_password_changes_with_the_end_of_the_sessions_or_not_at_all() {
    for shop in on_both().await {
        shop.ask("reset", ANN).await;
        let (link, _) = shop.next_link().await;
        let phone = shop.client.other_user();
        for client in [&shop.client, &phone] {
            sign(client, ANN, PASSWORD).await;
        }
        shop.refuse("DELETE ON foobar_sessions").await;
        let change = shop.client.post("/password").form(&[("password", PASSWORD), ("new", "battery staple")]);
        assert_eq!(change.await.status(), 500);
        let browser = shop.client.other_user();
        let reset = browser.post(&format!("/reset/{link}"));
        assert_eq!(reset.form(&[("password", "battery staple")]).await.status(), 500);
        assert_eq!(who(&phone).await, ANN, "the password is the old one");
        shop.refuse_nothing().await;
        assert_eq!(shop.reset(&link, "battery staple").await, "done", "and the link has not been used");
        assert_eq!(who(&phone).await, "nobody");
    }
}
