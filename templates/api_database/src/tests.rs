//! The whole server in process, on a fresh database for each test.

use foobar::test::{self, Site, TestDb};
use serde_json::{Value, json};

use crate::server;

async fn site() -> Site {
    test::site(server()).await
}

#[tokio::test]
async fn a_message_is_kept() {
    keeps_a_message(site().await).await;
}

#[tokio::test]
#[ignore = "starts a MariaDB or MySQL server of its own, which has to be installed"]
async fn a_message_is_kept_on_mysql_too() {
    keeps_a_message(test::site_on(TestDb::mysql().await, server()).await).await;
}

async fn keeps_a_message(site: Site) {
    let message = json!({"author": " Ada ", "body": "Grüße 🦀"});
    assert_eq!(site.post("/messages").json(&message).await.status(), 201);
    let messages: Value = site.get("/messages").await.json();
    let expected = json!([{"id": 1, "author": "Ada", "body": "Grüße 🦀"}]);
    assert_eq!(messages, expected);
    let hello: Value = site.get("/").await.json();
    assert_eq!(hello, json!({"hello": "World", "messages": 1}));
}

#[tokio::test]
async fn a_message_with_a_mistake_is_refused_in_words() {
    let site = site().await;
    for (message, errors) in [
        (
            json!({"author": " ", "body": "x".repeat(2001)}),
            json!({"author": ["is required"], "body": ["is too long: the maximum length is 2000"]}),
        ),
        (json!({"author": "Ada"}), json!({"body": ["is required"]})),
    ] {
        let problem = site.post("/messages").json(&message).await;
        assert_eq!(problem.status(), 422);
        let problem: Value = problem.json();
        assert_eq!(problem["errors"], errors);
    }
    let messages: Value = site.get("/messages").await.json();
    assert_eq!(messages, json!([]));
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_a_problem() {
    let problem = site().await.get("/nothing").await;
    assert_eq!(problem.status(), 404);
    let kind = problem.header("content-type");
    assert_eq!(kind, Some("application/problem+json"));
}
