//! Registering, signing in and out, and what is whose.

use foobar::AccountOptions;
use foobar::test::{self, Site, TestResponse};

use super::mailbox::{Down, on_both_with_mail};
use super::on_both;
use crate::accounts::SIGN_IN;
use crate::server_with;

const ANN: [(&str, &str); 2] = [("address", "ann@shop.test"), ("password", "correct horse")];

/// A GET as a browser sends it.
async fn page(site: &Site, path: &str) -> TestResponse {
    site.get(path).header("accept", "text/html").await
}

#[tokio::test]
async fn who_signs_in_is_led_back_to_the_page_that_asked_for_it() {
    for (site, _mail) in on_both_with_mail().await {
        assert_eq!(page(&site, "/account").await.header("location"), Some("/sign-in?next=%2Faccount"));
        assert!(page(&site, "/sign-in?next=%2Fadmin").await.text().contains("name=\"next\" value=\"/admin\""));
        site.post("/register").form(&ANN).await;
        assert_eq!(site.post("/sign-out").await.header("location"), Some("/"));
        let signed_in = site.post("/sign-in").form(&[ANN[0], ANN[1], ("next", "/products?page=2")]).await;
        assert_eq!(signed_in.header("location"), Some("/products?page=2"));
        assert!(page(&site, "/account").await.text().contains("ann@shop.test"));
    }
}

#[tokio::test]
async fn who_registers_is_signed_in_and_an_address_registers_once() {
    for (site, mut mail) in on_both_with_mail().await {
        assert_eq!(site.post("/register").form(&ANN).await.header("location"), Some("/account"));
        assert!(page(&site, "/account").await.text().contains("Not confirmed yet"));
        assert_eq!(mail.next().await.0, "ann@shop.test");
        let stranger = site.other_user();
        let again = stranger.post("/register").form(&[("address", "ANN@shop.test "), ANN[1]]).await;
        assert_eq!(again.status(), 422);
        assert!(again.text().contains("Email has an account already."), "{}", again.text());
        assert_eq!(stranger.get("/account").await.status(), 401);
    }
}

#[tokio::test]
async fn who_registers_while_no_mail_can_be_sent_is_signed_in_and_told_so() {
    let server = server_with(AccountOptions::new(SIGN_IN).with_weak_hashes_for_tests().with_mailer(Down))
        .set("shop.demo_accounts", "false");
    let site = test::site(server).await;
    assert_eq!(site.post("/register").form(&ANN).await.header("location"), Some("/account"));
    let account = page(&site, "/account").await;
    assert!(account.text().contains("We could not send you a link."), "{}", account.text());
}

/// As while too many passwords wait to be hashed.
#[tokio::test]
async fn who_registers_and_cannot_be_signed_in_is_sent_a_link_and_led_to_the_sign_in_page() {
    for (site, mut mail) in on_both_with_mail().await {
        for _attempt in 0..5 {
            site.post("/sign-in").form(&ANN).await; // there is no such account yet
        }
        assert_eq!(site.post("/register").form(&ANN).await.header("location"), Some("/sign-in"));
        assert!(page(&site, "/sign-in").await.text().contains("You have an account now."));
        assert_eq!(mail.next().await.0, "ann@shop.test");
    }
}

#[tokio::test]
async fn who_asks_for_too_many_links_is_told_that_none_is_on_its_way() {
    for (site, _mail) in on_both_with_mail().await {
        site.post("/register").form(&ANN).await;
        for number in 2..=6 {
            site.post("/account/confirmation").await;
            let is_sent = page(&site, "/account").await.text().contains("A link is on its way");
            assert_eq!(is_sent, number < 6, "{number}");
        }
    }
}

