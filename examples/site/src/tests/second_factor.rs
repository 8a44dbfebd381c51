//! The second factor, from the page of the account to the sign-in.

use foobar::test::{Site, TestClient, TestResponse, totp_code};

use super::mailbox::on_both_with_mail;

const ANN: [(&str, &str); 2] = [("address", "ann@shop.test"), ("password", "correct horse")];

async fn post(site: &TestClient, path: &str, name: &str, value: &str) -> TestResponse {
    site.post(path).form(&[(name, value)]).await
}

/// What stands in `<code>` on a page.
fn shown(page: &TestResponse) -> Vec<String> {
    let pieces = page.text().split("<code>").skip(1);
    pieces.filter_map(|piece| piece.split("</code>").next()).map(str::to_owned).collect()
}

/// Ann, who registers and turns it on: the secret, and her recovery codes.
pub(super) async fn enrol(site: &Site) -> (String, Vec<String>) {
    site.post("/register").form(&ANN).await;
    let begun = post(site, "/account/second-factor", "password", ANN[1].1).await;
    assert!(begun.text().contains("href=\"otpauth://totp/Foobar:ann@shop.test?"), "{}", begun.text());
    let secret = shown(&begun).remove(0);
    let on = post(site, "/account/second-factor/on", "code", &totp_code(&secret, 0)).await;
    assert_eq!((on.status().as_u16(), on.header("cache-control")), (200, Some("no-store")), "{}", on.text());
    (secret, shown(&on))
}

/// Bob, who has been given a secret, and no code has followed.
pub(super) async fn begin(site: &Site) -> TestClient {
    let browser = site.other_user();
    browser.post("/register").form(&[("address", "bob@shop.test"), ANN[1]]).await;
    let begun = post(&browser, "/account/second-factor", "password", ANN[1].1).await;
    assert!(begun.text().contains("otpauth://"), "{}", begun.text());
    browser
}

/// Ann, who has typed her password and no code yet.
pub(super) async fn begin_sign_in(site: &Site) -> TestClient {
    let browser = site.other_user();
    let first = browser.post("/sign-in").form(&[ANN[0], ANN[1], ("next", "/products?page=2")]).await;
    assert_eq!(first.header("location"), Some("/code?next=%2Fproducts%3Fpage%3D2"), "{}", first.text());
    assert_eq!(browser.get("/account").await.status(), 401);
    browser
}

#[tokio::test]
async fn who_has_turned_it_on_signs_in_by_a_code_of_the_app_or_a_recovery_code() {
    for (site, _mail) in on_both_with_mail().await {
        let (secret, codes) = enrol(&site).await;
        assert_eq!(codes.len(), 10);
        for typed in [&totp_code(&secret, 1), &codes[0]] {
            let browser = begin_sign_in(&site).await;
            let page = browser.get("/code?next=%2Fproducts%3Fpage%3D2").await;
            assert!(page.text().contains("name=\"next\" value=\"/products?page=2\""), "{}", page.text());
            let wrong = post(&browser, "/code", "code", "000000").await;
            assert_eq!(wrong.status(), 422);
            assert!(wrong.text().contains("Code is wrong, or has been used."), "{}", wrong.text());
            let right = browser.post("/code").form(&[("code", typed), ("next", "/products?page=2")]).await;
            assert_eq!(right.header("location"), Some("/products?page=2"), "{}", right.text());
            assert_eq!(browser.get("/account").await.status(), 200);
        }
        assert!(site.get("/account/second-factor").await.text().contains("You have 9 recovery codes left."));
    }
}

#[tokio::test]
async fn a_wrong_first_code_shows_the_secret_again_and_turns_nothing_on() {
    for (site, _mail) in on_both_with_mail().await {
        site.post("/register").form(&ANN).await;
        let wrong = post(&site, "/account/second-factor", "password", "wrong horse").await;
        assert!(wrong.status() == 422 && wrong.text().contains("Password is wrong."), "{}", wrong.text());
        let secret = shown(&post(&site, "/account/second-factor", "password", ANN[1].1).await).remove(0);
        let wrong = site.post("/account/second-factor/on").form(&[("code", "000000"), ("secret", &*secret)]).await;
        assert!(wrong.status() == 422 && wrong.text().contains("Code is wrong"), "{}", wrong.text());
        assert_eq!(shown(&wrong), [secret]);
        assert_eq!(site.other_user().post("/sign-in").form(&ANN).await.header("location"), Some("/account"));
    }
}

#[tokio::test]
async fn recovery_codes_are_renewed_and_it_is_turned_off_by_the_password() {
    for (site, _mail) in on_both_with_mail().await {
        let (_secret, codes) = enrol(&site).await;
        for path in ["/account/second-factor/codes", "/account/second-factor/off"] {
            let wrong = post(&site, path, "code", "wr0ng horse").await;
            assert!(wrong.status() == 422 && wrong.text().contains("Code or password is wrong."), "{}", wrong.text());
            assert!(!wrong.text().contains("wr0ng"), "{}", wrong.text());
        }
        let renewed = shown(&post(&site, "/account/second-factor/codes", "code", ANN[1].1).await);
        assert!(renewed.len() == 10 && renewed.iter().all(|code| !codes.contains(code)), "{renewed:?}");
        let off = post(&site, "/account/second-factor/off", "code", ANN[1].1).await;
        assert_eq!(off.header("location"), Some("/account"));
        assert!(site.get("/account").await.text().contains("by your password alone"));
        assert_eq!(site.other_user().post("/sign-in").form(&ANN).await.header("location"), Some("/account"));
    }
}

#[tokio::test]
async fn a_code_without_a_password_before_it_signs_nobody_in() {
    for (site, _mail) in on_both_with_mail().await {
        let (secret, _codes) = enrol(&site).await;
        let answer = post(&site.other_user(), "/code", "code", &totp_code(&secret, 1)).await;
        assert!(answer.status() == 422 && answer.text().contains("Code comes too late: sign in again."));
    }
}
