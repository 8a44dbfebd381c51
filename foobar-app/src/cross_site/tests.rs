use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use actix_web::web::{self, Data, ServiceConfig};
use http::Method;

use crate::testing::{Client, Multipart, TestRequest, TestResponse};
use crate::{App, AppSettings, Context, CsrfToken, Form, Runtime, Session, Sessions};

#[cfg(feature = "sqlite")]
mod token;

/// Counts the orders that have reached it.
#[derive(Default)]
struct Shop {
    orders: Arc<AtomicUsize>,
    sessions: Sessions,
}

impl App for Shop {
    fn routes(&self, routes: &mut ServiceConfig) {
        routes
            .app_data(Data::new(Arc::clone(&self.orders)))
            .service(web::resource("/order").to(order))
            .service(web::resource("/hooks/{name}").to(order))
            .route("/bought", web::post().to(bought))
            .route("/sign-in", web::post().to(sign_in))
            .route("/form", web::get().to(async |token: CsrfToken| token.to_string()));
    }

    fn sessions(&self) -> Sessions {
        self.sessions.clone()
    }
}

async fn order(orders: Data<Arc<AtomicUsize>>) -> &'static str {
    orders.fetch_add(1, Relaxed);
    "ordered"
}

#[derive(serde::Deserialize, garde::Validate)]
struct Bought {
    #[garde(length(chars, min = 1))]
    article: String,
}

async fn sign_in(session: Session) -> &'static str {
    session.set_user(Some(7));
    "signed in"
}

/// What the form says, to the last byte of it.
async fn bought(mut form: Form<Bought>) -> String {
    form.take().map_or_else(|| "a wrong form".to_owned(), |bought| bought.article)
}

async fn shop() -> (Client, Arc<AtomicUsize>) {
    let shop = Shop::default();
    let orders = Arc::clone(&shop.orders);
    let context = Context::new(None).with_cross_site("/hooks/{name}");
    (Client::of(Arc::new(Runtime::with_context(shop, context, &AppSettings::default()))).await, orders)
}

/// A request that has a cookie, and nothing that says where it comes from but these fields.
fn with<'a>(client: &'a Client, url: &str, fields: &[(&str, &str)]) -> TestRequest<'a> {
    let request = client.post(url).without_origin().header("cookie", "theme=dark");
    fields.iter().fold(request, |request, (name, value)| request.header(name, value))
}

async fn status(request: TestRequest<'_>) -> u16 {
    request.await.status().as_u16()
}

const OWN: &[&str] = &["https://shop.test", "https://shop.test:443", "https://SHOP.test"];
const FOREIGN: &[&str] = &[
    "null",
    "",
    "https://evil.test",
    "http://shop.test",
    "https://shop.test:8443",
    "https://shop.test.evil.test",
    "https://evil.test/https://shop.test",
    "https://shop.test@evil.test",
    "https://evil@shop.test",
    "https://www.shop.test",
    "https://shop.test:",
    "https://shop.test/",
    "//shop.test",
    "shop.test",
    "file://",
];

#[tokio::test]
async fn a_form_of_another_origin_is_refused_and_nothing_is_done() {
    let (client, orders) = shop().await;
    for origin in FOREIGN {
        let answer = with(&client, "https://shop.test/order", &[("origin", origin)]).await;
        assert_eq!(answer.status(), 403, "{origin}");
    }
    assert_eq!(orders.load(Relaxed), 0);
    for origin in OWN {
        assert_eq!(status(with(&client, "https://shop.test/order", &[("origin", origin)])).await, 200, "{origin}");
    }
    assert_eq!(status(with(&client, "http://shop.test:8080/order", &[("origin", "http://shop.test:8080")])).await, 200);
    assert_eq!(status(with(&client, "http://[::1]/order", &[("origin", "http://[::1]:80")])).await, 200);
    assert_eq!(orders.load(Relaxed), OWN.len() + 2);
}

