use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::Notify;

use super::*;

/// Sends back the field `Cookie`; a query is what it sets, one cookie in each `set=`.
async fn cookies(request: HttpRequest, set: web::Query<Vec<(String, String)>>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for (_, field) in set.iter() {
        response.append_header(("set-cookie", field.as_str()));
    }
    let sent = request.headers().get("cookie").map(|cookies| String::from_utf8_lossy(cookies.as_bytes()).into_owned());
    response.body(sent.unwrap_or_default())
}

async fn client() -> Client {
    let app = crate::routes(|routes: &mut ServiceConfig| {
        routes
            .route("/method", web::to(async |request: HttpRequest| request.method().to_string()))
            .default_service(web::to(cookies));
    });
    Client::new(app, None).await
}

#[tokio::test]
async fn each_method_has_a_name() {
    let client = client().await;
    for (request, name) in [
        (client.get("/method"), "GET"),
        (client.post("/method"), "POST"),
        (client.put("/method"), "PUT"),
        (client.patch("/method"), "PATCH"),
        (client.delete("/method"), "DELETE"),
        (client.options("/method"), "OPTIONS"),
        (client.call(Method::from_bytes(b"PURGE").expect("it is a token"), "/method"), "PURGE"),
    ] {
        assert_eq!(request.await.text(), name);
    }
    assert_eq!(client.head("/method").await.status(), 200);
}

#[tokio::test]
async fn cookies_are_kept_and_go_where_they_belong() {
    let client = client().await;
    client.get("/?set=a%3D1&set=b%3D2%3B%20Path%3D/b").await;
    assert_eq!(client.get("/").await.text(), "a=1");
    assert_eq!(client.get("/b/c").await.text(), "b=2; a=1");
    assert_eq!(client.get("http://localhost:8080/").await.text(), "a=1", "a port makes no other host");
    assert_eq!(client.get("http://other.test/").await.text(), "");
    client.get("/?set=a%3D%3B%20Max-Age%3D0").await;
    assert_eq!(client.get("/").await.text(), "");
}

#[tokio::test]
async fn a_secure_cookie_needs_a_request_over_tls_or_to_this_machine() {
    let client = client().await;
    client.get("https://shop.test/?set=a%3D1%3B%20Secure").await;
    assert_eq!(client.get("https://shop.test/").await.text(), "a=1");
    assert_eq!(client.get("http://shop.test/").await.text(), "");
    client.get("/?set=b%3D2%3B%20Secure").await;
    assert_eq!(client.get("/").await.text(), "b=2");
}

#[tokio::test]
async fn a_requests_own_cookies_take_the_place_of_the_clients() {
    let client = client().await;
    client.set_cookie("a=1");
    assert_eq!(client.get("/").header("cookie", "b=2").await.text(), "b=2");
    assert_eq!(client.get("/").await.text(), "a=1");
}

#[tokio::test]
async fn another_user_has_cookies_of_its_own() {
    let client = client().await;
    client.set_cookie("a=1");
    let other = client.other_user();
    assert_eq!(other.get("/?set=a%3D2").await.text(), "");
    assert_eq!((client.cookie("a").as_deref(), other.cookie("a").as_deref()), (Some("1"), Some("2")));
    client.clear_cookies();
    assert_eq!(client.get("/").await.text(), "");
}

/// Three pieces, and what it counts by: how many have been made.
async fn counted() -> (Client, Arc<AtomicUsize>, Arc<Notify>) {
    struct Gone(Arc<Notify>);

    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }

    let (made, gone) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (count, dropped) = (made.clone(), gone.clone());
    let app = crate::routes(move |routes: &mut ServiceConfig| {
        let (count, dropped) = (count.clone(), dropped.clone());
        let pieces = move || {
            let (count, gone) = (count.clone(), Gone(dropped.clone()));
            let pieces = stream::iter(["a", "b", "c"]).map(move |piece| {
                let _alive = &gone;
                count.fetch_add(1, Ordering::SeqCst);
                Ok::<_, std::io::Error>(Bytes::from(piece))
            });
            let response = HttpResponse::Ok().streaming(pieces.chain(stream::pending()));
            std::future::ready(response)
        };
        routes.route("/", web::get().to(pieces));
    });
    (Client::new(app, None).await, made, gone)
}

#[tokio::test]
async fn an_answer_without_an_end_is_read_piece_by_piece() {
    let (client, made, _) = counted().await;
    let mut answer = client.get("/").open().await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.chunk().await.as_deref(), Some(&b"a"[..]));
    assert!(made.load(Ordering::SeqCst) <= 2, "it is not read far ahead");
    assert_eq!(answer.chunk().await.as_deref(), Some(&b"b"[..]));
    assert_eq!(answer.chunk().await.as_deref(), Some(&b"c"[..]));
}

#[tokio::test]
async fn dropping_an_answer_ends_it_for_the_application() {
    let (client, _, gone) = counted().await;
    drop(client.get("/").open().await);
    gone.notified().await;
}

#[tokio::test]
async fn what_is_left_of_a_stream_can_be_read_whole() {
    let app = crate::routes(|routes: &mut ServiceConfig| {
        let pieces = async || {
            HttpResponse::Ok()
                .streaming(stream::iter(["a", "b", "c"].map(|piece| Ok::<_, std::io::Error>(piece.into()))))
        };
        routes.route("/", web::get().to(pieces));
    });
    let client = Client::new(app, None).await;
    let mut answer = client.get("/").open().await;
    assert_eq!(answer.chunk().await.as_deref(), Some(&b"a"[..]));
    assert_eq!(answer.finish().await.text(), "bc");
}

#[tokio::test]
async fn the_token_of_a_form_is_found_in_its_field_whatever_else_the_page_has() {
    const PAGE: &str =
        r#"<p>csrf_token</p><input name="q" value="no"><input type="hidden" name="csrf_token" value="t0k">"#;
    let app = crate::routes(|routes: &mut ServiceConfig| _ = routes.route("/", web::get().to(async || PAGE)));
    assert_eq!(Client::new(app, None).await.get("/").await.csrf_token(), "t0k");
}
