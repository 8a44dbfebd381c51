use super::super::tests::client;
use crate::Error;
use crate::testing::Client;
use actix_service::Service;
use actix_web::body::{BodyStream, BoxBody, MessageBody};
use actix_web::cookie::Cookie;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{ErrorBadRequest, ErrorInternalServerError, InternalError, ResponseError};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, HttpResponseBuilder, http::StatusCode};
use futures_util::stream;
use http::Method;
use std::collections::HashMap;
use std::{fmt, io};

/// An error with a page of its own.
#[derive(Debug)]
struct Sorry;

impl fmt::Display for Sorry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

impl ResponseError for Sorry {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::InternalServerError().content_type("text/html").body("<p>Sorry</p>")
    }
}

/// Turns the body into a stream, as compression does.
async fn streamed(response: ServiceResponse) -> ServiceResponse {
    response.map_body(|_, mut body| {
        BoxBody::new(BodyStream::new(stream::poll_fn(move |cx| body.as_pin_mut().poll_next(cx))))
    })
}

/// Handlers that fail, plain and under `/streamed` behind a middleware.
async fn failing() -> Client {
    fn routes(routes: &mut ServiceConfig) {
        routes
            .route("/io", web::get().to(async || Err::<&str, Error>(io::Error::other("secret").into())))
            .route("/actix", web::get().to(async || Err::<&str, _>(ErrorInternalServerError("secret"))))
            .route("/passed", web::get().to(async || Err::<&str, Error>(ErrorInternalServerError("secret").into())))
            .route("/sorry", web::get().to(async || Err::<&str, _>(Sorry)))
            .route("/respond", web::get().to(async || Err::<&str, _>(Error::respond(Sorry))))
            .route("/form", web::get().to(async || Err::<&str, _>(mistaken_form())))
            .route("/missing", web::get().to(async || Err::<&str, _>(Error::not_found("no tea"))))
            .route("/wrong", web::get().to(async || Err::<&str, Error>(ErrorBadRequest("no milk").into())))
            .route(
                "/closed",
                web::get().to(async || Err::<&str, _>(Error::new(StatusCode::SERVICE_UNAVAILABLE, "come at five"))),
            );
    }
    client(|config| {
        let middleware = |request: ServiceRequest, service: &_| {
            let called = Service::call(service, request);
            async { Ok(streamed(called.await?).await) }
        };
        config.configure(routes).service(web::scope("/streamed").wrap_fn(middleware).configure(routes));
    })
    .await
}

#[tokio::test]
async fn the_text_of_a_server_error_does_not_reach_the_client_through_a_middleware() {
    let client = failing().await;
    for path in ["/io", "/actix", "/passed", "/streamed/io", "/streamed/actix", "/streamed/passed"] {
        let answer = client.get(path).await;
        assert_eq!((answer.status().as_u16(), answer.header("content-type")), (500, Some("application/problem+json")));
        assert!(!answer.text().contains("secret"), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_page_that_an_error_wrote_is_kept() {
    let client = failing().await;
    for path in ["/sorry", "/streamed/sorry", "/respond", "/streamed/respond"] {
        assert_eq!(client.get(path).await.text(), "<p>Sorry</p>", "{path}");
    }
}

#[tokio::test]
async fn a_sentence_for_the_client_is_rendered_whatever_its_status() {
    let client = failing().await;
    for (path, status, detail) in [
        ("/missing", 404, "no tea"),
        ("/streamed/missing", 404, "no tea"),
        ("/wrong", 400, "no milk"),
        ("/closed", 503, "come at five"),
    ] {
        let answer = client.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.json::<HashMap<String, serde_json::Value>>()["detail"], detail, "{path}");
    }
}

fn mistaken_form() -> Error {
    let errors = serde_json::json!({"name": ["is empty"], "age": ["is no number", "is missing"]});
    Error::unprocessable("The form has mistakes.").with("errors", errors).with("left", 3)
}

#[tokio::test]
async fn members_of_an_error_are_those_of_its_problem() {
    let client = failing().await;
    for path in ["/form", "/streamed/form"] {
        let answer = client.get(path).await;
        assert_eq!((answer.status().as_u16(), answer.header("content-type")), (422, Some("application/problem+json")));
        let problem = answer.json::<serde_json::Value>();
        assert_eq!(problem["errors"]["age"][1], "is missing", "{problem}");
        assert_eq!((&problem["left"], &problem["title"]), (&3.into(), &"Unprocessable Entity".into()));
    }
    let page = client.get("/form").header("accept", "text/html").await;
    assert!(page.text().contains("The form has mistakes.") && !page.text().contains("is missing"), "{}", page.text());
}

#[tokio::test]
async fn an_error_that_redirects_is_a_redirect() {
    let client = client(|routes| {
        let handler = async || {
            let login = HttpResponse::SeeOther().insert_header(("location", "/login")).finish();
            Err::<&str, _>(InternalError::from_response("who are you?", login))
        };
        routes.route("/", web::get().to(handler));
    })
    .await;
    let answer = client.get("/").await;
    assert_eq!((answer.status().as_u16(), answer.header("location"), answer.text()), (303, Some("/login"), ""));
}

/// A response whose handler frames it by itself, and wrongly.
fn framed(status: u16) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status.try_into().expect("it is one"));
    response.insert_header(("content-length", "100")).insert_header(("transfer-encoding", "chunked"));
    response
}

