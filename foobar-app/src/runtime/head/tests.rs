use super::super::tests::client;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use http::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn a_head_request_is_answered_by_the_route_for_get_unless_it_has_its_own() {
    #[actix_web::get("/macro")]
    async fn by_macro() -> &'static str {
        "macro"
    }
    let client = client(|routes| {
        routes
            .route("/get", web::get().to(async || "get"))
            .route("/head", web::head().to(async || HttpResponse::NoContent()))
            .service(by_macro)
            .service(web::scope("/scope").route("", web::get().to(async || "scope")));
    })
    .await;
    for path in ["/get", "/macro", "/scope"] {
        assert_eq!(client.call(Method::HEAD, path).await.status(), 200, "{path}");
    }
    assert_eq!(client.call(Method::HEAD, "/head").await.status(), 204);
    assert_eq!(client.call(Method::HEAD, "/nowhere").await.status(), 404);
}

/// Answers with a status and counts.
async fn counted(runs: &AtomicUsize, status: u16) -> HttpResponse {
    runs.fetch_add(1, Ordering::Relaxed);
    HttpResponse::build(status.try_into().expect("it is one")).finish()
}

#[tokio::test]
async fn a_head_request_runs_no_handler_twice() {
    let runs = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&runs);
    let client = client(move |routes: &mut ServiceConfig| {
        routes
            .app_data(Data::from(Arc::clone(&counter)))
            .service(web::resource("/404").to(async |runs: Data<AtomicUsize>| counted(&runs, 404).await))
            .service(web::resource("/405").to(async |runs: Data<AtomicUsize>| counted(&runs, 405).await))
            .service(web::scope("/scope").route("/x", web::get().to(async || "x")))
            .default_service(web::to(async |runs: Data<AtomicUsize>| counted(&runs, 404).await));
    })
    .await;
    for (path, status) in [("/404", 404), ("/405", 405), ("/nowhere", 404), ("/scope/y", 404)] {
        runs.store(0, Ordering::Relaxed);
        assert_eq!(client.call(Method::HEAD, path).await.status(), status, "{path}");
        assert_eq!(runs.load(Ordering::Relaxed), 1, "{path}");
    }
}

#[tokio::test]
async fn a_page_for_what_no_route_matches_does_not_hide_the_routes_for_get() {
    let client = client(|routes| {
        routes
            .route("/get", web::get().to(async |request: HttpRequest| request.method().to_string()))
            .service(web::resource("/resource").get(async || "resource"))
            .service(web::scope("/scope").route("/get", web::get().to(async || "scope")))
            .default_service(web::to(async || HttpResponse::NotFound().content_type("text/html").body("<p>Lost</p>")));
    })
    .await;
    for path in ["/get", "/resource", "/scope/get"] {
        assert_eq!(client.call(Method::HEAD, path).await.status(), 200, "{path}");
    }
    assert_eq!(client.call(Method::HEAD, "/nowhere").await.header("content-type"), Some("text/html"));
}

#[tokio::test]
async fn a_405_allows_head_where_it_allows_get() {
    let client = client(|routes| {
        routes
            .service(web::resource("/get").get(async || "").put(async || ""))
            .service(web::resource("/both").get(async || "").head(async || ""))
            .service(web::resource("/put").put(async || ""));
    })
    .await;
    for (path, allow) in [("/get", "GET, PUT, HEAD"), ("/both", "GET, HEAD"), ("/put", "PUT")] {
        let answer = client.post(path).await;
        assert_eq!((answer.status().as_u16(), answer.header("allow")), (405, Some(allow)), "{path}");
    }
    assert_eq!(client.call(Method::HEAD, "/put").await.status(), 405);
}
