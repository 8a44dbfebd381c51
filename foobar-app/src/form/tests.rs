use std::fmt::Debug;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use foobar_core::{BodyError, BoxError, RequestBody};
use garde::Validate;
use http_body::{Body, Frame};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Client, TestResponse};

#[derive(Debug, Deserialize, Validate)]
#[expect(dead_code, reason = "its fields are shown by `Debug`")]
struct Entry {
    #[garde(length(chars, min = 1, max = 8))]
    name: String,
    #[garde(range(min = 1, max = 150))]
    age: u8,
    #[garde(skip)]
    mail: Option<String>,
    #[garde(range(min = 0.0))]
    height: Option<f64>,
    #[garde(skip)]
    public: bool,
    #[garde(inner(length(chars, min = 2)))]
    tags: Vec<String>,
    #[garde(skip)]
    visits: Vec<u16>,
    #[garde(skip)]
    color: Color,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    Red,
    Green,
}

/// A body that is cut off where it is too large, as the web tier does.
struct TooLarge(bool);

impl Body for TooLarge {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let first = std::mem::replace(&mut self.0, false);
        Poll::Ready(first.then(|| Err(BodyError::TooLarge { limit: 9 }.into())))
    }
}

/// The value, or the errors with 422.
async fn show<T: Debug>(mut form: Form<T>) -> HttpResponse {
    match form.take() {
        Some(value) => HttpResponse::Ok().body(format!("{value:?}")),
        None => HttpResponse::UnprocessableEntity().json(form.all_errors()),
    }
}

async fn client<T: Debug + Validated + 'static>() -> Client {
    let routes = |routes: &mut ServiceConfig| _ = routes.route("/", web::post().to(show::<T>));
    Client::new(crate::routes(routes), None).await
}

async fn sent<T>(body: impl Into<Bytes>) -> TestResponse
where
    T: Debug + Validated + 'static,
{
    client::<T>().await.post("/").header("content-type", "application/x-www-form-urlencoded").body(body).await
}

