//! The whole server in process, on a fresh database for each test.

use foobar::test::{self, Site, TestDb};

use crate::server;

async fn site() -> Site {
    test::site(server()).await
}

#[tokio::test]
async fn the_home_page_names_its_style_sheet() {
    let site = site().await;
    let page = site.get("/").await;
    assert_eq!(page.status(), 200);
    assert!(page.text().contains("<h1>Hello!</h1>"));
    let sheet = page.text().split('"').find(|text| text.ends_with(".css"));
    let sheet = site.get(sheet.expect("there is one")).await;
    let kind = sheet.header("content-type");
    assert_eq!(kind, Some("text/css; charset=utf-8"));
}

#[tokio::test]
async fn a_message_is_kept_and_shown_as_text() {
    keeps_a_message(site().await).await;
}

#[tokio::test]
#[ignore = "starts a MariaDB or MySQL server of its own, which has to be installed"]
async fn a_message_is_kept_on_mysql_too() {
    keeps_a_message(test::site_on(TestDb::mysql().await, server()).await).await;
}

async fn keeps_a_message(site: Site) {
    let message = [("author", " Ada "), ("body", "<b>Grüße</b> 🦀")];
    let answer = site.post("/messages").form(&message).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.header("location"), Some("/"));
    let page = site.get("/").await;
    assert!(page.text().contains("<h2>Ada</h2>"));
    assert!(page.text().contains("&#60;b&#62;Grüße&#60;/b&#62; 🦀"));
}

#[tokio::test]
async fn a_form_with_a_mistake_comes_back_as_it_was_filled_in() {
    let site = site().await;
    let too_long = "x".repeat(2001);
    let mistakes = [
        (" ", "Hello", "Your name is required."),
        ("Ada", " ", "Your message is required."),
        (
            "Ada",
            &too_long,
            "Your message is too long: the maximum length is 2000.",
        ),
    ];
    for (author, body, words) in mistakes {
        let form = [("author", author), ("body", body)];
        let page = site.post("/messages").form(&form).await;
        assert_eq!(page.status(), 422);
        assert!(page.text().contains(words));
        assert!(page.text().contains(&format!("value=\"{author}\"")));
        assert!(page.text().contains(&format!("{body}</textarea>")));
    }
    let page = site.get("/").await;
    assert!(page.text().contains("Nobody has left a message yet."));
}

#[tokio::test]
async fn a_form_without_a_field_or_with_one_twice_comes_back_too() {
    let site = site().await;
    let ada = ("author", "Ada");
    for fields in [&[ada][..], &[], &[ada, ada, ("body", " ")]] {
        let page = site.post("/messages").form(fields).await;
        assert_eq!(page.status(), 422);
        assert!(page.text().contains("Your message is required."));
        let kind = page.header("content-type");
        assert_eq!(kind, Some("text/html; charset=utf-8"));
    }
}

#[tokio::test]
async fn a_page_that_does_not_exist_is_the_sites_own_404() {
    let page = site().await.get("/nothing").await;
    assert_eq!(page.status(), 404);
    assert!(page.text().contains("There is nothing here"));
}