#[tokio::test]
async fn what_the_browser_says_of_the_site_counts_before_the_origin() {
    let (client, orders) = shop().await;
    for site in ["cross-site", "same-site", "", "Same-Origin", "same-origin, cross-site", "x"] {
        let fields = [("sec-fetch-site", site), ("origin", "https://shop.test")];
        assert_eq!(status(with(&client, "https://shop.test/order", &fields)).await, 403, "{site}");
    }
    assert_eq!(orders.load(Relaxed), 0);
    for site in ["same-origin", "none"] {
        let fields = [("sec-fetch-site", site), ("origin", "null")];
        assert_eq!(status(with(&client, "https://shop.test/order", &fields)).await, 200, "{site}");
    }
}

#[tokio::test]
async fn every_method_that_may_change_something_is_held_to_it_and_no_other() {
    let (client, orders) = shop().await;
    let strange =
        |method: Method| client.call(method, "/order").header("sec-fetch-site", "cross-site").header("cookie", "a=b");
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::from_bytes(b"PURGE").unwrap()] {
        assert_eq!(status(strange(method.clone())).await, 403, "{method}");
    }
    assert_eq!(orders.load(Relaxed), 0);
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert_eq!(status(strange(method.clone())).await, 200, "{method}");
    }
    let overridden = strange(Method::POST).header("x-http-method-override", "GET");
    assert_eq!(status(overridden).await, 403);
}

/// A handshake of RFC 6455 with a cookie, and nothing that says where it comes from but these fields.
fn handshake<'a>(client: &'a Client, url: &str, protocol: &str, fields: &[(&str, &str)]) -> TestRequest<'a> {
    let request = client.get(url).without_origin().header("cookie", "theme=dark");
    let request = request.header("connection", "Upgrade").header("upgrade", protocol);
    fields.iter().fold(request, |request, (name, value)| request.header(name, value))
}

#[tokio::test]
async fn a_websocket_that_a_page_of_another_site_opens_is_refused() {
    let (client, orders) = shop().await;
    for origin in FOREIGN {
        let answer = handshake(&client, "https://shop.test/order", "websocket", &[("origin", origin)]).await;
        assert_eq!(answer.status(), 403, "{origin}");
    }
    for protocol in ["WebSocket", "h2c, websocket", "websocket/13"] {
        let fields = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")];
        assert_eq!(status(handshake(&client, "https://shop.test/order", protocol, &fields)).await, 403, "{protocol}");
    }
    assert_eq!(orders.load(Relaxed), 0);
}

#[tokio::test]
async fn a_websocket_of_the_sites_own_pages_or_of_a_program_reaches_its_handler() {
    let (client, _) = shop().await;
    for origin in OWN {
        let fields = [("origin", *origin)];
        assert_eq!(status(handshake(&client, "https://shop.test/order", "websocket", &fields)).await, 200, "{origin}");
    }
    let by_browser = [("sec-fetch-site", "same-origin"), ("origin", "https://shop.test")];
    assert_eq!(status(handshake(&client, "https://shop.test/order", "websocket", &by_browser)).await, 200);
    assert_eq!(status(handshake(&client, "/order", "websocket", &[])).await, 200, "a program names no origin");
}

#[tokio::test]
async fn a_route_that_is_open_takes_websockets_of_other_sites_and_other_upgrades_are_not_looked_at() {
    let (client, _) = shop().await;
    let strange = [("origin", "https://evil.test")];
    assert_eq!(status(handshake(&client, "/hooks/paid", "websocket", &strange)).await, 200);
    assert_eq!(status(handshake(&client, "/order", "h2c", &strange)).await, 200);
}

