//! Tokens by which programs act for a user.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

pub(super) fn routes(routes: &mut ServiceConfig) {
    routes
        .route("/tokens", web::post().to(create))
        .route("/tokens", web::get().to(list))
        .route("/tokens/{id}/revoke", web::post().to(revoke))
        .route("/tokens/revoke", web::post().to(revoke_all))
        .route("/end-others", web::post().to(end_others))
        .route("/api", web::get().to(async |api: ApiUser| format!("{} {}", api.user.address, api.token.name)))
        .route("/api", web::post().to(async |api: ApiUser| api.user.address))
        .route("/api/admin", web::get().to(async |api: ApiUser| api.user.require("admin").map(|()| "welcome")));
}

#[derive(serde::Deserialize)]
struct New {
    name: String,
    days: Option<u64>,
}

async fn create(accounts: Accounts, user: User, form: web::Form<New>) -> Result<HttpResponse, Error> {
    let life = form.days.map(|days| Duration::from_secs(days.saturating_mul(24 * 3600)));
    Ok(match accounts.create_token(&user, &form.name, life).await? {
        Ok(token) => HttpResponse::Ok().body(token),
        refused => answer(&refused),
    })
}

async fn list(accounts: Accounts, user: User) -> Result<String, Error> {
    Ok(accounts.tokens(&user).await?.iter().map(|token| format!("{token:?}\n")).collect())
}

async fn revoke(accounts: Accounts, user: User, id: web::Path<i64>) -> Result<String, Error> {
    Ok(accounts.revoke_token(&user, *id).await?.to_string())
}

async fn revoke_all(accounts: Accounts, user: User) -> Result<&'static str, Error> {
    accounts.revoke_all_tokens(&user).await?;
    Ok("done")
}

async fn end_others(session: Session, user: User) -> Result<&'static str, Error> {
    session.end_others_of(user.id).await?;
    Ok("done")
}

impl OnDb {
    /// A token of Ann, who is signed in.
    async fn token(&self, name: &str, days: &str) -> String {
        if who(&self.client).await == "nobody" {
            sign(&self.client, ANN, PASSWORD).await;
        }
        let fields = [("name", name), ("days", days)];
        let fields = if days.is_empty() { &fields[..1] } else { &fields };
        self.client.post("/tokens").form(fields).await.text().to_owned()
    }

    /// What a program gets.
    async fn ask_by(&self, token: &str) -> TestResponse {
        self.client.other_user().get("/api").header("authorization", &format!("Bearer {token}")).await
    }

    pub(super) async fn works(&self, token: &str) -> bool {
        self.ask_by(token).await.status() == 200
    }

    pub(super) async fn tokens(&self) -> Vec<ApiToken> {
        let accounts = self.accounts();
        let user = accounts.find(1).await.unwrap().unwrap();
        accounts.tokens(&user).await.unwrap()
    }
}

#[tokio::test]
async fn a_program_acts_for_the_user_whose_token_it_has() {
    for shop in on_both().await {
        let token = shop.token("Backup", "").await;
        assert!(token.starts_with("foobar_") && token.len() == 50, "{token}");
        assert_eq!(shop.ask_by(&token).await.text(), "ann@shop.test Backup");
        let program = shop.client.other_user();
        let post = program.post("/api").without_origin().header("authorization", &format!("bearer {token}"));
        assert_eq!(post.await.text(), ANN, "it needs no token of a form");
        let admin = || program.get("/api/admin").header("authorization", &format!("Bearer {token}")).send();
        assert_eq!(admin().await.status(), 403);
        shop.client.post("/promote").await;
        assert_eq!(admin().await.text(), "welcome");
    }
}

