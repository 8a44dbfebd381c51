//! The whole server in process.

use foobar::test::{self, Site};
use serde_json::{Value, json};

use crate::server;

async fn site() -> Site {
    test::site(server()).await
}

#[tokio::test]
async fn it_says_hello() {
    let site = site().await;
    let hello: Value = site.get("/").await.json();
    assert_eq!(hello, json!({"hello": "World"}));
    let guest = json!({"name": "Ada"});
    let hello: Value = site.post("/greetings").json(&guest).await.json();
    assert_eq!(hello, json!({"hello": "Ada"}));
}

#[tokio::test]
async fn a_guest_without_a_name_is_refused_in_words() {
    let site = site().await;
    for (guest, error) in [
        (json!({"name": ""}), "must not be empty"),
        (json!({}), "is required"),
    ] {
        let problem = site.post("/greetings").json(&guest).await;
        assert_eq!(problem.status(), 422);
        let problem: Value = problem.json();
        assert_eq!(problem["errors"], json!({"name": [error]}));
    }
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_a_problem() {
    let problem = site().await.get("/nothing").await;
    assert_eq!(problem.status(), 404);
    let kind = problem.header("content-type");
    assert_eq!(kind, Some("application/problem+json"));
}