#[tokio::test]
async fn a_form_with_mistakes_has_them_beside_its_fields_and_what_was_typed_but_a_password() {
    for (site, _mail) in on_both_with_mail().await {
        let answer = site.post("/register").form(&[("address", "a\"b"), ("password", "c0rrect")]).await;
        assert_eq!((answer.status().as_u16(), answer.header("cache-control")), (422, Some("no-store")));
        let text = answer.text();
        assert!(text.contains("<title>Error: Register") && text.contains("value=\"a&#34;b\""), "{text}");
        assert!(text.contains("Email is not an address that a mail can be sent to."), "{text}");
        assert!(text.contains("aria-invalid=\"true\" aria-describedby=\"address-problem\""), "{text}");
        assert!(!text.contains("c0rrect"), "{text}");
        let short = site.post("/register").form(&[ANN[0], ("password", "c0rrect")]).await;
        assert!(short.text().contains("Password has fewer than 8 characters.") && !short.text().contains("c0rrect"));
        let empty = site.post("/sign-in").form(&[]).await;
        assert!(empty.text().contains("Email is required.") && empty.text().contains("Password is required."));
    }
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_get_the_same_words() {
    for (site, _mail) in on_both_with_mail().await {
        site.post("/register").form(&ANN).await;
        let stranger = site.other_user();
        let words = "Password or address is wrong.";
        for address in [ANN[0], ("address", "bob@shop.test")] {
            let answer = stranger.post("/sign-in").form(&[address, ("password", "wr0ng horse")]).await;
            assert_eq!(answer.status(), 422);
            assert!(answer.text().contains(words) && !answer.text().contains("wr0ng horse"), "{}", answer.text());
        }
        assert_eq!(stranger.get("/account").await.status(), 401);
    }
}

#[tokio::test]
async fn a_place_to_go_back_to_is_never_another_site() {
    for (site, _mail) in on_both_with_mail().await {
        site.post("/register").form(&ANN).await;
        for evil in ["//evil", "https:evil", "/\\evil", "https://evil.test/", "javascript:alert(1)", "/\t/evil", ""] {
            let answer = site.post("/sign-in").form(&[ANN[0], ANN[1], ("next", evil)]).await;
            assert_eq!(answer.header("location"), Some("/account"), "{evil:?}");
            let again = site.post("/sign-in").form(&[ANN[0], ("password", "wrong"), ("next", evil)]).await;
            assert!(!again.text().contains("name=\"next\""), "{evil:?}: {}", again.text());
            site.post("/sign-in").form(&ANN).await; // who fails too often waits
        }
        let shown = site.other_user().get("/sign-in?next=%2F%2Fevil.test").await;
        assert!(!shown.text().contains("evil"), "{}", shown.text());
    }
}

#[tokio::test]
async fn another_password_signs_out_everywhere_else() {
    for (site, _mail) in on_both_with_mail().await {
        site.post("/register").form(&ANN).await;
        let phone = site.other_user();
        phone.post("/sign-in").form(&ANN).await;
        let wrong =
            site.post("/account/password").form(&[("old_password", "wrong"), ("password", "battery staple")]).await;
        assert_eq!(wrong.status(), 422);
        assert!(wrong.text().contains("Old password is wrong."), "{}", wrong.text());
        assert_eq!(phone.get("/account").await.status(), 200);
        let change = [("old_password", ANN[1].1), ("password", "battery staple")];
        assert_eq!(site.post("/account/password").form(&change).await.header("location"), Some("/account"));
        assert!(page(&site, "/account").await.text().contains("Your password has changed"));
        assert_eq!(phone.get("/account").await.status(), 401);
        assert_eq!(phone.post("/sign-in").form(&ANN).await.status(), 422);
    }
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session() {
    for site in on_both().await {
        let phone = site.other_user();
        site.sign_in("ann@shop.test", &[]).await;
        phone.sign_in(site.database(), "ann@shop.test", &[]).await;
        assert_ne!(phone.cookie("session"), site.cookie("session"), "each has a session of its own");
        assert_eq!(phone.get("/account").await.status(), 200);
        assert_eq!(site.post("/account/sign-out-everywhere").await.header("location"), Some("/sign-in"));
        assert_eq!(phone.get("/account").await.status(), 401);
        assert_eq!(site.get("/account").await.status(), 401);
    }
}

#[tokio::test]
async fn pages_for_visitors_without_a_session_are_for_every_cache_and_set_no_cookie() {
    for site in on_both().await {
        for path in ["/", "/products", "/products/3", "/about", "/contact"] {
            let answer = site.get(path).await;
            assert_eq!(answer.header("cache-control"), Some("public, max-age=60"), "{path}");
            assert_eq!((answer.header("set-cookie"), answer.header("vary")), (None, Some("cookie")), "{path}");
            assert!(answer.text().contains("href=\"/sign-in\"") && !answer.text().contains("csrf"), "{path}");
        }
        for path in ["/sign-in", "/register", "/forgot-password", "/reset-password?token=x", "/confirm?token=x"] {
            let answer = site.get(path).await;
            assert_eq!(
                (answer.header("cache-control"), answer.header("set-cookie")),
                (Some("no-store"), None),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn the_head_of_every_page_says_who_is_signed_in_and_no_cache_shares_it() {
    for site in on_both().await {
        for (address, roles, has_admin) in [("ann@shop.test", &[][..], false), ("root@shop.test", &["admin"], true)] {
            site.sign_in(address, roles).await;
            for path in ["/", "/products", "/products/3", "/about", "/contact"] {
                let answer = site.get(path).await;
                assert_eq!(answer.header("cache-control"), Some("private"), "{path}");
                assert!(answer.text().contains("href=\"/account\"") && answer.text().contains("Sign out"), "{path}");
                assert_eq!(answer.text().contains("href=\"/admin\""), has_admin, "{path}");
            }
        }
    }
}
