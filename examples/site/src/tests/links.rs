//! The links by mail, and what they are not good for.

use diesel::prelude::*;
use foobar::test::Site;

use super::mailbox::{ADMINISTRATOR, on_both_with_mail};
use crate::server;

async fn register(site: &Site, address: &str) {
    let answer = site.other_user().post("/register").form(&[("address", address), ("password", "correct horse")]).await;
    assert_eq!(answer.header("location"), Some("/account"), "{}", answer.text());
}

async fn can_sign_in(site: &Site, address: &str, password: &str) -> bool {
    let answer = site.other_user().post("/sign-in").form(&[("address", address), ("password", password)]).await;
    answer.status() == 303
}

async fn reset(site: &Site, token: &str, password: &str) -> bool {
    let answer = site.post("/reset-password").form(&[("token", token), ("password", password)]).await;
    if answer.status() == 303 {
        return true;
    }
    assert_eq!(answer.status(), 422);
    assert!(answer.text().contains("The link has been used, or is too old"), "{}", answer.text());
    false
}

const ANN: &str = "ann@shop.test";

#[tokio::test]
async fn an_address_is_confirmed_by_the_form_that_the_link_leads_to_and_once() {
    for (site, mut mail) in on_both_with_mail().await {
        site.post("/register").form(&[("address", ANN), ("password", "correct horse")]).await;
        let (_, link) = mail.next().await;
        let token = link.split_once("token=").expect("it has one").1;
        assert!(site.get(&link).await.text().contains(&format!("value=\"{token}\"")), "{link}");
        assert!(site.get("/account").await.text().contains("Not confirmed yet"), "a look at it does nothing");
        assert_eq!(site.post("/confirm").form(&[("token", token)]).await.header("location"), Some("/account"));
        let page = site.get("/account").await;
        assert!(page.text().contains("ann@shop.test is confirmed.") && !page.text().contains("Not confirmed yet"));
        for path in [&link, "/reset-password?token=x"] {
            assert_eq!(site.get(path).await.header("referrer-policy"), Some("no-referrer"), "{path}");
        }
        let again = site.post("/confirm").form(&[("token", token)]).await;
        assert_eq!(again.status(), 422);
        assert!(again.text().contains("The link has been used, or is too old"), "{}", again.text());
    }
}

/// As on a phone, where the mail is.
#[tokio::test]
async fn who_opens_the_link_in_another_browser_signs_in_there_and_confirms_the_address_then() {
    for (site, mut mail) in on_both_with_mail().await {
        register(&site, ANN).await;
        let token = mail.token().await;
        let phone = site.other_user();
        let confirm = phone.post("/confirm").form(&[("token", &*token)]).await;
        assert_eq!(confirm.header("location"), Some("/sign-in?next=%2Fconfirm"), "{}", confirm.text());
        let page = phone.get("/sign-in?next=%2Fconfirm").await;
        assert!(page.text().contains("If you have not registered here, do not confirm it"), "{}", page.text());
        let form = [("address", ANN), ("password", "correct horse"), ("next", "/confirm")];
        assert_eq!(phone.post("/sign-in").form(&form).await.header("location"), Some("/confirm"));
        let page = phone.get("/confirm").await;
        assert!(page.text().contains(&format!("value=\"{token}\"")), "{}", page.text());
        assert_eq!(phone.post("/confirm").form(&[("token", &*token)]).await.header("location"), Some("/account"));
        assert!(!phone.get("/account").await.text().contains("Not confirmed yet"));
        assert!(phone.get("/confirm").await.text().contains("name=\"token\" value=\"\""), "it is forgotten");
    }
}

