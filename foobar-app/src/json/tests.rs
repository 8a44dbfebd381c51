use actix_web::web::{self, ServiceConfig};
use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Client, TestResponse};

#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "its fields are shown by `Debug`")]
struct Order {
    #[garde(length(chars, min = 1))]
    article: String,
    #[garde(range(min = 1, max = 100))]
    pieces: u32,
    #[garde(skip)]
    gift: bool,
    #[garde(skip)]
    note: Option<String>,
    #[garde(dive)]
    send_to: Address,
    #[garde(dive)]
    extras: Vec<Extra>,
    #[garde(skip)]
    #[serde(default)]
    payment: Payment,
}

#[derive(Debug, Deserialize, Validate)]
struct Address {
    #[garde(length(chars, min = 1))]
    city: String,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "camelCase")]
struct Extra {
    #[garde(range(min = 0.0))]
    unit_price: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "its fields are shown by `Debug`")]
enum Payment {
    #[default]
    Invoice,
    Card {
        number: u64,
    },
}

async fn order(order: Json<Order>) -> String {
    format!("{:?}", order.into_inner())
}

async fn sent(kind: &str, body: impl Into<Bytes>) -> TestResponse {
    let routes = |routes: &mut ServiceConfig| _ = routes.route("/", web::post().to(order));
    Client::new(crate::routes(routes), None).await.post("/").header("content-type", kind).body(body).await
}