async fn errors<T>(body: &'static str) -> Value
where
    T: Debug + Validated + 'static,
{
    let answer = sent::<T>(body).await;
    assert_eq!(answer.status(), 422, "{answer:?}");
    answer.json()
}

const GOOD: &str = "name=Ann&age=30&color=green";

/// An entry that is good but for this.
async fn of_entry(body: &str) -> Value {
    let answer = sent::<Entry>([GOOD, body].join("&")).await;
    if answer.status() == 200 { answer.text().into() } else { answer.json() }
}

#[tokio::test]
async fn a_good_form_is_its_value() {
    let expected =
        "Entry { name: \"Ann\", age: 30, mail: None, height: None, public: false, tags: [], visits: [], color: Green }";
    assert_eq!(sent::<Entry>(GOOD).await.text(), expected);
    let all =
        sent::<Entry>("name=%C3%84nne+B&age=+30&mail=a%40b&height=1.7&public=on&tags=aa&tags=bb&visits=7&color=red")
            .await;
    let expected = "Entry { name: \"Änne B\", age: 30, mail: Some(\"a@b\"), height: Some(1.7), public: true, tags: [\"aa\", \"bb\"], \
                    visits: [7], color: Red }";
    assert_eq!(all.text(), expected);
}

#[tokio::test]
async fn missing_fields_and_wrong_types_are_told_at_once_and_alike() {
    let expected = json!({
        "age": ["is not a whole number"],
        "color": ["is required"],
        "height": ["is not a number"],
        "name": ["is required"],
        "tags": ["is too short: the minimum length is 2"],
        "visits": ["is not a whole number"],
    });
    assert_eq!(errors::<Entry>("age=abc&height=tall&tags=aa&tags=b&visits=1&visits=two").await, expected);
    let required = ["is required"];
    assert_eq!(errors::<Entry>("").await, json!({"age": required, "color": required, "name": required}));
}

#[tokio::test]
async fn a_broken_rule_is_told_beside_a_missing_field_and_a_wrong_type() {
    let expected = json!({
        "age": ["is not a whole number"],
        "color": ["is required"],
        "height": ["must be at least 0"],
        "name": ["is too long: the maximum length is 8"],
        "tags": ["is too short: the minimum length is 2"],
        "visits": ["is not a whole number"],
    });
    let body = "name=far+too+long&age=abc&height=-1&tags=aa&tags=b&visits=1&visits=two";
    assert_eq!(errors::<Entry>(body).await, expected);
}

#[tokio::test]
async fn broken_rules_are_told_at_once_and_with_what_is_wrong_with_optional_fields() {
    let expected = json!({
        "age": ["must be at most 150"],
        "height": ["is not a number"],
        "name": ["is too long: the maximum length is 8"],
        "tags": ["is too short: the minimum length is 2"],
    });
    assert_eq!(errors::<Entry>("name=far+too+long&age=200&height=tall&tags=aa&tags=b&color=red").await, expected);
}

#[tokio::test]
async fn each_wrong_field_has_its_sentence() {
    for (body, field, expected) in [
        ("age=", "age", "is required"),
        ("age=+", "age", "is required"),
        ("age=1.5", "age", "is not a whole number"),
        ("age=300", "age", "is more than 255"),
        ("age=-1", "age", "is less than 0"),
        ("age=0", "age", "must be at least 1"),
        ("height=tall", "height", "is not a number"),
        ("height=inf", "height", "is not a number"),
        ("height=NaN", "height", "is not a number"),
        ("public=perhaps", "public", "is not true or false"),
        ("color=", "color", "is required"),
        ("color=blue", "color", "is not one of the choices"),
        ("visits=70000", "visits", "is more than 65535"),
        ("name=", "name", "must not be empty"),
    ] {
        assert_eq!(of_entry(body).await, json!({field: [expected]}), "{body}");
    }
}

#[tokio::test]
async fn empty_options_are_none_boxes_may_be_absent_and_the_last_of_several_counts() {
    let shown = async |body: &str| of_entry(body).await.as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
    assert!(shown("mail=&height=").await.contains("mail: None, height: None"));
    assert!(shown("mail=+&height=+").await.contains("mail: None, height: None"), "a blank is nothing");
    for (value, expected) in [("on", true), ("1", true), ("true", true), ("0", false), ("false", false), ("", false)] {
        assert!(shown(&format!("public={value}")).await.contains(&format!("public: {expected}")), "{value}");
    }
    assert!(shown("public=0&public=1&age=31&age=32").await.contains("age: 32, mail: None, height: None, public: true"));
    assert!(shown("csrf=x&name=Bob&other[a]=1&=").await.contains("Bob"), "what nobody asks for is ignored");
}

#[tokio::test]
async fn a_default_of_serde_counts_for_what_is_absent() {
    #[derive(Debug, Deserialize, Validate)]
    #[garde(allow_unvalidated)]
    struct Settings {
        #[serde(default = "yes")]
        #[expect(dead_code, reason = "it is shown by `Debug`")]
        news: bool,
    }
    const fn yes() -> bool {
        true
    }
    assert_eq!(sent::<Settings>("").await.text(), "Settings { news: true }");
}

#[tokio::test]
async fn a_rule_is_told_beside_the_name_that_serde_gives_the_field() {
    #[derive(Debug, Deserialize, Validate)]
    #[serde(rename_all = "camelCase")]
    struct Person {
        #[garde(length(chars, min = 3))]
        first_name: String,
        #[serde(rename = "last-name")]
        #[garde(length(chars, min = 3))]
        last_name: String,
    }
    let short = ["is too short: the minimum length is 3"];
    assert_eq!(errors::<Person>("firstName=A&last-name=B").await, json!({"firstName": short, "last-name": short}));
}

/// A type that takes no empty text, and whose own words are not for visitors.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Date;

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_date = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
        if is_date { Ok(Self) } else { Err(format!("chrono::ParseError at {text}")) }
    }
}

/// One that takes nothing that could be guessed.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Word;

impl TryFrom<String> for Word {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "abracadabra" { Ok(Self) } else { Err(format!("{text} is no word")) }
    }
}

#[derive(Debug, Deserialize, Validate)]
#[garde(allow_unvalidated)]
struct Event<D> {
    #[expect(dead_code, reason = "it is shown by `Debug`")]
    day: D,
    #[expect(dead_code, reason = "it is shown by `Debug`")]
    until: D,
    #[expect(dead_code, reason = "it is shown by `Debug`")]
    seats: u8,
    #[garde(length(chars, min = 2))]
    place: String,
}

