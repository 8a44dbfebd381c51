//! The whole site in process, on a fresh database of each engine for each test.

mod accounts; // who is who, and what they may do
mod bad_input; // hostile strings, requests of other sites
mod half_done; // a database that refuses one statement
mod links; // the links by mail
mod mailbox;
mod second_factor; // from the page of the account to the sign-in
mod tokens; // for programs
mod written; // what visitors and administrators write

use foobar::AccountOptions;
use foobar::test::{self, Site, TestDb};
use serde_json::Value;

use crate::accounts::SIGN_IN;
use crate::server_with;

async fn on_both() -> [Site; 2] {
    let accounts = || {
        let options = AccountOptions::new(SIGN_IN).with_weak_hashes_for_tests();
        options.with_mailer(mailbox::Nowhere) // not to a file beside the sources
    };
    let server = || server_with(accounts()).set("shop.demo_accounts", "false"); // whose passwords take their time
    [test::site(server()).await, test::site_on(TestDb::mysql().await, server()).await]
}

#[tokio::test]
async fn a_page_names_its_style_sheet_by_what_that_holds() {
    for site in on_both().await {
        let page = site.get("/").await;
        let sheet = page.text().split('"').find(|text| text.contains(".css")).expect("the page has one");
        assert_eq!(site.get(sheet).await.header("content-type"), Some("text/css; charset=utf-8"), "{sheet}");
    }
}

#[tokio::test]
async fn a_search_finds_words_in_any_order_and_case() {
    for site in on_both().await {
        let page = site.get("/products?q=BOARD%20oak").await;
        assert_eq!(page.status(), 200);
        assert!(page.text().contains("<h2 class=\"count\">1 product</h2>"));
        assert!(page.text().contains("<a href=\"/products/3\">Oak chopping board</a>"));
    }
}

#[tokio::test]
async fn a_wildcard_in_a_search_is_an_ordinary_character() {
    for site in on_both().await {
        assert!(site.get("/products?q=%25").await.text().contains("Nothing matches"));
        assert!(site.get("/products?q=_").await.text().contains("Nothing matches"));
    }
}

#[tokio::test]
async fn markup_in_a_search_is_shown_as_text() {
    for site in on_both().await {
        let page = site.get("/products?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
        assert_eq!(page.status(), 200);
        assert!(!page.text().contains("<script"));
        assert!(page.text().contains("&#60;script&#62;"));
    }
}

#[tokio::test]
async fn a_page_that_does_not_exist_is_the_sites_own_404() {
    for site in on_both().await {
        assert_eq!(site.get("/products?page=17").await.status(), 200);
        for path in ["/products?page=18", "/products?page=0", "/products?page=abc", "/products?page=99999999999"] {
            assert_eq!(site.get(path).await.status(), 404, "{path}");
        }
        for path in ["/products/201", "/products/0", "/products/99999999999", "/products/abc", "/nothing", "/a/b"] {
            let page = site.get(path).await;
            assert_eq!(page.status(), 404, "{path}");
            assert!(page.text().contains("There is nothing here"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_api_gives_products_as_json_and_errors_as_problems() {
    for site in on_both().await {
        let list: Value = site.get("/api/products?q=mug&page=1").await.json();
        assert_eq!((&list["total"], &list["pages"]), (&5.into(), &1.into()));
        let product: Value = site.get("/api/products/3").await.json();
        assert_eq!((&product["name"], &product["price_eur_cents"]), (&"Oak chopping board".into(), &3900.into()));
        for path in ["/api/products/201", "/api/products/x", "/api/products?page=2000", "/api"] {
            let problem = site.get(path).await;
            assert_eq!(problem.status(), 404, "{path}");
            assert_eq!(problem.header("content-type"), Some("application/problem+json"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_sitemap_names_every_page_and_product() {
    for site in on_both().await {
        let sitemap = site.get("/sitemap.xml").await;
        assert_eq!(sitemap.text().matches("<loc>").count(), 2 + 4 + 200);
        assert!(sitemap.text().contains("<loc>http://127.0.0.1:8080/about</loc>"));
    }
}
