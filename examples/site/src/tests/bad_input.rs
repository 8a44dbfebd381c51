//! Hostile strings in every field of every form, and forms that pages of other sites send.

use diesel::prelude::*;
use foobar::request::{ConnectInfo, Scheme};
use foobar::test::{Site, TestResponse};

use super::on_both;
use crate::schema::{messages, pages};

/// As many strings as `FOOBAR_STRINGS` says, each the same in every run.
fn strings() -> impl Iterator<Item = String> {
    let count = std::env::var("FOOBAR_STRINGS").map_or(200, |count| count.parse().expect("FOOBAR_STRINGS is a number"));
    (0..count).map(hostile)
}

/// Some pieces of what has broken programs, in an order that the number decides.
fn hostile(number: u64) -> String {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    (0..=below(6)).map(|_| PIECES[below(PIECES.len())]).collect()
}

const PIECES: [&str; 44] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' OR '1'='1",
    "'; DROP TABLE pages; --",
    "\\",
    "\\'",
    "%",
    "_",
    "\0",
    "\r\n",
    "\n",
    "\r",
    "\t",
    "\u{b}",
    "\u{7f}",
    "\u{85}",
    "\u{200b}",
    "\u{202e}",
    "\u{feff}",
    "\u{fffd}",
    "\u{10ffff}",
    "😀",
    "e\u{301}",
    "ß",
    "İ",
    "ſ",
    "\u{2028}",
    "&amp;",
    "&#60;",
    "&",
    "</textarea>",
    "</title>",
    "<!--",
    "]]>",
    "{{7*7}}",
    "${7*7}",
    "%00",
    "%3Cscript%3E",
    "+",
    "=",
    ";",
    "javascript:alert(1)",
    " ",
    "a",
];

/// What a page has as text, without the references that askama writes.
fn unescaped(html: &str) -> String {
    let plain =
        |html: &str| html.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"").replace("&#39;", "'");
    plain(html).replace("&#38;", "&")
}

/// Every mark that opens a tag is one of the site's own.
fn assert_no_markup(page: &TestResponse, typed: &str) {
    let text = page.text();
    for mark in ["<script", "<img src=x", "</textarea></", "<!--", "<b>"] {
        assert!(!text.contains(mark), "{typed:?}: {mark} in {text}");
    }
    assert_eq!(text.matches("<title").count(), text.matches("</title>").count(), "{typed:?}");
    assert_eq!(text.matches("<textarea").count(), text.matches("</textarea>").count(), "{typed:?}");
}

/// Whether a form was taken; otherwise it is shown again, with a mistake that it names and with what was typed.
fn is_taken(answer: &TestResponse, typed: &str) -> bool {
    if answer.status() == 303 {
        return true;
    }
    assert_eq!(answer.status(), 422, "{typed:?}: {}", answer.text());
    assert!(answer.text().contains("class=\"problem\""), "{typed:?}: {}", answer.text());
    assert!(unescaped(answer.text()).contains(typed), "{typed:?} is not shown again: {}", answer.text());
    assert_no_markup(answer, typed);
    false
}

async fn last_message(site: &Site) -> [String; 3] {
    let query = |conn: &mut foobar::Conn| {
        let last = messages::table.order(messages::id.desc());
        let (name, address, body) = last.select((messages::name, messages::address, messages::body)).first(conn)?;
        diesel::delete(messages::table).execute(conn)?; // an hour has room for a hundred
        Ok([name, address, body])
    };
    site.database().write(query).await.expect("there is one")
}

