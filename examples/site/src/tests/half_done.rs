//! A database that refuses one statement in the middle of a flow: the answer is an error and nothing is done, so that the
//! same form may be sent again; or all of it is done, and only a message for the next page is lost.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use foobar::test::{Site, TestClient, TestResponse, totp_code};

use super::mailbox::{Mailbox, on_both_with_mail};

type Form<'a> = &'a [(&'a str, &'a str)];

/// A table, and the kind of statement that it refuses.
type Refusal = (&'static str, &'static str);

const NEW_SESSION: Refusal = ("foobar_sessions", "INSERT");
const CHANGED_SESSION: Refusal = ("foobar_sessions", "UPDATE");
const ENDED_SESSION: Refusal = ("foobar_sessions", "DELETE");
const CHANGED_ACCOUNT: Refusal = ("foobar_accounts", "UPDATE");
const USED_LINK: Refusal = ("foobar_account_links", "DELETE");
const NEW_CODES: Refusal = ("foobar_recovery_codes", "INSERT");
const USED_CODE: Refusal = ("foobar_recovery_codes", "DELETE");

/// What a flow may leave behind.
const KEPT: [(&str, &str); 11] = [
    ("foobar_accounts", "address"),
    ("foobar_accounts", "hash"),
    ("foobar_accounts", "confirmed"),
    ("foobar_account_links", "hex(id)"),
    ("foobar_second_factors", "active"),
    ("foobar_recovery_codes", "hex(id)"),
    ("foobar_api_tokens", "hex(hash)"),
    ("foobar_sessions", "hex(id)"),
    ("foobar_sessions", "data"),
    ("messages", "body"),
    ("pages", "title"),
];

async fn kept(site: &Site) -> Vec<String> {
    let query = |conn: &mut foobar::Conn| {
        let rows = |(table, column): &(&str, &str)| {
            let sorted = format!("SELECT {column} AS kept FROM {table} ORDER BY 1");
            let all = format!("SELECT COALESCE(GROUP_CONCAT(kept), '') FROM ({sorted}) AS sorted");
            diesel::dsl::sql::<Text>(&all).get_result(conn)
        };
        KEPT.iter().map(rows).collect()
    };
    site.database().read(query).await.expect("the tables are there")
}

async fn run(site: &Site, sql: String) {
    site.database().write(move |conn| conn.batch_execute(&sql)).await.expect("it is SQL");
}

