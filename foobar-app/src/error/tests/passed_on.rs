//! Errors of extractors and streams that a handler passes on by `?`, each by a request.

use actix_web::web::{self, Json, Payload, ServiceConfig};
use actix_web::{Either, FromRequest, HttpMessage, HttpRequest};
use serde::Deserialize;

use super::Error;
use crate::testing::{Client, TestRequest};

#[derive(Deserialize)]
struct Product {
    #[expect(dead_code, reason = "it is only read")]
    price: u8,
}

type Passed = Result<&'static str, Error>;

async fn json(product: Result<Json<Product>, actix_web::Error>) -> Passed {
    product?;
    Ok("fine")
}

async fn json_by_hand(request: HttpRequest, body: Payload) -> Passed {
    actix_web::dev::JsonBody::<Product>::new(&request, &mut body.into_inner(), None, true).limit(16).await?;
    Ok("fine")
}

async fn form_by_hand(request: HttpRequest, body: Payload) -> Passed {
    actix_web::dev::UrlEncoded::<Product>::new(&request, &mut body.into_inner()).limit(16).await?;
    Ok("fine")
}

async fn query_by_hand(request: HttpRequest) -> Passed {
    web::Query::<Product>::from_query(request.query_string())?;
    Ok("fine")
}

async fn path_by_hand(request: HttpRequest) -> Passed {
    web::Path::<u8>::extract(&request).await?;
    Ok("fine")
}

async fn path_error() -> Passed {
    let error = serde::de::Error::custom("price");
    Err(actix_web::error::PathError::Deserialize(error))?
}

async fn bytes_by_hand(body: Payload) -> Passed {
    match body.to_bytes_limited(16).await {
        Ok(bytes) => bytes?,
        Err(_too_many) => return Err(actix_web::error::PayloadError::Overflow.into()),
    };
    Ok("fine")
}

async fn header(request: HttpRequest) -> Passed {
    use actix_web::http::header::{ContentLength, Header};
    ContentLength::parse(&request)?;
    request.encoding()?;
    Ok("fine")
}

async fn either(body: Result<Either<Json<Product>, web::Form<Product>>, actix_web::Error>) -> Passed {
    body?;
    Ok("fine")
}

fn routes(routes: &mut ServiceConfig) {
    routes
        .route("/json", web::post().to(json))
        .route("/json-by-hand", web::post().to(json_by_hand))
        .route("/form-by-hand", web::post().to(form_by_hand))
        .route("/query-by-hand", web::post().to(query_by_hand))
        .route("/path-by-hand/{price}", web::post().to(path_by_hand))
        .route("/path-error", web::post().to(path_error))
        .route("/bytes-by-hand", web::post().to(bytes_by_hand))
        .route("/header", web::post().to(header))
        .route("/either", web::post().to(either));
}

/// Holds that the answer has this status, as a problem for programs and as a page for browsers, with a sentence.
async fn refused(expected: u16, request: impl Fn() -> TestRequest<'static>) {
    let problem = request().await;
    assert_eq!(problem.status(), expected, "{problem:?}");
    assert_eq!(problem.header("content-type"), Some("application/problem+json"), "{problem:?}");
    let told: serde_json::Value = problem.json();
    assert!(told["status"] == expected && told["detail"].is_string(), "{told}");
    for word in ["price", "u8", "invalid", "boundary=", "Error"] {
        assert!(!told["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{told}");
    }
    let page = request().header("accept", "text/html").await;
    assert!(page.status() == expected && page.text().contains(&format!("<h1>{expected} ")), "{page:?}");
}

/// A client that lives as long as the test program.
async fn client(routes: fn(&mut ServiceConfig)) -> &'static Client {
    Box::leak(Box::new(Client::new(crate::routes(routes), None).await))
}

const FORM: &str = "application/x-www-form-urlencoded";
const LONG: &str = "price=1&padding=aaaaaaaaaaaaaaaa";