#[tokio::test]
async fn json_in_plain_text_is_held_to_it_too() {
    let (client, orders) = shop().await;
    let fields = [("origin", "https://evil.test"), ("content-type", "text/plain")];
    assert_eq!(status(with(&client, "https://shop.test/order", &fields).body(r#"{"article": 7}"#)).await, 403);
    assert_eq!(orders.load(Relaxed), 0);
}

#[tokio::test]
async fn a_program_without_cookies_needs_nothing_and_with_cookies_a_token() {
    let (client, _) = shop().await;
    assert_eq!(status(client.post("/order").without_origin()).await, 200);
    assert_eq!(status(with(&client, "/order", &[])).await, 403);
    assert_eq!(status(with(&client, "/order", &[("x-csrf-token", "made up")])).await, 403);
    let referer = [("referer", "http://localhost/form")];
    assert_eq!(status(with(&client, "/order", &referer)).await, 403, "what a referrer says is not enough");
}

#[tokio::test]
async fn a_route_that_is_open_takes_requests_of_other_sites_and_no_other_route_does() {
    let (client, orders) = shop().await;
    for fields in [&[("sec-fetch-site", "cross-site")][..], &[("origin", "null")], &[]] {
        assert_eq!(status(with(&client, "/hooks/paid", fields)).await, 200, "{fields:?}");
        for path in ["/order", "/hooks/paid/../../order", "/order?/hooks/paid", "//hooks/paid", "/hooks/"] {
            assert_ne!(status(with(&client, path, fields)).await, 200, "{path} {fields:?}");
        }
    }
    assert_eq!(orders.load(Relaxed), 3);
}

#[tokio::test]
async fn the_name_that_a_trusted_proxy_was_asked_for_is_the_sites_own() {
    let (client, _) = shop().await;
    let fields = [("origin", "https://shop.test"), ("x-forwarded-host", "shop.test")];
    assert_eq!(status(with(&client, "https://10.0.0.7:8080/order", &fields)).await, 200);
    assert_eq!(status(with(&client, "https://10.0.0.7:8080/order", &fields[..1])).await, 403);
}

#[tokio::test]
async fn the_page_of_a_refusal_says_what_to_do() {
    let (client, _) = shop().await;
    let page = |fields: &[(&str, &str)]| with(&client, "/order", fields).header("accept", "text/html").send();
    let (stranger, unknown): (TestResponse, TestResponse) =
        (page(&[("origin", "https://evil.test")]).await, page(&[]).await);
    assert!(stranger.text().contains("Open the form on this site and send it from there."), "{}", stranger.text());
    assert!(unknown.text().contains("Reload the page with the form and send it again."), "{}", unknown.text());
    assert_eq!(unknown.header("content-type"), Some("text/html; charset=utf-8"));
}

#[tokio::test]
async fn a_test_client_sends_its_forms_from_the_sites_own_page() {
    let (client, _) = shop().await;
    client.set_cookie("theme=dark; Path=/");
    assert_eq!(client.post("/order").form(&[("article", "tea")]).await.status(), 200);
    assert_eq!(client.post("/order").multipart(Multipart::new().text("article", "tea")).await.status(), 200);
}

#[tokio::test]
async fn a_bearer_token_without_a_cookie_needs_nothing_else_wherever_it_comes_from() {
    let (client, orders) = shop().await;
    let sent = |fields: &[(&str, &str)]| {
        let request = client.post("https://shop.test/order").without_origin();
        fields.iter().fold(request, |request, (name, value)| request.header(name, value))
    };
    let foreign = [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")];
    for token in ["Bearer foobar_abc", "bearer x"] {
        assert_eq!(status(sent(&[foreign[0], foreign[1], ("authorization", token)])).await, 200, "{token}");
    }
    assert_eq!(orders.load(Relaxed), 2);
    for fields in [
        [("authorization", "Bearer foobar_abc"), ("cookie", "theme=dark")],
        [("authorization", "Basic YTpi"), ("accept", "*/*")],
        [("authorization", "Bearer"), ("accept", "*/*")],
    ] {
        assert_eq!(status(sent(&[foreign[0], foreign[1], fields[0], fields[1]])).await, 403, "{fields:?}");
    }
    assert_eq!(orders.load(Relaxed), 2);
}
