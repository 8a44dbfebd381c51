//! Hostile strings in every field of every form, and forms that pages of other sites send.

use diesel::prelude::*;
use foobar::request::{ConnectInfo, Scheme};
use foobar::test::{Site, TestResponse};
use futures_util::future::join_all;

use super::on_both;
use super::second_factor::{begin, begin_sign_in, enrol};
use crate::schema::{messages, pages};

/// As many strings as `FOOBAR_STRINGS` says, each the same in every run.
fn strings() -> impl Iterator<Item = String> {
    let number = |count: String| count.parse().expect("FOOBAR_STRINGS is a number");
    (0..std::env::var("FOOBAR_STRINGS").map_or(200, number)).map(hostile)
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

/// How many forms were taken, and how many were refused: some of both, and no fewer of the first than expected.
fn tell(taken: usize, refused: usize, least: usize) {
    println!("{taken} taken, {refused} refused");
    assert!(taken > least && refused > 20, "{taken} taken, {refused} refused");
}

/// At every place of an address.
fn addresses(typed: &str) -> [String; 4] {
    [
        format!("{typed}@shop.test"),
        format!("ann{typed}@shop.test"),
        format!("ann@{typed}.test"),
        format!("ann@shop.test{typed}"),
    ]
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
            let sent = addresses(&typed).map(|address| (1, ["Ann".to_owned(), address, "Hello".to_owned()]));
            let value = |at: usize, plain: [&str; 3]| {
                let mut sent = plain.map(str::to_owned);
                sent[at].clone_from(&typed);
                (at, sent)
            };
            let plain = ["Ann", "ann@shop.test", "Hello"];
            for (at, sent) in [value(0, plain), value(2, plain)].into_iter().chain(sent) {
                let [name, mail, body] = sent.each_ref().map(String::as_str);
                let answer = site.post("/contact").form(&[("name", name), ("address", mail), ("body", body)]).await;
                if !is_taken(&answer, &sent[at]) {
                    refused += 1;
                    continue;
                }
                taken += 1;
                let shown = site.get("/admin").await;
                assert_no_markup(&shown, &typed);
                assert!(unescaped(shown.text()).contains(&sent[at]), "{typed:?}: {}", shown.text());
                assert_eq!(last_message(&site).await, sent);
            }
        }
        tell(taken, refused, 20);
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
        tell(taken, refused, 20);
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

#[tokio::test]
async fn a_hostile_address_has_an_account_under_these_very_letters_or_none() {
    for site in on_both().await {
        let (mut taken, mut refused) = (0, 0);
        for (number, typed) in strings().enumerate() {
            for address in addresses(&typed) {
                let form = [("address", &*address), ("password", "correct horse")];
                let browser = site.other_user();
                let answer = browser.post("/register").extension(client(number)).form(&form).await;
                if !is_taken(&answer, &address) {
                    refused += 1;
                    continue;
                }
                taken += 1;
                let own = address.trim_matches(' ').to_lowercase();
                let page = browser.get("/account").await;
                assert_no_markup(&page, &typed);
                assert!(unescaped(page.text()).contains(&own), "{address:?}: {}", page.text());
                site.database().write(forget_accounts).await.expect("the table is there"); // it may be typed again
            }
        }
        tell(taken, refused, 5);
    }
}

fn forget_accounts(conn: &mut foobar::Conn) -> QueryResult<usize> {
    diesel::sql_query("DELETE FROM foobar_accounts").execute(conn)
}

/// Who fails too often waits.
fn forget_failures(conn: &mut foobar::Conn) -> QueryResult<usize> {
    diesel::sql_query("DELETE FROM foobar_sign_in_failures").execute(conn)
}

#[tokio::test]
async fn a_token_has_the_very_name_that_was_typed_or_is_refused() {
    for site in on_both().await {
        site.sign_in("ann@shop.test", &[]).await;
        let (mut taken, mut refused) = (0, 0);
        for typed in strings().chain(["\u{a0}a".to_owned(), " a ".to_owned()]) {
            let answer = site.post("/account/tokens").form(&[("name", &*typed), ("days", "30")]).await;
            assert_no_markup(&answer, &typed);
            let text = unescaped(answer.text());
            if answer.status() == 200 {
                taken += 1;
                assert!(text.contains(&format!(">{typed}<")), "{typed:?}: {text}");
                site.post("/account/tokens/revoke").await; // an account has a hundred at most
            } else {
                refused += 1;
                assert!(answer.status() == 422 && text.contains("class=\"problem\""), "{typed:?}: {text}");
            }
        }
        tell(taken, refused, 20);
    }
}

/// Each has an address of its own, since who fails too often waits.
fn client(number: usize) -> ConnectInfo {
    let [.., c, b, a] = number.to_be_bytes();
    ConnectInfo { remote: Some(([10, c, b, a], 1).into()), local: None, scheme: Scheme::Http }
}

#[tokio::test]
async fn hostile_strings_are_no_code_of_a_second_factor_and_use_none_up() {
    for site in on_both().await {
        let (_secret, codes) = enrol(&site).await;
        let (mut ann, bob) = (begin_sign_in(&site).await, begin(&site).await);
        for (number, typed) in strings().enumerate() {
            if number % 1000 == 999 {
                ann = begin_sign_in(&site).await; // it has ten minutes for a code
            }
            for (browser, path) in [(&ann, "/code"), (&bob, "/account/second-factor/on")] {
                let form = [("code", &*typed), ("next", &*typed), ("secret", &*typed)];
                let answer = browser.post(path).extension(client(number)).form(&form).await;
                assert_eq!(answer.status(), 422, "{path} {typed:?}: {answer:?}");
                assert_no_markup(&answer, &typed);
            }
            site.database().write(forget_failures).await.expect("the table is there");
        }
        assert_eq!(ann.post("/code").form(&[("code", &codes[0])]).await.status(), 303);
        assert!(site.get("/account/second-factor").await.text().contains("You have 9 recovery codes left."));
    }
}

#[tokio::test]
async fn hostile_strings_are_no_password_and_no_code_of_somebody_who_is_signed_in() {
    join_all(on_both().await.map(|site| async move {
        enrol(&site).await;
        for (number, typed) in strings().enumerate() {
            let long = format!("{typed:_<8}");
            let browser = site.other_user();
            let signed_out = [("address", &*typed), ("password", &*long), ("next", &*typed)];
            let answer = browser.post("/sign-in").extension(client(number)).form(&signed_out).await;
            assert_eq!(answer.status(), 422, "{typed:?}: {answer:?}");
            assert_no_markup(&answer, &typed);
            for (path, form) in [
                ("/account/password", [("old_password", &*typed), ("password", &*long)]),
                ("/account/second-factor", [("password", &*typed), ("next", &*typed)]),
                ("/account/second-factor/off", [("code", &*typed), ("next", &*typed)]),
                ("/account/second-factor/codes", [("code", &*typed), ("next", &*typed)]),
                ("/account/tokens", [("name", &*typed), ("days", &*long)]),
            ] {
                let answer = site.post(path).extension(client(number)).form(&form).await;
                assert_eq!(answer.status(), 422, "{path} {typed:?}: {answer:?}");
                assert_no_markup(&answer, &typed);
            }
            site.database().write(forget_failures).await.expect("the table is there");
        }
        assert!(site.get("/account/second-factor").await.text().contains("You have 10 recovery codes left."));
    }))
    .await;
}

/// Each piece in one, and the strings.
fn passwords() -> impl Iterator<Item = String> {
    let each_piece = PIECES.chunks(6).map(|pieces| pieces.concat());
    each_piece.chain(strings()).map(|typed| format!("{typed:_<8}"))
}

#[tokio::test]
async fn any_string_of_eight_characters_is_a_password() {
    join_all(on_both().await.map(|site| async move {
        for (number, typed) in passwords().enumerate() {
            let browser = site.other_user();
            let address = format!("ann{number}@shop.test");
            let form = [("address", &*address), ("password", &*typed)];
            assert_eq!(
                browser.post("/register").extension(client(number)).form(&form).await.status(),
                303,
                "{typed:?}"
            );
            browser.post("/sign-out").await;
            let wrong = browser
                .post("/sign-in")
                .extension(client(number))
                .form(&[form[0], ("password", &format!("{typed} "))])
                .await;
            assert_eq!(wrong.status(), 422, "{typed:?}");
            assert_eq!(browser.post("/sign-in").extension(client(number)).form(&form).await.status(), 303, "{typed:?}");
        }
    }))
    .await;
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let forms: [(&str, &[(&str, &str)]); 19] = [
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
        ("/account/second-factor/on", &[("code", "123456")]),
        ("/account/second-factor/off", &[("code", "correct horse")]),
        ("/account/second-factor/codes", &[("code", "correct horse")]),
        ("/account/tokens", &[("name", "Eve"), ("days", "")]),
        ("/account/tokens/revoke", &[]),
        ("/account/tokens/1/revoke", &[]),
        ("/contact", &[("name", "Eve"), ("address", "eve@shop.test"), ("body", "Hello")]),
        ("/admin/pages/about", &[("title", "Evil"), ("summary", "Evil"), ("body", "Evil")]),
    ];
    for site in on_both().await {
        site.sign_in("root@shop.test", &["admin"]).await;
        site.post("/account/tokens").form(&[("name", "Mine"), ("days", "30")]).await;
        for (path, form) in forms {
            for (name, value) in
                [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.test")]
            {
                let request = site.post(path).without_origin().form(form).header(name, value);
                assert_eq!(request.await.status(), 403, "{path} {name}: {value}");
            }
        }
        assert_eq!(site.get("/account").await.status(), 200, "still signed in");
        let tokens = site.get("/account/tokens").await;
        assert!(tokens.text().contains("Mine") && !tokens.text().contains("Eve"), "{}", tokens.text());
        assert!(site.get("/about").await.text().contains("About Foobar"));
        assert!(site.get("/admin").await.text().contains("Nobody has written yet."));
        let users = |conn: &mut foobar::Conn| {
            let count = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT COUNT(*) FROM foobar_accounts");
            count.get_result::<i64>(conn)
        };
        assert_eq!(site.database().read(users).await.expect("the table is there"), 1, "the administrator");
    }
}
