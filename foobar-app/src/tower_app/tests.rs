use super::*;
use crate::testing::Client;
use axum::Router;
use axum::body::Body as AxumBody;
use axum::routing::{get, post};
use foobar_core::{RequestBody, RequestId};
use http::StatusCode;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

async fn client(router: Router) -> Client {
    Client::of(Arc::new(TowerApp::new(router, &AppSettings::default()))).await
}

#[tokio::test]
async fn an_axum_router_is_an_application() {
    let id = |request: axum::extract::Request| ready(format!("{:?}", request.extensions().get::<RequestId>()));
    let router = Router::new().route("/", get(|| ready("hello"))).route("/id", get(id));
    let client = client(router.route("/echo", post(|body: Bytes| ready(body)))).await;
    let answer = client.get("/").await;
    assert_eq!((answer.text(), answer.header("x-content-type-options")), ("hello", Some("nosniff")));
    assert_eq!(client.post("/echo").body("there and back").await.text(), "there and back");
    let answer = client.get("/id").await;
    assert_eq!(answer.text(), format!("Some({})", answer.header("x-request-id").expect("it is always there")));
}

#[tokio::test]
async fn an_empty_error_is_rendered_and_a_panic_is_500() {
    let panic = || -> Ready<&'static str> { panic!("on purpose") };
    let client = client(Router::new().route("/", get(|| ready("hello"))).route("/panic", get(panic))).await;
    let lost = client.get("/nowhere").header("accept", "text/html").await;
    assert!(lost.text().contains("<h1>404 Not Found</h1>"), "{lost:?}");
    let refused = client.post("/").await;
    assert_eq!((refused.status().as_u16(), refused.header("allow")), (405, Some("GET,HEAD")));
    assert_eq!(client.get("/panic").await.status(), 500);
}

#[tokio::test]
async fn a_body_streams_both_ways() {
    let echo = |request: axum::extract::Request| ready(AxumBody::new(request.into_body()));
    let client = client(Router::new().route("/", post(echo))).await;
    assert_eq!(client.post("/").stream(RequestBody::from("piece by piece")).await.text(), "piece by piece");
}

/// Answers only after it was asked whether it is ready.
#[derive(Clone)]
struct Strict {
    failing: bool,
    asked: Arc<AtomicBool>,
}

impl Service<http::Request<RequestBody>> for Strict {
    type Response = http::Response<AxumBody>;
    type Error = BoxError;
    type Future = Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.asked.store(true, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: http::Request<RequestBody>) -> Self::Future {
        assert!(self.asked.load(Ordering::Relaxed));
        ready(if self.failing { Err("secret".into()) } else { Ok(http::Response::new(AxumBody::empty())) })
    }
}

#[tokio::test]
async fn a_service_is_asked_whether_it_is_ready_and_its_error_is_500() {
    for (failing, status) in [(false, StatusCode::OK), (true, StatusCode::INTERNAL_SERVER_ERROR)] {
        let service = Strict { failing, asked: Arc::default() };
        let client = Client::of(Arc::new(TowerApp::new(service, &AppSettings::default()))).await;
        let answer = client.get("/").await;
        assert_eq!(answer.status(), status);
        assert!(!answer.text().contains("secret"));
    }
}