#[tokio::test]
async fn a_field_of_a_type_that_takes_no_empty_text_does_not_hide_the_others() {
    let (required, invalid, number) = (["is required"], ["is invalid"], ["is not a whole number"]);
    let expected =
        json!({"day": invalid, "until": invalid, "seats": number, "place": ["is too short: the minimum length is 2"]});
    assert_eq!(errors::<Event<Date>>("day=x&until=y&seats=z&place=a").await, expected);
    let expected = json!({"day": required, "until": required, "seats": required, "place": required});
    assert_eq!(errors::<Event<Date>>("").await, expected);
    let expected = json!({"day": required, "until": invalid, "seats": required});
    assert_eq!(errors::<Event<Date>>("day=&until=x&seats=&place=Ulm").await, expected);
}

#[tokio::test]
async fn a_field_of_a_type_that_takes_no_text_that_could_be_guessed_leaves_the_rules_for_the_next_try() {
    let (invalid, number) = (["is invalid"], ["is not a whole number"]);
    let expected = json!({"day": invalid, "until": invalid, "seats": number});
    assert_eq!(errors::<Event<Word>>("day=x&until=y&seats=z&place=a").await, expected);
    let expected = json!({"place": ["is too short: the minimum length is 2"]});
    assert_eq!(errors::<Event<Word>>("day=abracadabra&until=abracadabra&seats=1&place=a").await, expected);
}

#[tokio::test]
async fn what_was_typed_stays_for_the_next_try_and_is_not_debugged() {
    let form =
        Form::<Entry>::of([("name", "hunter2<b>"), ("age", "abc"), ("color", "red"), ("tags", "a"), ("tags", "b")]);
    assert_eq!((form.value("name"), form.value("age"), form.value("mail")), ("hunter2<b>", "abc", ""));
    assert_eq!(form.values("tags"), ["a", "b"]);
    assert!(form.has("color", "red") && !form.is_checked("public") && !form.is_valid());
    assert!(!format!("{form:?}").contains("hunter2"), "{form:?}");
}

#[tokio::test]
async fn an_error_that_only_the_program_knows_withholds_the_value() {
    let good = || Form::<Entry>::of([("name", "Ann"), ("age", "30"), ("color", "red")]);
    let mut form = good();
    form.add_error("name", "is taken");
    assert!(form.take().is_none());
    assert_eq!(form.errors("name"), ["is taken"]);
    assert_eq!(form.to_error().status(), StatusCode::UNPROCESSABLE_ENTITY);
    let mut form = good();
    assert!(form.take().is_some() && form.take().is_none());
}

#[tokio::test]
async fn a_body_that_is_no_form_does_not_reach_the_handler() {
    let client = client::<Entry>().await;
    let form = "application/x-www-form-urlencoded";
    for (expected, kind, body) in [
        (415, "application/json", "{}"),
        (415, "text/plain", GOOD),
        (415, "multipart/form-data; boundary=b", GOOD),
        (415, "application/x-www-form-urlencoded; charset=iso-8859-1", GOOD),
        (415, "application/x-www-form-urlencoded; charset=nonsense", GOOD),
        (400, form, "name=%zz"),
        (400, form, "name=%ff"),
        (413, form, &"a&".repeat(1001)),
        (200, form, &[GOOD, &"&a".repeat(997)].concat()),
        (200, "application/x-www-form-urlencoded; charset=UTF-8", GOOD),
        (200, "Application/X-WWW-Form-Urlencoded", GOOD),
    ] {
        let answer = client.post("/").header("content-type", kind).body(body.to_owned()).await;
        assert_eq!(answer.status(), expected, "{kind} {body}: {answer:?}");
        assert_eq!(answer.header("content-type") == Some("application/problem+json"), expected != 200, "{answer:?}");
    }
    assert_eq!(client.post("/").body(GOOD).await.status(), 415, "it does not say what it is");
    let large = client.post("/").header("content-type", form).stream(RequestBody::stream(TooLarge(true))).await;
    assert_eq!(large.status(), 413, "{large:?}");
}