/// Sends a form while the database refuses a statement.
async fn send(site: &Site, client: &TestClient, form: (&str, Form<'_>), (table, what): Refusal) -> TestResponse {
    let body = match site.database().engine() {
        foobar::Engine::Sqlite => "BEGIN SELECT RAISE(ABORT, 'planted'); END",
        foobar::Engine::Mysql => "FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'planted'",
    };
    run(site, format!("CREATE TRIGGER planted BEFORE {what} ON {table} {body}")).await;
    let answer = client.post(form.0).form(form.1).await;
    run(site, "DROP TRIGGER planted".to_owned()).await;
    answer
}

/// Whatever is refused, nothing is done; and then the same form is taken.
async fn is_whole(site: &Site, client: &TestClient, path: &str, form: Form<'_>, refusals: &[Refusal]) -> TestResponse {
    for refusal in refusals {
        let before = kept(site).await;
        let answer = send(site, client, (path, form), *refusal).await;
        assert_eq!(answer.status(), 500, "{path} {refusal:?}: {}", answer.text());
        assert_eq!(kept(site).await, before, "{path} {refusal:?}");
    }
    let answer = client.post(path).form(form).await;
    assert!(answer.status().is_success() || answer.status() == 303, "{path}: {}", answer.text());
    answer
}

/// All is done and said, although a session cannot be written.
async fn is_done(site: &Site, client: &TestClient, path: &str, form: Form<'_>) {
    for refusal in [NEW_SESSION, CHANGED_SESSION] {
        let before = kept(site).await;
        let answer = send(site, client, (path, form), refusal).await;
        assert!(answer.status().is_success() || answer.status() == 303, "{path} {refusal:?}: {}", answer.text());
        assert_ne!(kept(site).await, before, "{path} {refusal:?}");
    }
}

const PASSWORD: (&str, &str) = ("password", "correct horse");

async fn register(site: &Site, mail: &mut Mailbox, address: &str) -> (TestClient, String) {
    let client = site.other_user();
    let answer = client.post("/register").form(&[("address", address), PASSWORD]).await;
    assert_eq!(answer.header("location"), Some("/account"), "{}", answer.text());
    (client, mail.token().await)
}

#[tokio::test]
async fn a_sign_in_or_a_registration_is_done_or_not() {
    for (site, mut mail) in on_both_with_mail().await {
        let form = [("address", "ann@shop.test"), PASSWORD];
        let answer = send(&site, &site, ("/register", &form), ("foobar_accounts", "INSERT")).await;
        assert_eq!(answer.status(), 500);
        let answer = send(&site, &site, ("/register", &form), NEW_SESSION).await;
        assert_eq!(answer.header("location"), Some("/sign-in"), "the account is there: {}", answer.text());
        mail.next().await;
        assert_eq!(site.get("/account").await.status(), 401);
        is_whole(&site, &site, "/sign-in", &form, &[NEW_SESSION]).await;
        is_whole(&site, &site, "/sign-in", &form, &[NEW_SESSION, ENDED_SESSION]).await;
        assert_eq!(site.get("/account").await.status(), 200);
        is_whole(&site, &site, "/sign-out", &[], &[ENDED_SESSION]).await;
        assert_eq!(site.get("/account").await.status(), 401);
    }
}

#[tokio::test]
async fn a_link_is_used_up_where_what_it_is_for_is_done() {
    for (site, mut mail) in on_both_with_mail().await {
        let (ann, token) = register(&site, &mut mail, "ann@shop.test").await;
        is_whole(&site, &ann, "/confirm", &[("token", &token)], &[CHANGED_ACCOUNT, USED_LINK]).await;
        assert!(!ann.get("/account").await.text().contains("Not confirmed yet"));
        is_whole(&site, &ann, "/account/confirmation", &[], &[]).await;
        let token = mail.token().await;
        let answer = send(&site, &ann, ("/confirm", &[("token", &token)]), CHANGED_SESSION).await;
        assert_eq!(answer.header("location"), Some("/account"), "{}", answer.text());
        ann.post("/forgot-password").form(&[("address", "ann@shop.test")]).await;
        let form = [("token", &*mail.token().await), ("password", "battery staple")];
        is_whole(&site, &ann, "/reset-password", &form, &[CHANGED_ACCOUNT, USED_LINK, ENDED_SESSION]).await;
        assert_eq!(ann.get("/account").await.status(), 401);
    }
}

/// As on a phone: the token waits in the session.
#[tokio::test]
async fn a_link_that_waited_for_a_sign_in_is_used_up_where_the_address_is_confirmed() {
    for (site, mut mail) in on_both_with_mail().await {
        let (_ann, token) = register(&site, &mut mail, "ann@shop.test").await;
        let phone = site.other_user();
        let form = [("token", &*token)];
        let led = is_whole(&site, &phone, "/confirm", &form, &[NEW_SESSION]).await;
        assert_eq!(led.header("location"), Some("/sign-in?next=%2Fconfirm"));
        phone.post("/sign-in").form(&[("address", "ann@shop.test"), PASSWORD]).await;
        let led = is_whole(&site, &phone, "/confirm", &form, &[CHANGED_SESSION, CHANGED_ACCOUNT, USED_LINK]).await;
        assert_eq!(led.header("location"), Some("/account"));
    }
}

#[tokio::test]
async fn another_password_counts_where_the_session_has_it_too() {
    for (site, mut mail) in on_both_with_mail().await {
        let (ann, _token) = register(&site, &mut mail, "ann@shop.test").await;
        let form = [("old_password", PASSWORD.1), ("password", "battery staple")];
        let refusals = [CHANGED_ACCOUNT, USED_LINK, NEW_SESSION, ENDED_SESSION];
        is_whole(&site, &ann, "/account/password", &form, &refusals).await;
        assert_eq!(ann.get("/account").await.status(), 200);
    }
}

#[tokio::test]
async fn all_sessions_and_tokens_end_together() {
    for (site, mut mail) in on_both_with_mail().await {
        let (ann, _token) = register(&site, &mut mail, "ann@shop.test").await;
        let phone = site.other_user();
        phone.post("/sign-in").form(&[("address", "ann@shop.test"), PASSWORD]).await;
        ann.post("/account/tokens").form(&[("name", "A program"), ("days", "30")]).await;
        let refusals = [ENDED_SESSION, ("foobar_api_tokens", "DELETE")];
        is_whole(&site, &ann, "/account/sign-out-everywhere", &[], &refusals).await;
        for client in [&ann, &phone] {
            assert_eq!(client.get("/account").await.status(), 401);
        }
        assert_eq!(kept(&site).await[6], "", "no token is left");
    }
}

/// What stands in `<code>` on a page.
fn shown(page: &TestResponse) -> Vec<String> {
    let pieces = page.text().split("<code>").skip(1);
    pieces.filter_map(|piece| piece.split("</code>").next()).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_code_is_used_up_where_what_it_is_for_is_done() {
    for (site, mut mail) in on_both_with_mail().await {
        let (ann, _token) = register(&site, &mut mail, "ann@shop.test").await;
        let factor = |what| ("foobar_second_factors", what);
        let begun = is_whole(&site, &ann, "/account/second-factor", &[PASSWORD], &[factor("INSERT")]).await;
        let code = totp_code(&shown(&begun).remove(0), 0);
        let on = [("code", &*code)];
        let codes = is_whole(&site, &ann, "/account/second-factor/on", &on, &[factor("UPDATE"), NEW_CODES]).await;
        let codes = shown(&codes);
        let [form, next] = [[("code", &*codes[0])], [("code", &*codes[1])]];
        let renewed = is_whole(&site, &ann, "/account/second-factor/codes", &form, &[USED_CODE, NEW_CODES]).await;
        assert_eq!(ann.post("/account/second-factor/off").form(&next).await.status(), 422, "they are others now");
        let codes = shown(&renewed);
        let phone = site.other_user();
        let signing_in = [("address", "ann@shop.test"), PASSWORD];
        let led = is_whole(&site, &phone, "/sign-in", &signing_in, &[NEW_SESSION]).await;
        assert_eq!(led.header("location"), Some("/code"));
        let refusals = [USED_CODE, NEW_SESSION, ENDED_SESSION];
        is_whole(&site, &phone, "/code", &[("code", &codes[0])], &refusals).await;
        assert_eq!(phone.get("/account").await.status(), 200);
        let form = [("code", &*codes[1])];
        is_whole(&site, &ann, "/account/second-factor/off", &form, &[USED_CODE, factor("DELETE")]).await;
    }
}

#[tokio::test]
async fn what_is_done_is_said_where_only_a_message_for_the_next_page_is_lost() {
    for (site, mut mail) in on_both_with_mail().await {
        let message = [("name", "Ann"), ("address", "ann@shop.test"), ("body", "Hello")];
        is_done(&site, &site.other_user(), "/contact", &message).await;
        is_whole(&site, &site.other_user(), "/contact", &message, &[("messages", "INSERT")]).await;
        let (ann, _token) = register(&site, &mut mail, "ann@shop.test").await;
        is_done(&site, &ann, "/contact", &message).await;
        is_done(&site, &ann, "/account/confirmation", &[]).await;
        is_done(&site, &ann, "/account/tokens", &[("name", "A program"), ("days", "30")]).await;
        let token = |what| ("foobar_api_tokens", what);
        let form = [("name", "Another"), ("days", "30")];
        is_whole(&site, &ann, "/account/tokens", &form, &[token("INSERT")]).await;
        for path in ["/account/tokens/1/revoke", "/account/tokens/revoke"] {
            is_whole(&site, &ann, path, &[], &[token("DELETE")]).await;
        }
        site.sign_in("root@shop.test", &["admin"]).await;
        let text = [("title", "Us"), ("summary", "Who we are."), ("body", "We.")];
        is_whole(&site, &site, "/admin/pages/about", &text, &[("pages", "UPDATE")]).await;
        let answer = send(&site, &site, ("/admin/pages/about", &text), CHANGED_SESSION).await;
        assert_eq!(answer.header("location"), Some("/about"), "{}", answer.text());
    }
}