async fn errors(body: &Value) -> Value {
    let answer = sent("application/json", body.to_string()).await;
    assert_eq!(answer.status(), 422, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let mut problem: Value = answer.json();
    assert_eq!(problem["detail"], "Some fields are missing or wrong.");
    problem["errors"].take()
}

/// An order that is good but for this field.
fn with(field: &str, value: Value) -> Value {
    let mut order = json!({"article": "mug", "pieces": 1, "gift": true, "sendTo": {"city": "Ulm"}, "extras": []});
    order[field] = value;
    order
}

#[tokio::test]
async fn a_good_body_is_its_value() {
    let answer = sent("application/json", with("extras", json!([{"unitPrice": 2}])).to_string()).await;
    let expected = "Order { article: \"mug\", pieces: 1, gift: true, note: None, send_to: Address { city: \"Ulm\" }, \
                    extras: [Extra { unit_price: 2.0 }], payment: Invoice }";
    assert_eq!(answer.text(), expected);
    assert_eq!(
        sent("application/vnd.foobar+json; charset=utf-8", with("note", json!(null)).to_string()).await.status(),
        200
    );
}

#[tokio::test]
async fn a_missing_field_a_wrong_type_and_a_broken_rule_are_told_at_once_and_alike() {
    let body = json!({
        "article": "",
        "pieces": "two",
        "note": 5,
        "sendTo": {},
        "extras": [{"unitPrice": -1}, {"unitPrice": 1}, {}, {"unitPrice": "x"}],
    });
    let expected = json!({
        "article": ["must not be empty"],
        "pieces": ["is not a whole number"],
        "gift": ["is required"],
        "note": ["is not text"],
        "sendTo.city": ["is required"],
        "extras[0].unitPrice": ["must be at least 0"],
        "extras[2].unitPrice": ["is required"],
        "extras[3].unitPrice": ["is not a number"],
    });
    assert_eq!(errors(&body).await, expected);
}

#[tokio::test]
async fn broken_rules_are_told_at_once_and_with_what_is_wrong_with_optional_fields() {
    let body = json!({
        "article": "",
        "pieces": 0,
        "gift": true,
        "note": 5,
        "sendTo": {"city": ""},
        "extras": [{"unitPrice": 1}, {"unitPrice": -1}],
    });
    let short = ["must not be empty"];
    let mut expected = json!({
        "article": short,
        "pieces": ["must be at least 1"],
        "note": ["is not text"],
        "sendTo.city": short,
        "extras[1].unitPrice": ["must be at least 0"],
    });
    assert_eq!(errors(&body).await, expected);
    expected.as_object_mut().unwrap().remove("note");
    let mut body = body;
    body["note"] = "x".into();
    assert_eq!(errors(&body).await, expected);
}

#[test]
fn what_serde_json_refuses_is_never_a_value() {
    #[derive(Debug, Deserialize, Validate)]
    #[garde(allow_unvalidated)]
    #[expect(dead_code, reason = "its fields are shown by `Debug`")]
    struct Job {
        #[serde(default)]
        size: (i32, i32),
        #[serde(default)]
        pieces: u8,
        #[serde(default)]
        color: Color,
        #[serde(default)]
        text: [String; 1],
    }
    #[derive(Debug, Default, Deserialize)]
    enum Color {
        #[default]
        Red,
    }
    for (body, expected) in [
        (r#"{"size": [1, 2, 3]}"#, json!({"size": ["has too many items"]})),
        (r#"{"size": [1]}"#, json!({"size": ["is invalid"]})),
        (r#"{"text": ["a", "b"]}"#, json!({"text": ["has too many items"]})),
        (r#"{"color": {"Red": 5}}"#, json!({"color.Red": ["is not expected"]})),
        (r#"{"color": {"Red": null, "Green": null}}"#, json!({"color": ["is not text"]})),
        (r#"{"pieces": 5, "pieces": 1}"#, json!({"": ["is invalid"]})),
        (r#"{"pieces": 1.0}"#, json!({"pieces": ["is not a whole number"]})),
        (r#"{"pieces": null}"#, json!({"pieces": ["is not a whole number"]})),
    ] {
        let refused = read::<Job>(body.as_bytes()).expect_err(body);
        assert_eq!(refused.status(), 422, "{body}");
        assert_eq!(refused.members().find(|(name, _)| name == "errors").unwrap().1, expected, "{body}");
    }
    assert!(read::<Job>(br#"{"size": [1, 2], "color": {"Red": null}, "text": ["a"]}"#).is_ok());
}

#[tokio::test]
async fn each_wrong_field_has_its_sentence() {
    for (field, value, at, expected) in [
        ("pieces", json!(2.5), "pieces", "is not a whole number"),
        ("pieces", json!("2"), "pieces", "is not a whole number"),
        ("pieces", json!(-1), "pieces", "is less than 0"),
        ("pieces", json!(1_u64 << 40), "pieces", "is more than 4294967295"),
        ("pieces", json!(101), "pieces", "must be at most 100"),
        ("pieces", json!(null), "pieces", "is not a whole number"),
        ("gift", json!(1), "gift", "is not true or false"),
        ("article", json!(["mug"]), "article", "is not text"),
        ("sendTo", json!("Ulm"), "sendTo", "is not an object"),
        ("extras", json!({}), "extras", "is not a list"),
        ("extras", json!([5]), "extras[0]", "is not an object"),
        ("payment", json!("gold"), "payment", "is not one of the choices"),
        ("payment", json!({"card": {"number": "x"}}), "payment.card.number", "is not a whole number"),
        ("payment", json!({"card": {}}), "payment.card.number", "is required"),
        ("payment", json!("card"), "payment", "is invalid"),
    ] {
        assert_eq!(errors(&with(field, value.clone())).await, json!({at: [expected]}), "{field} {value}");
    }
    for body in [json!([]), json!(5), json!(null)] {
        assert_eq!(errors(&body).await, json!({"": ["is not an object"]}));
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_has_another_status() {
    let (good, kind) = (with("note", json!("x")).to_string(), "application/json");
    for (expected, kind, body) in [
        (415, "text/plain", good.as_str()),
        (415, "application/x-www-form-urlencoded", &good),
        (415, "application/jsonp", &good),
        (400, kind, ""),
        (400, kind, "{\"article\": "),
        (400, kind, "{\"article\": 5} trailing"),
        (400, kind, &"[".repeat(10_000)),
        (200, "APPLICATION/JSON", &good),
    ] {
        let answer = sent(kind, body.to_owned()).await;
        assert_eq!(answer.status(), expected, "{kind} {body}");
    }
    assert_eq!(sent(kind, &b"{\"article\": \"\xff\"}"[..]).await.status(), 400);
}

#[tokio::test]
async fn of_very_many_wrong_fields_the_first_are_told() {
    let missing: Vec<_> = std::iter::repeat_n(json!({}), 5000).collect();
    let told = errors(&with("extras", missing.into())).await;
    assert_eq!(told.as_object().map(serde_json::Map::len), Some(32));
    let broken: Vec<_> = std::iter::repeat_n(json!({"unitPrice": -1}), 5000).collect();
    let told = errors(&with("extras", broken.into())).await;
    assert_eq!(told.as_object().map(serde_json::Map::len), Some(32));
}