#[tokio::test]
async fn a_hostile_message_is_kept_byte_for_byte_or_refused_and_is_never_markup() {
    for site in on_both().await {
        site.sign_in("root@shop.test", &["admin"]).await;
        let (mut taken, mut refused) = (0, 0);
        for typed in strings() {
            let address = format!("{typed}@shop.test");
            for (at, sent) in
                [[&*typed, "ann@shop.test", "Hello"], ["Ann", &*address, "Hello"], ["Ann", "ann@shop.test", &*typed]]
                    .into_iter()
                    .enumerate()
            {
                let [name, mail, body] = sent;
                let answer = site.post("/contact").form(&[("name", name), ("address", mail), ("body", body)]).await;
                if !is_taken(&answer, sent[at]) {
                    refused += 1;
                    continue;
                }
                taken += 1;
                let shown = site.get("/admin").await;
                assert_no_markup(&shown, &typed);
                assert!(unescaped(shown.text()).contains(sent[at]), "{typed:?}: {}", shown.text());
                assert_eq!(last_message(&site).await, sent);
            }
        }
        assert!(taken > 20 && refused > 20, "{taken} taken, {refused} refused");
    }
}

async fn about(site: &Site) -> [String; 3] {
    let query = |conn: &mut foobar::Conn| {
        pages::table.find("about").select((pages::title, pages::summary, pages::body)).first(conn)
    };
    let (title, summary, body) = site.database().read(query).await.expect("it is there");
    [title, summary, body]
}

#[tokio::test]
async fn a_hostile_page_is_kept_byte_for_byte_or_refused_and_is_never_markup() {
    for site in on_both().await {
        site.sign_in("root@shop.test", &["admin"]).await;
        let (mut taken, mut refused) = (0, 0);
        for typed in strings() {
            for field in ["title", "summary", "body"] {
                let value = |name| if name == field { typed.as_str() } else { "plain" };
                let form = ["title", "summary", "body"].map(|name| (name, value(name)));
                let answer = site.post("/admin/pages/about").form(&form).await;
                if !is_taken(&answer, &typed) {
                    refused += 1;
                    continue;
                }
                taken += 1;
                assert_no_markup(&site.get("/about").await, &typed);
                let edited = site.get("/admin/pages/about").await;
                assert!(unescaped(edited.text()).contains(&typed), "{typed:?}: {}", edited.text());
                assert_eq!(about(&site).await, form.map(|(_, value)| value.to_owned()), "{field}");
            }
        }
        assert!(taken > 20 && refused > 20, "{taken} taken, {refused} refused");
    }
}

#[tokio::test]
async fn hostile_strings_open_no_account_and_are_no_link() {
    for site in on_both().await {
        for (number, typed) in strings().enumerate() {
            let long = format!("{typed:_<8}");
            for (path, form) in [
                ("/register", [("address", &*typed), ("password", "correct horse"), ("next", &*typed)]),
                ("/forgot-password", [("address", &*typed), ("other", &*typed), ("next", &*typed)]),
                ("/confirm", [("token", &*typed), ("next", &*typed), ("other", &*typed)]),
                ("/reset-password", [("token", &*typed), ("password", &*long), ("next", &*typed)]),
                ("/code", [("code", &*typed), ("next", &*typed), ("other", &*typed)]),
            ] {
                let answer = site.post(path).extension(client(number)).form(&form).await;
                let expected = if path == "/forgot-password" { [303, 422] } else { [401, 422] };
                assert!(expected.contains(&answer.status().as_u16()), "{path} {typed:?}: {answer:?}");
                assert_no_markup(&answer, &typed);
            }
            let query: String = typed.bytes().map(|byte| format!("%{byte:02X}")).collect();
            for path in
                ["/sign-in?next=", "/register?next=", "/confirm?token=", "/reset-password?token=", "/products?q="]
            {
                let page = site.get(&format!("{path}{query}")).await;
                assert_eq!(page.status(), 200, "{path} {typed:?}");
                assert_no_markup(&page, &typed);
            }
        }
    }
}

/// Each has an address of its own, since who fails too often waits.
fn client(number: usize) -> ConnectInfo {
    let [.., c, b, a] = number.to_be_bytes();
    ConnectInfo { remote: Some(([10, c, b, a], 1).into()), local: None, scheme: Scheme::Http }
}