#[tokio::test]
async fn what_actix_web_says_of_a_request_keeps_its_status_where_a_handler_passes_it_on() {
    let client = client(routes).await;
    for (expected, path, kind, body) in [
        (400, "/json", "application/json", "{"),
        (400, "/json", "application/json", "{\"price\": 300}"),
        (400, "/json", FORM, "price=1"),
        (400, "/json-by-hand", "application/json", "{\"price\": 300}"),
        (400, "/json-by-hand", FORM, "price=1"),
        (413, "/json-by-hand", "application/json", LONG),
        (400, "/form-by-hand", FORM, "price=300"),
        (415, "/form-by-hand", "text/plain", "price=1"),
        (413, "/form-by-hand", FORM, LONG),
        (400, "/query-by-hand?price=x", FORM, ""),
        (404, "/path-by-hand/x", FORM, ""),
        (413, "/bytes-by-hand", FORM, LONG),
        (400, "/either", "application/json", "price"),
    ] {
        refused(expected, || client.post(path).header("content-type", kind).body(body)).await;
    }
    refused(400, || client.post("/header").header("content-type", "text/plain; charset=nonsense").body("")).await;
    refused(400, || client.post("/path-error").body("")).await;
}

#[cfg(feature = "multipart")]
mod multipart {
    use actix_multipart::Multipart;
    use actix_multipart::form::bytes::Bytes as Whole;
    use actix_multipart::form::{FieldReader, Limits};
    use futures_util::TryStreamExt;

    use super::*;

    const KIND: &str = "multipart/form-data; boundary=b";
    const WHOLE: &str = "--b\r\ncontent-disposition: form-data; name=\"price\"\r\n\r\n12345678\r\n--b--\r\n";

    /// Reads each part; `bounded` by four bytes, in the two ways that actix-multipart has.
    async fn pieces(mut parts: Multipart) -> Passed {
        while let Some(mut part) = parts.try_next().await? {
            while part.try_next().await?.is_some() {}
        }
        Ok("fine")
    }

    async fn bounded(mut parts: Multipart) -> Passed {
        while let Some(mut part) = parts.try_next().await? {
            part.bytes(4).await??;
        }
        Ok("fine")
    }

    async fn limited(request: HttpRequest, mut parts: Multipart) -> Passed {
        let mut limits = Limits::new(4, 4);
        while let Some(part) = parts.try_next().await? {
            Whole::read_field(&request, part, &mut limits).await?;
        }
        Ok("fine")
    }

    fn routes(routes: &mut ServiceConfig) {
        routes
            .route("/pieces", web::post().to(pieces))
            .route("/bounded", web::post().to(bounded))
            .route("/limited", web::post().to(limited));
    }

    #[tokio::test]
    async fn what_actix_multipart_says_of_a_form_keeps_its_status_where_a_handler_passes_it_on() {
        let client = client(routes).await;
        assert_eq!(client.post("/pieces").header("content-type", KIND).body(WHOLE).await.text(), "fine");
        for (expected, path, kind, body) in [
            (415, "/pieces", "text/plain", WHOLE),
            (400, "/pieces", "multipart/form-data", WHOLE),
            (400, "/pieces", "no media type", WHOLE),
            (400, "/pieces", "multipart/form-data; boundary=other", WHOLE),
            (400, "/pieces", KIND, "--b\r\ncontent-disposition: form-data; name=\"price\"\r\n\r\n12"),
            (400, "/pieces", KIND, "--b\r\n\r\n1\r\n--b--\r\n"),
            (400, "/pieces", KIND, "--b\r\ncontent-disposition: form-data\r\n\r\n1\r\n--b--\r\n"),
            (400, "/pieces", KIND, ""),
            (413, "/bounded", KIND, WHOLE),
            (413, "/limited", KIND, WHOLE),
        ] {
            refused(expected, || client.post(path).header("content-type", kind).body(body)).await;
        }
        refused(400, || client.post("/pieces").body(WHOLE)).await;
    }
}