fn chunks() -> impl futures_util::Stream<Item = io::Result<web::Bytes>> + 'static {
    stream::iter([Ok(web::Bytes::from_static(b"12345"))])
}

#[tokio::test]
async fn a_handler_does_not_frame_its_response() {
    let client = client(|routes| {
        routes
            .route("/full", web::to(async || framed(200).body("header")))
            .route("/empty", web::get().to(async || framed(200).finish()))
            .route("/stream", web::to(async || framed(200).body(BodyStream::new(chunks()))))
            .route("/none", web::to(async || framed(204).no_chunking(5).body(BodyStream::new(chunks()))))
            .route("/empty-none", web::to(async || framed(204).finish()))
            .route("/failed", web::to(async || framed(500).body("sorry")))
            .route("/304", web::to(async || framed(304).body("header")));
    })
    .await;
    for path in ["/full", "/empty", "/stream", "/none", "/failed", "/304"] {
        let answer = client.get(path).await;
        assert_eq!((answer.header("content-length"), answer.header("transfer-encoding")), (None, None), "{path}");
    }
    for path in ["/full", "/stream", "/empty-none"] {
        assert_eq!(client.call(Method::HEAD, path).await.header("content-length"), None, "HEAD {path}");
    }
}

#[tokio::test]
async fn a_length_that_only_the_handler_knows_is_kept() {
    let client = client(|routes| {
        routes
            .route("/head", web::head().to(async || framed(200).finish()))
            .route("/304", web::get().to(async || framed(304).finish()))
            .route("/stream", web::get().to(async || framed(200).no_chunking(5).body(BodyStream::new(chunks()))));
    })
    .await;
    for (method, path, length) in
        [(Method::HEAD, "/head", "100"), (Method::GET, "/304", "100"), (Method::GET, "/stream", "5")]
    {
        let answer = client.call(method, path).await;
        assert_eq!(answer.header("content-length"), Some(length), "{path}");
        assert_eq!(answer.header("transfer-encoding"), None, "{path}");
    }
}

#[tokio::test]
async fn a_length_that_is_not_one_number_is_dropped() {
    let client = client(|routes| {
        let wrong = async || HttpResponse::NotModified().insert_header(("content-length", "many")).finish();
        let two = async || framed(304).append_header(("content-length", "101")).finish();
        routes.route("/wrong", web::get().to(wrong)).route("/two", web::get().to(two));
    })
    .await;
    for path in ["/wrong", "/two"] {
        assert_eq!(client.get(path).await.header("content-length"), None, "{path}");
    }
}

/// What would end a line of the head, or the head, or confuse who reads it.
const UNSENDABLE: [&str; 5] = ["a\r\nset-cookie: b=c", "a\r\n\r\n<script>", "a\nb", "a\rb", "a\0b"];

#[tokio::test]
async fn a_field_that_would_end_its_line_is_a_500_and_nothing_of_it_is_sent() {
    type Respond = fn(&'static str) -> HttpResponse;
    const WAYS: [Respond; 6] = [
        |text| HttpResponse::Ok().insert_header(("x-a", text)).body("body"),
        |text| HttpResponse::Ok().append_header(("x-a", text)).body("body"),
        |text| HttpResponse::Ok().insert_header((text, "x-a")).body("body"),
        |text| HttpResponse::Ok().content_type(text).body("body"),
        |text| HttpResponse::Ok().cookie(Cookie::new("x-a", text)).body("body"),
        |text| HttpResponse::SeeOther().insert_header(("location", format!("/x-a?{text}"))).finish(),
    ];
    let client = client(|routes| {
        let answer = async |path: web::Path<(usize, usize)>| WAYS[path.0](UNSENDABLE[path.1]);
        routes.route("/{way}/{text}", web::get().to(answer));
    })
    .await;
    for (way, text) in (0..WAYS.len()).flat_map(|way| (0..UNSENDABLE.len()).map(move |text| (way, text))) {
        let answer = client.get(&format!("/{way}/{text}")).await;
        assert_eq!((answer.status().as_u16(), answer.header("content-type")), (500, Some("application/problem+json")));
        let written = format!("{answer:?}");
        assert!(!["x-a", "set-cookie", "location", "script"].iter().any(|word| written.contains(word)), "{written}");
    }
}

#[test]
fn a_cause_that_the_client_is_told_of_as_well_is_logged_once() {
    let logged = |error: Error| super::chain(&error.into());
    let status = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(logged(Error::new(status, "It is full.").caused_by("It is full.")), "It is full.");
    assert_eq!(logged(Error::new(status, "Later.").caused_by("it is full")), "Later.: it is full");
    assert_eq!(logged(Error::internal("it is full")), "it is full");
}
