//! Tokens for programs, from the page of the account to the API.

use foobar::test::{TestClient, TestResponse};
use serde_json::{Value, json};

use super::on_both;

const ANN: [(&str, &str); 2] = [("address", "ann@shop.test"), ("password", "correct horse")];

async fn create(site: &TestClient, name: &str, days: &str) -> TestResponse {
    site.post("/account/tokens").form(&[("name", name), ("days", days)]).await
}

/// The token that a page shows.
fn shown(page: &TestResponse) -> String {
    assert_eq!((page.status().as_u16(), page.header("cache-control")), (200, Some("no-store")), "{}", page.text());
    let token = page.text().split("<code>").nth(1).and_then(|text| text.split('<').next());
    token.expect("it is there").to_owned()
}

async fn ask(site: &TestClient, token: &str) -> TestResponse {
    site.other_user().get("/api/account").header("authorization", &format!("Bearer {token}")).await
}

#[tokio::test]
async fn a_program_acts_for_whoever_has_made_its_token_until_that_is_revoked() {
    for site in on_both().await {
        site.post("/register").form(&ANN).await;
        let token = shown(&create(&site, "my <laptop>", "90").await);
        let account: Value = ask(&site, &token).await.json();
        assert_eq!(account, json!({"address": "ann@shop.test", "confirmed": false, "token": "my <laptop>"}));
        let page = site.get("/account/tokens").await;
        assert!(!page.text().contains(&token) && page.text().contains("my &#60;laptop&#62;"), "{}", page.text());
        assert!(page.text().contains("last used on 2") && page.text().contains("works until 2"), "{}", page.text());
        let revoke =
            page.text().split("action=\"").find_map(|text| text.split('"').next().filter(|a| a.ends_with("/revoke")));
        let revoke = revoke.expect("each token has a form").to_owned();
        let stranger = site.other_user();
        stranger.post("/register").form(&[("address", "bob@shop.test"), ANN[1]]).await;
        assert_eq!(stranger.post(&revoke).await.status(), 404);
        assert_eq!(ask(&site, &token).await.status(), 200);
        assert_eq!(site.post(&revoke).await.header("location"), Some("/account/tokens"));
        assert!(site.get("/account/tokens").await.text().contains("The token is revoked"));
        assert_eq!(ask(&site, &token).await.status(), 401);
    }
}

#[tokio::test]
async fn all_tokens_are_revoked_at_once_by_whose_they_are() {
    for site in on_both().await {
        site.post("/register").form(&ANN).await;
        let tokens = [shown(&create(&site, "a", "").await), shown(&create(&site, "b", "30").await)];
        let stranger = site.other_user();
        assert_eq!(stranger.post("/account/tokens/revoke").await.status(), 401);
        stranger.post("/register").form(&[("address", "bob@shop.test"), ANN[1]]).await;
        assert_eq!(stranger.post("/account/tokens/revoke").await.status(), 303);
        for token in &tokens {
            assert_eq!(ask(&site, token).await.status(), 200);
        }
        assert!(site.get("/account/tokens").await.text().contains("action=\"/account/tokens/revoke\""));
        assert_eq!(site.post("/account/tokens/revoke").await.header("location"), Some("/account/tokens"));
        assert!(site.get("/account/tokens").await.text().contains("All your tokens are revoked"));
        for token in &tokens {
            assert_eq!(ask(&site, token).await.status(), 401);
        }
    }
}

/// Whoever has found a phone that was signed in may have made one.
#[tokio::test]
async fn signing_out_everywhere_revokes_the_tokens_and_another_users_stay() {
    for site in on_both().await {
        site.post("/register").form(&ANN).await;
        let bob = site.other_user();
        bob.post("/register").form(&[("address", "bob@shop.test"), ANN[1]]).await;
        let [of_thief, of_bob] = [shown(&create(&site, "a", "").await), shown(&create(&bob, "b", "").await)];
        site.post("/account/sign-out-everywhere").await;
        assert_eq!([ask(&site, &of_thief).await.status(), ask(&site, &of_bob).await.status()], [401, 200]);
    }
}

#[tokio::test]
async fn a_token_needs_a_name_and_a_time_that_is_offered() {
    for site in on_both().await {
        site.post("/register").form(&ANN).await;
        for (name, days, problem) in [
            (" ", "90", "Name is required."),
            ("a\nb", "90", "Name must be one line of plain text."),
            ("a", "91", "Time is none of these."),
            (&"x".repeat(101), "", "Name has more than 100 characters."),
        ] {
            let refused = create(&site, name, days).await;
            assert!(refused.status() == 422 && refused.text().contains(problem), "{problem}: {}", refused.text());
        }
        assert!(site.get("/account/tokens").await.text().contains("You have none."));
        assert_eq!(shown(&create(&site, "old", "").await).len(), "foobar_".len() + 43);
        assert!(site.get("/account/tokens").await.text().contains("never used, works for ever."));
    }
}

#[tokio::test]
async fn tokens_are_for_people_who_are_signed_in_and_a_token_is_no_session() {
    for site in on_both().await {
        assert_eq!(site.get("/account/tokens").await.status(), 401);
        assert_eq!(create(&site, "a", "").await.status(), 401);
        assert_eq!(site.get("/api/account").await.status(), 401);
        site.post("/register").form(&ANN).await;
        assert_eq!(site.get("/api/account").await.status(), 401, "a session is no token");
        let token = shown(&create(&site, "a", "").await);
        let program = site.other_user();
        let account = program.get("/account").header("authorization", &format!("Bearer {token}"));
        assert_eq!(account.await.status(), 401);
    }
}
