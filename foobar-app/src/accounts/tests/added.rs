//! Accounts that the application itself adds.

use super::links::NO_LINK;
use super::*;
use actix_web::ResponseError;

async fn add(shop: &OnDb) {
    assert_eq!(shop.client.other_user().post("/add").form(&[("address", ANN)]).await.text(), "done");
}

#[tokio::test]
async fn who_registered_an_address_of_somebody_else_has_nothing_of_the_account_that_is_added() {
    for shop in on_both().await {
        let stranger = shop.client.other_user();
        sign(&stranger, ANN, PASSWORD).await;
        shop.ask("1", "").await;
        let (of_stranger, _) = shop.next_link().await;
        add(&shop).await;
        assert_eq!(stranger.get("/session").await.text(), "None");
        assert_eq!(stranger.get("/admin").await.status(), 401);
        assert_eq!(sign(&stranger, ANN, PASSWORD).await.status(), 422);
        assert_eq!(shop.confirm(&of_stranger).await, NO_LINK);
        shop.ask("reset", ANN).await;
        assert_eq!(shop.reset(&shop.next_link().await.0, "battery staple").await, "done");
        sign(&shop.client, ANN, "battery staple").await;
        assert_eq!(shop.client.get("/admin").await.text(), "welcome");
    }
}

#[tokio::test]
async fn the_owner_of_a_confirmed_address_keeps_password_and_sessions_when_it_is_added() {
    for shop in on_both().await {
        shop.ask("1", "").await;
        shop.confirm(&shop.next_link().await.0).await;
        sign(&shop.client, ANN, PASSWORD).await;
        add(&shop).await;
        assert_eq!(shop.client.get("/admin").await.text(), "welcome");
        assert_eq!(sign(&shop.client.other_user(), ANN, PASSWORD).await.text(), "done");
    }
}

#[tokio::test]
async fn an_address_may_be_added_again_and_sessions_of_its_tests_go_on() {
    for shop in on_both().await {
        let [phone, laptop] = [shop.client.other_user(), shop.client.other_user()];
        for (client, address) in [(&phone, "bob@shop.test"), (&laptop, "bob@shop.test"), (&laptop, ANN)] {
            client.sign_in(&shop.db, address, &["admin"]).await;
        }
        assert_eq!([who(&phone).await, who(&laptop).await], ["bob@shop.test", ANN]);
        assert_eq!(sign(&shop.client, ANN, PASSWORD).await.text(), "done", "a test has not lost the password either");
    }
}

/// As an application with passkeys signs in: a session of no password.
#[tokio::test]
async fn who_took_a_foreign_address_without_a_password_has_nothing_of_the_account_that_is_added() {
    for shop in on_both().await {
        let stranger = shop.client.other_user();
        stranger.sign_in(&shop.db, "bob@shop.test", &[]).await;
        let token = stranger.post("/tokens").form(&[("name", "Backup")]).await.text().to_owned();
        assert!(shop.works(&token).await);
        let looked_up = shop.accounts().find(2).await.unwrap().unwrap();
        shop.client.other_user().post("/add").form(&[("address", "bob@shop.test")]).await;
        assert_eq!(stranger.get("/session").await.text(), "None");
        assert!(!shop.works(&token).await);
        let held = shop.accounts().create_token(&looked_up, "Held", None).await;
        assert_eq!(held.unwrap_err().status_code(), StatusCode::UNAUTHORIZED);
    }
}