#[tokio::test]
async fn a_token_is_no_session_and_a_session_no_token() {
    for shop in on_both().await {
        let token = shop.token("Backup", "").await;
        let program = shop.client.other_user();
        for path in ["/account", "/tokens"] {
            let answer = program.get(path).header("authorization", &format!("Bearer {token}")).await;
            assert_eq!(answer.status(), 401, "{path}");
        }
        let answer = shop.client.get("/api").await;
        assert_eq!((answer.status().as_u16(), answer.header("www-authenticate")), (401, Some("Bearer")));
        let answer = shop.ask_by(&token).await;
        assert_eq!((answer.header("set-cookie"), answer.status().as_u16()), (None, 200));
    }
}

#[tokio::test]
async fn a_bad_token_gets_401_and_is_told_so() {
    for shop in on_both().await {
        let token = shop.token("Backup", "").await;
        let unknown = format!("foobar_{}", "A".repeat(43));
        let bare = token.strip_prefix("foobar_").unwrap();
        for value in [
            format!("Bearer {unknown}"),
            format!("Bearer {bare}"),
            format!("Bearer {token}x"),
            format!("Bearer {}", &token[..49]),
            format!("Basic {token}"),
            format!("Bearer{token}"),
            "Bearer".to_owned(),
            "Bearer ' OR 1=1 --".to_owned(),
            "Bearer \u{e4}".to_owned(),
        ] {
            let answer = shop.client.other_user().get("/api").header("authorization", &value).await;
            let challenge = answer.header("www-authenticate");
            assert_eq!((answer.status().as_u16(), challenge), (401, Some("Bearer error=\"invalid_token\"")), "{value}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert!(!answer.text().contains(bare), "{}", answer.text());
        }
    }
}

#[tokio::test]
async fn only_the_hash_of_a_token_is_kept() {
    for shop in on_both().await {
        let token = shop.token("Backup", "").await;
        let listed = shop.client.get("/tokens").await;
        assert!(!listed.text().contains(&token[7..]) && listed.text().contains("Backup"), "{}", listed.text());
        let hashes = diesel::dsl::sql::<diesel::sql_types::Binary>("hash");
        let kept = shop.db.read(move |conn| {
            crate::accounts::api_tokens::rows::foobar_api_tokens::table.select(hashes.clone()).load::<Vec<u8>>(conn)
        });
        let sha_256 = digest(&SHA256, &URL_SAFE_NO_PAD.decode(&token["foobar_".len()..]).unwrap());
        assert_eq!(kept.await.unwrap(), [sha_256.as_ref()]);
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_is_worthless_at_once_and_nobody_revokes_that_of_another() {
    for shop in on_both().await {
        let [one, other] = [shop.token("One", "").await, shop.token("Other", "").await];
        let ids: Vec<i64> = shop.tokens().await.iter().map(|token| token.id).collect();
        let bob = shop.client.other_user();
        shop.register("bob@shop.test", PASSWORD).await;
        sign(&bob, "bob@shop.test", PASSWORD).await;
        assert_eq!(bob.post(&format!("/tokens/{}/revoke", ids[0])).await.text(), "false");
        assert_eq!(bob.get("/tokens").await.text(), "");
        assert_eq!(shop.client.post(&format!("/tokens/{}/revoke", ids[0])).await.text(), "true");
        assert_eq!([shop.works(&one).await, shop.works(&other).await], [true, false], "the newest is listed first");
        shop.client.post("/tokens/revoke").await;
        assert!(!shop.works(&one).await);
    }
}

#[tokio::test]
async fn a_token_ends_at_its_time_and_is_forgotten_then() {
    for shop in on_both().await {
        let [day, ever] = [shop.token("A day", "1").await, shop.token("For ever", "").await];
        shop.time.fetch_add(24 * 3600 - 1, Relaxed);
        assert!(shop.works(&day).await);
        shop.time.fetch_add(1, Relaxed);
        assert_eq!([shop.works(&day).await, shop.works(&ever).await], [false, true]);
        shop.accounts().clear().await.unwrap();
        assert_eq!(shop.tokens().await.iter().map(|token| &*token.name).collect::<Vec<_>>(), ["For ever"]);
    }
}

#[tokio::test]
async fn the_last_use_is_noted_every_five_minutes_at_most() {
    for shop in on_both().await {
        let token = shop.token("Backup", "").await;
        let begin = shop.time.load(Relaxed);
        assert_eq!(shop.tokens().await[0].last_used, None);
        for (later, expected) in [(10, 10), (299, 10), (310, 310)] {
            shop.time.store(begin + later, Relaxed);
            assert!(shop.works(&token).await);
            assert_eq!(shop.tokens().await[0].last_used, Some(begin + expected));
        }
    }
}

#[tokio::test]
async fn a_new_password_revokes_all_tokens_and_the_end_of_other_sessions_none() {
    for shop in on_both().await {
        let token = shop.token("Backup", "").await;
        assert_eq!(shop.client.post("/end-others").await.text(), "done");
        shop.client.post("/sign-out").await;
        assert!(shop.works(&token).await);
        sign(&shop.client, ANN, PASSWORD).await;
        let change = shop.client.post("/password").form(&[("password", PASSWORD), ("new", "battery staple")]);
        assert_eq!(change.await.text(), "done");
        assert!(!shop.works(&token).await);
        let token = shop.token("Backup", "").await;
        shop.ask("reset", ANN).await;
        assert_eq!(shop.reset(&shop.next_link().await.0, "something else").await, "done");
        assert!(!shop.works(&token).await);
    }
}

#[tokio::test]
async fn the_tokens_of_whoever_registered_a_foreign_address_go_with_the_account() {
    for shop in on_both().await {
        let token = shop.token("Backup", "").await;
        shop.client.other_user().post("/add").form(&[("address", ANN)]).await;
        assert!(!shop.works(&token).await);
    }
}

#[tokio::test]
async fn a_token_has_a_name_and_an_account_a_hundred_tokens() {
    for shop in on_both().await {
        assert_eq!(shop.token(" ", "").await, "name is missing");
        assert_eq!(shop.token(&"ä".repeat(101), "").await, "name has more than 100 characters");
        let hostile = format!("😀'\"<script>{}", "ä".repeat(89));
        shop.token(&hostile, "18446744073709551615").await;
        assert!(shop.works(&shop.token(&hostile, "").await).await);
        assert_eq!(shop.tokens().await[0].name, hostile);
        for number in shop.tokens().await.len()..100 {
            shop.token(&number.to_string(), "").await;
        }
        assert!(shop.token("One more", "").await.starts_with("name cannot be added"));
    }
}

#[tokio::test]
async fn who_signs_out_everywhere_has_neither_a_session_nor_a_token_left_or_all_of_them() {
    for shop in on_both().await {
        let token = shop.token("Backup", "").await;
        let phone = shop.client.other_user();
        sign(&phone, ANN, PASSWORD).await;
        for statement in ["DELETE ON foobar_sessions", "DELETE ON foobar_api_tokens"] {
            shop.refuse(statement).await;
            assert_eq!(shop.client.post("/sign-out-everywhere").await.status(), 500, "{statement}");
            shop.refuse_nothing().await;
            assert_eq!([who(&shop.client).await, who(&phone).await], [ANN, ANN], "{statement}");
            assert!(shop.works(&token).await, "{statement}");
        }
        assert_eq!(shop.client.post("/sign-out-everywhere").await.text(), "done");
        assert_eq!([who(&shop.client).await, who(&phone).await], ["nobody", "nobody"]);
        assert!(!shop.works(&token).await);
        assert_eq!(shop.client.cookie("session"), None);
    }
}

#[tokio::test]
async fn sessions_in_cookies_cannot_be_signed_out_everywhere_and_then_nothing_is_done() {
    let shop = with(Sessions::in_cookie(), TestDb::sqlite().await).await;
    let token = shop.token("Backup", "").await;
    assert_eq!(shop.client.post("/sign-out-everywhere").await.status(), 500);
    assert!(who(&shop.client).await == ANN && shop.works(&token).await);
}