#[tokio::test]
async fn hostile_strings_are_no_password_and_no_code_of_somebody_who_is_signed_in() {
    for site in on_both().await {
        for (number, typed) in strings().enumerate().step_by(10) {
            let long = format!("{typed:_<8}");
            let browser = site.other_user();
            let signed_out = [("address", &*typed), ("password", &*long), ("next", &*typed)];
            let answer = browser.post("/sign-in").extension(client(number)).form(&signed_out).await;
            assert_eq!(answer.status(), 422, "{typed:?}: {answer:?}");
            assert_no_markup(&answer, &typed);
            site.sign_in(&format!("ann{number}@shop.test"), &[]).await;
            for (path, form) in [
                ("/account/password", [("old_password", &*typed), ("password", &*long)]),
                ("/account/second-factor", [("password", &*typed), ("next", &*typed)]),
                ("/account/second-factor/on", [("code", &*typed), ("secret", &*typed)]),
                ("/account/second-factor/off", [("code", &*typed), ("next", &*typed)]),
                ("/account/second-factor/codes", [("code", &*typed), ("next", &*typed)]),
                ("/account/tokens", [("name", &*typed), ("days", &*long)]),
            ] {
                let answer = site.post(path).extension(client(number)).form(&form).await;
                assert_eq!(answer.status(), 422, "{path} {typed:?}: {answer:?}");
                assert_no_markup(&answer, &typed);
            }
        }
    }
}

#[tokio::test]
async fn any_string_of_eight_characters_is_a_password() {
    for site in on_both().await {
        for (number, typed) in strings().map(|typed| format!("{typed:_<8}")).take(8).enumerate() {
            let client = site.other_user();
            let address = format!("ann{number}@shop.test");
            let form = [("address", &*address), ("password", &*typed)];
            assert_eq!(client.post("/register").form(&form).await.status(), 303, "{typed:?}");
            client.post("/sign-out").await;
            let wrong = client.post("/sign-in").form(&[form[0], ("password", &format!("{typed} "))]).await;
            assert_eq!(wrong.status(), 422, "{typed:?}");
            assert_eq!(client.post("/sign-in").form(&form).await.status(), 303, "{typed:?}");
        }
    }
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let forms: [(&str, &[(&str, &str)]); 16] = [
        ("/register", &[("address", "eve@shop.test"), ("password", "correct horse")]),
        ("/sign-in", &[("address", "root@shop.test"), ("password", "correct horse")]),
        ("/sign-out", &[]),
        ("/confirm", &[("token", "x")]),
        ("/forgot-password", &[("address", "root@shop.test")]),
        ("/reset-password", &[("token", "x"), ("password", "correct horse")]),
        ("/account/password", &[("old_password", "x"), ("password", "correct horse")]),
        ("/account/sign-out-everywhere", &[]),
        ("/account/confirmation", &[]),
        ("/code", &[("code", "123456")]),
        ("/account/second-factor", &[("password", "correct horse")]),
        ("/account/second-factor/off", &[("code", "correct horse")]),
        ("/account/second-factor/codes", &[("code", "correct horse")]),
        ("/account/tokens", &[("name", "Eve"), ("days", "")]),
        ("/contact", &[("name", "Eve"), ("address", "eve@shop.test"), ("body", "Hello")]),
        ("/admin/pages/about", &[("title", "Evil"), ("summary", "Evil"), ("body", "Evil")]),
    ];
    for site in on_both().await {
        site.sign_in("root@shop.test", &["admin"]).await;
        for (path, form) in forms {
            for (name, value) in
                [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.test")]
            {
                let request = site.post(path).without_origin().form(form).header(name, value);
                assert_eq!(request.await.status(), 403, "{path} {name}: {value}");
            }
        }
        assert_eq!(site.get("/account").await.status(), 200, "still signed in");
        assert!(site.get("/about").await.text().contains("About Foobar"));
        assert!(site.get("/admin").await.text().contains("Nobody has written yet."));
        let users = |conn: &mut foobar::Conn| {
            let count = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT COUNT(*) FROM foobar_accounts");
            count.get_result::<i64>(conn)
        };
        assert_eq!(site.database().read(users).await.expect("the table is there"), 1, "the administrator");
    }
}