#[tokio::test]
async fn who_is_signed_in_to_another_account_confirms_nothing() {
    for (site, mut mail) in on_both_with_mail().await {
        register(&site, ANN).await;
        let token = mail.token().await;
        let bob = site.other_user();
        bob.post("/register").form(&[("address", "bob@shop.test"), ("password", "correct horse")]).await;
        let refused = bob.post("/confirm").form(&[("token", &*token)]).await;
        assert_eq!(refused.status(), 422);
        let words = "The link is of an account that you are not signed in to: sign in first.";
        assert!(refused.text().contains(words), "{}", refused.text());
    }
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_by_a_link_that_works_once() {
    for (site, mut mail) in on_both_with_mail().await {
        register(&site, ANN).await;
        let _confirmation = mail.token().await;
        assert_eq!(
            site.post("/forgot-password").form(&[("address", ANN)]).await.header("location"),
            Some("/forgot-password?sent=1")
        );
        let token = mail.token().await;
        assert!(reset(&site, &token, "battery staple").await);
        assert!(site.get("/sign-in").await.text().contains("Your password has changed."));
        assert!(!reset(&site, &token, "something else").await);
        assert!(can_sign_in(&site, ANN, "battery staple").await);
        assert!(!can_sign_in(&site, ANN, "something else").await);
    }
}

#[tokio::test]
async fn an_unknown_address_gets_the_same_answer_and_no_mail() {
    for (site, mut mail) in on_both_with_mail().await {
        register(&site, ANN).await;
        let _confirmation = mail.token().await;
        for address in ["nobody@shop.test", ANN] {
            let answer = site.post("/forgot-password").form(&[("address", address)]).await;
            assert_eq!(answer.header("location"), Some("/forgot-password?sent=1"), "{address}");
        }
        assert_eq!(mail.next().await.0, ANN, "the first message after the confirmation");
    }
}

#[tokio::test]
async fn an_expired_link_sets_no_password() {
    for (site, mut mail) in on_both_with_mail().await {
        register(&site, ANN).await;
        let _confirmation = mail.token().await;
        site.post("/forgot-password").form(&[("address", ANN)]).await;
        let token = mail.token().await;
        let age =
            |conn: &mut foobar::Conn| diesel::sql_query("UPDATE foobar_account_links SET expires_at = 1").execute(conn);
        site.database().write(age).await.expect("the links are there");
        assert!(!reset(&site, &token, "battery staple").await);
        assert!(can_sign_in(&site, ANN, "correct horse").await);
    }
}

#[tokio::test]
async fn a_link_is_for_its_account_and_its_purpose_alone() {
    for (site, mut mail) in on_both_with_mail().await {
        register(&site, ANN).await;
        register(&site, "bob@shop.test").await;
        let [to_confirm, _] = [mail.token().await, mail.token().await];
        assert!(!reset(&site, &to_confirm, "battery staple").await, "it was sent to confirm an address");
        site.post("/forgot-password").form(&[("address", ANN)]).await;
        let token = mail.token().await;
        // Whoever sends it, and whatever account is named or signed in besides.
        site.post("/sign-in").form(&[("address", "bob@shop.test"), ("password", "correct horse")]).await;
        let form = [("token", &*token), ("password", "battery staple"), ("address", "bob@shop.test")];
        assert_eq!(site.post("/reset-password").form(&form).await.status(), 303);
        assert!(can_sign_in(&site, "bob@shop.test", "correct horse").await);
        assert!(can_sign_in(&site, ANN, "battery staple").await);
        for forged in ["", "x", "\0", &token[1..], &format!("{token}A"), "AAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(!reset(&site, forged, "another horse").await, "{forged:?}");
        }
    }
}

#[tokio::test]
async fn the_administrator_of_the_configuration_has_a_password_once_a_link_was_asked_for() {
    for (site, mut mail) in on_both_with_mail().await {
        assert!(!can_sign_in(&site, ADMINISTRATOR, "").await);
        site.post("/forgot-password").form(&[("address", ADMINISTRATOR)]).await;
        assert!(reset(&site, &mail.token().await, "battery staple").await);
        let form = [("address", ADMINISTRATOR), ("password", "battery staple"), ("next", "/admin")];
        assert_eq!(site.post("/sign-in").form(&form).await.header("location"), Some("/admin"));
        assert_eq!(site.get("/admin").await.status(), 200);
    }
}

#[tokio::test]
async fn an_administrator_without_an_address_stops_the_start() {
    let server = server().set("database.url", "sqlite::memory:").set("shop.administrator", "nobody");
    let started = server.set("web.listen", "127.0.0.1:0").set("admin.listen", "off").start().await;
    let told = started.err().map(|error| foobar::Chain(&error).to_string()).unwrap_or_default();
    assert!(told.contains("shop.administrator is not an address"), "{told:?}");
}
