//! The contact form, and the pages that administrators edit.

use diesel::prelude::*;
use foobar::DateTime;
use foobar::request::{ConnectInfo, Scheme};

use super::on_both;
use crate::message::forget_senders;
use crate::schema::messages;

const MESSAGE: [(&str, &str); 3] = [("name", "Ann"), ("address", "ann@shop.test"), ("body", "Is the lamp in stock?")];

#[tokio::test]
async fn a_message_is_kept_and_administrators_read_it() {
    for site in on_both().await {
        let answer = site.post("/contact").form(&MESSAGE).await;
        assert_eq!(answer.header("location"), Some("/contact"), "{}", answer.text());
        assert!(site.get("/contact").await.text().contains("Thank you."));
        assert!(!site.get("/contact").await.text().contains("Thank you."), "it is said once");
        site.sign_in("root@shop.test", &["admin"]).await;
        let page = site.get("/admin").await;
        assert!(
            page.text().contains("<h3>Ann</h3>") && page.text().contains("Is the lamp in stock?"),
            "{}",
            page.text()
        );
    }
}

#[tokio::test]
async fn a_message_with_mistakes_is_shown_again_and_not_kept() {
    for site in on_both().await {
        let long = "x".repeat(4001);
        let answer = site.post("/contact").form(&[("name", " "), ("address", "ann"), ("body", &long)]).await;
        assert_eq!(answer.status(), 422);
        for words in [
            "Name is required.",
            "Email is not an address that a mail can be sent to.",
            "Message is too long: the maximum length is 4000.",
            "value=\"ann\"",
        ] {
            assert!(answer.text().contains(words), "{words}: {}", answer.text());
        }
        let kept = site.database().read(|conn| messages::table.count().get_result::<i64>(conn)).await;
        assert_eq!(kept.expect("the table is there"), 0);
    }
}

#[tokio::test]
async fn no_program_fills_the_database_with_messages() {
    for site in on_both().await {
        for number in 0..100 {
            assert_eq!(site.post("/contact").form(&MESSAGE).await.status(), 303, "{number}");
        }
        let answer = site.post("/contact").form(&MESSAGE).await;
        assert_eq!((answer.status().as_u16(), answer.header("retry-after")), (429, Some("3600")));
        assert!(answer.text().contains("Too many messages") && answer.text().contains("Is the lamp in stock?"));
    }
}

#[tokio::test]
async fn one_client_does_not_close_the_form_for_others_and_where_a_message_came_from_is_forgotten() {
    let from = |address: &str| ConnectInfo {
        remote: Some(address.parse().expect("it is an address")),
        local: None,
        scheme: Scheme::Http,
    };
    for site in on_both().await {
        let send = |address: &str| site.post("/contact").extension(from(address)).form(&MESSAGE).send();
        for number in 0..10 {
            assert_eq!(send(&format!("[2001:db8::{number}]:1")).await.status(), 303, "{number}");
        }
        assert_eq!(send("[2001:db8::ffff]:1").await.status(), 429);
        assert_eq!(send("[2001:db8:1::1]:1").await.status(), 303);
        let age = |conn: &mut foobar::Conn| {
            let long_ago = DateTime::from(std::time::SystemTime::UNIX_EPOCH);
            diesel::update(messages::table).set(messages::sent_at.eq(long_ago)).execute(conn)
        };
        site.database().write(age).await.expect("the table is there");
        assert_eq!(send("10.0.0.1:1").await.status(), 303);
        site.database().write(forget_senders).await.expect("the table is there"); // as every ten minutes
        let senders = |conn: &mut foobar::Conn| {
            messages::table.filter(messages::sender.ne("")).select(messages::sender).load::<String>(conn)
        };
        assert_eq!(site.database().read(senders).await.expect("the table is there"), ["10.0.0.1"]);
    }
}

fn today() -> String {
    DateTime::now().to_string().chars().take("2026-01-31".len()).collect()
}

#[tokio::test]
async fn a_page_is_edited_by_administrators_alone() {
    let text = [("title", "About <us>"), ("summary", "Who & where."), ("body", "One.\r\n\r\n# Two\r\n\r\n<script>")];
    for site in on_both().await {
        assert_eq!(site.post("/admin/pages/about").form(&text).await.status(), 401);
        site.sign_in("ann@shop.test", &[]).await;
        for path in ["/admin", "/admin/pages/about"] {
            assert_eq!(site.get(path).await.status(), 403, "{path}");
        }
        assert_eq!(site.post("/admin/pages/about").form(&text).await.status(), 403);
        assert!(site.get("/about").await.text().contains("About Foobar"));
        site.sign_in("root@shop.test", &["admin"]).await;
        let before = today();
        assert!(site.get("/admin/pages/about").await.text().contains("value=\"About Foobar\""));
        assert_eq!(site.post("/admin/pages/about").form(&text).await.header("location"), Some("/about"));
        let page = site.other_user().get("/about").await;
        for words in ["<h1>About &#60;us&#62;</h1>", "<p>One.</p>", "<h2>Two</h2>", "<p>&#60;script&#62;</p>"] {
            assert!(page.text().contains(words), "{words}: {}", page.text());
        }
        let days = [before, today()].map(|day| page.text().contains(&format!("<time>{day}</time>")));
        assert!(days.contains(&true), "it was changed today, or yesterday just before midnight: {}", page.text());
        for form in [&text[..], &[]] {
            assert_eq!(site.post("/admin/pages/nothing").form(form).await.status(), 404);
        }
    }
}
