//! The whole server in process.

use foobar::test::{self, Site};

use crate::server;

async fn site() -> Site {
    test::site(server()).await
}

#[tokio::test]
async fn the_home_page_names_its_style_sheet() {
    let site = site().await;
    let page = site.get("/").await;
    assert_eq!(page.status(), 200);
    assert!(page.text().contains("<h1>Hello, World!</h1>"));
    let sheet = page.text().split('"').find(|text| text.ends_with(".css"));
    let sheet = site.get(sheet.expect("there is one")).await;
    let kind = sheet.header("content-type");
    assert_eq!(kind, Some("text/css; charset=utf-8"));
}

#[tokio::test]
async fn a_name_is_shown_as_text() {
    let page = site().await.get("/?name=%3Cb%3EAda").await;
    assert!(page.text().contains("<h1>Hello, &#60;b&#62;Ada!</h1>"));
}

#[tokio::test]
async fn a_page_that_does_not_exist_is_the_sites_own_404() {
    let page = site().await.get("/nothing").await;
    assert_eq!(page.status(), 404);
    assert!(page.text().contains("There is nothing here"));
}
