use super::*;
use crate::testing::Client;
use actix_web::http::header::{LOCATION, WWW_AUTHENTICATE};
use actix_web::web::ServiceConfig;
use actix_web::{HttpMessage, HttpRequest, cookie::Cookie};
use bytes::Bytes;
use foobar_core::{BodyError, ClientCertificate, ConnectInfo, EarlyHints, RequestBody, RequestId, Scheme};
use futures_util::{StreamExt, stream};
use http::Method;
use http_body::{Body, Frame};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

pub(super) async fn client(routes: impl Fn(&mut ServiceConfig) + Send + Sync + 'static) -> Client {
    Client::new(crate::routes(routes), None).await
}

/// Runs `test` on a worker thread's runtime with the handler of that thread.
fn on_worker(
    routes: impl Fn(&mut ServiceConfig) + Send + Sync + 'static,
    test: impl AsyncFnOnce(Rc<dyn Handler>) + 'static,
) {
    let runtime = Arc::new(Runtime::new(crate::routes(routes), None, &AppSettings::default()));
    let tier = Arc::clone(&runtime);
    let worker = async move {
        tier.start().await.expect("nothing is in the way");
        test(tier.make().await.expect("the routes are sound")).await;
    };
    runtime.block_on(Box::pin(worker)).expect("a runtime can be made");
}

fn get(path: &'static str) -> Request {
    http::Request::get(path).body(RequestBody::empty()).expect("the path is one")
}

#[derive(Serialize, Deserialize)]
struct Product {
    name: String,
}

#[tokio::test]
async fn extractors_read_the_path_the_query_json_forms_and_state() {
    let client = client(|routes| {
        routes
            .app_data(Data::new(7_usize))
            .route("/path/{id}", web::get().to(async |id: web::Path<i32>, n: Data<usize>| format!("{id} {}", **n)))
            .route("/query", web::get().to(async |query: web::Query<Product>| query.into_inner().name))
            .route("/json", web::put().to(async |product: web::Json<Product>| product))
            .route("/form", web::post().to(async |product: web::Form<Product>| product.into_inner().name));
    })
    .await;
    assert_eq!(client.get("/path/4").await.text(), "4 7");
    assert_eq!(client.get("/query?name=a%20b").await.text(), "a b");
    assert_eq!(client.put("/json").json(&Product { name: "é".into() }).await.json::<Product>().name, "é");
    assert_eq!(client.post("/form").form(&[("name", "a b&c=é")]).await.text(), "a b&c=é");
}

#[actix_web::test]
async fn the_client_works_inside_an_actix_test_too() {
    let client = client(|routes| _ = routes.route("/", web::get().to(async || "here"))).await;
    assert_eq!(client.get("/").await.text(), "here");
}

#[tokio::test]
async fn cookies_are_read_and_each_one_set_has_its_own_field() {
    let client = client(|routes| {
        let set = async |request: HttpRequest| {
            let seen = request.cookie("seen").map_or_else(String::new, |cookie| cookie.value().to_owned());
            HttpResponse::Ok().cookie(Cookie::new("a", "1")).cookie(Cookie::new("b", "2")).body(seen)
        };
        routes.route("/", web::get().to(set));
    })
    .await;
    let answer = client.get("/").header("cookie", "x=y; seen=me").await;
    assert_eq!(answer.text(), "me");
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
}

#[tokio::test]
async fn the_limits_of_actix_web_do_not_apply() {
    let client = client(|routes| {
        routes
            .route("/json", web::post().to(async |product: web::Json<Product>| product.name.len().to_string()))
            .route("/form", web::post().to(async |product: web::Form<Product>| product.name.len().to_string()))
            .route("/text", web::post().to(async |text: String| text.len().to_string()));
    })
    .await;
    let name = "x".repeat(3 << 20);
    assert_eq!(client.post("/form").form(&[("name", &name)]).await.text(), "3145728");
    assert_eq!(client.post("/text").body(name.clone()).await.text(), "3145728");
    assert_eq!(client.post("/json").json(&Product { name }).await.text(), "3145728");
}

/// A body without end that counts what was asked of it.
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"chunk")))))
    }
}

#[tokio::test]
async fn a_request_body_is_read_no_faster_than_the_handler_takes_it() {
    let client = client(|routes| {
        let take_two = async |mut body: web::Payload| {
            body.next().await;
            body.next().await.expect("there is a second").expect("it does not fail")
        };
        routes.route("/", web::post().to(take_two));
    })
    .await;
    let polled = Arc::<AtomicUsize>::default();
    let answer = client.post("/").stream(RequestBody::stream(Endless(Arc::clone(&polled)))).await;
    assert_eq!(answer.text(), "chunk");
    assert_eq!(polled.load(Ordering::Relaxed), 2);
}

#[test]
fn a_response_body_is_made_no_faster_than_the_client_takes_it() {
    let made = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&made);
    let routes = move |routes: &mut ServiceConfig| {
        let counter = Arc::clone(&counter);
        let endless = async |made: Data<AtomicUsize>| {
            let chunks = stream::repeat_with(move || {
                made.fetch_add(1, Ordering::Relaxed);
                Ok::<_, io::Error>(Bytes::from_static(b"chunk"))
            });
            HttpResponse::Ok().streaming(chunks)
        };
        routes.app_data(Data::from(Arc::clone(&counter))).route("/", web::get().to(endless));
    };
    on_worker(routes, async move |handler| {
        let mut body = handler.handle(get("/")).await.into_body();
        assert_eq!(body.size_hint().exact(), None);
        for _ in 0..3 {
            std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        }
        assert_eq!(made.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn a_body_of_known_size_says_so() {
    let sized = async || {
        let chunks = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"12345"))]);
        HttpResponse::Ok().body(actix_web::body::SizedStream::new(5, chunks))
    };
    on_worker(
        move |routes| _ = routes.route("/", web::get().to(sized)).route("/full", web::get().to(async || "123")),
        async |handler| {
            assert_eq!(handler.handle(get("/")).await.body().size_hint().exact(), Some(5));
            assert_eq!(handler.handle(get("/full")).await.body().size_hint().exact(), Some(3));
        },
    );
}

#[tokio::test]
async fn a_body_that_fails_breaks_the_answer_off() {
    let client = client(|routes| {
        let fail = async || {
            let chunks = [Ok(Bytes::from_static(b"half")), Err(io::Error::other("gone"))];
            HttpResponse::Ok().streaming(stream::iter(chunks))
        };
        routes.route("/", web::get().to(fail));
    })
    .await;
    let answer = client.get("/").await;
    assert!(answer.try_bytes().is_err_and(|error| error.to_string() == "gone"), "{answer:?}");
}

#[tokio::test]
async fn an_error_is_a_page_for_a_browser_and_a_problem_for_a_program() {
    let client = client(|routes| {
        routes.route("/", web::post().to(async |product: web::Json<Product>| product));
    })
    .await;
    let page = client.get("/no/where").header("accept", "text/html").await;
    assert_eq!((page.status().as_u16(), page.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("<h1>404 Not Found</h1>"));
    assert!(page.text().contains(page.header("x-request-id").expect("it is always there")));
    let problem = client.post("/").header("content-type", "application/json").body("{").await;
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    let problem: HashMap<String, serde_json::Value> = problem.json();
    assert_eq!(problem["status"], 400);
    assert_eq!(problem["detail"], "The body of the request is not JSON of the expected form.");
}

#[tokio::test]
async fn a_visitor_does_not_see_what_a_deserializer_says() {
    #[derive(Debug, serde::Deserialize)]
    struct Secret {
        #[expect(dead_code, reason = "it is only read")]
        inner_field: u8,
    }
    let passed = async |body: Bytes| -> Result<&'static str, crate::Error> {
        web::Query::<Secret>::from_query(std::str::from_utf8(&body)?)?;
        Ok("fine")
    };
    let client = client(move |routes| {
        routes
            .route("/json", web::post().to(async |_: web::Json<Secret>| "fine"))
            .route("/form", web::post().to(async |_: web::Form<Secret>| "fine"))
            .route("/query", web::post().to(async |_: web::Query<Secret>| "fine"))
            .route("/path/{inner_field}", web::post().to(async |_: web::Path<u8>| "fine"))
            .route("/passed", web::post().to(passed));
    })
    .await;
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    for (path, kind, body) in [
        ("/json", json, "{"),
        ("/json", json, "{\"inner_field\": \"x\"}"),
        ("/json", json, "{\"inner_field\": 300}"),
        ("/json", json, "{}"),
        ("/json", json, ""),
        ("/json", "text/plain", "{}"),
        ("/form", form, "a=b"),
        ("/form", form, "inner_field=x"),
        ("/form", json, "{}"),
        ("/query?a=b", form, ""),
        ("/query?inner_field=300", form, ""),
        ("/path/x", form, ""),
        ("/path/300", form, ""),
        ("/passed", form, "inner_field=x"),
    ] {
        for accept in ["*/*", "text/html"] {
            let answer = client.post(path).header("content-type", kind).header("accept", accept).body(body).await;
            let text = answer.text().to_lowercase();
            assert!((400..500).contains(&answer.status().as_u16()), "{path} {body}: {answer:?}");
            for word in ["inner_field", "deserialize", "missing", "invalid", "u8", "line", "column", "parse", "eof"] {
                assert!(!text.split("<main>").last().is_some_and(|text| text.contains(word)), "{path} {body}: {text}");
            }
            assert!(text.contains("of the "), "it says what is wrong: {text}");
        }
    }
}

#[tokio::test]
async fn what_the_application_wrote_for_an_error_is_kept() {
    let client = client(|routes| {
        let broken = async || HttpResponse::InternalServerError().content_type("text/html").body("<p>Sorry</p>");
        routes
            .route("/broken", web::get().to(broken))
            .default_service(web::to(async || HttpResponse::NotFound().content_type("text/html").body("<p>Lost</p>")));
    })
    .await;
    let broken = client.get("/broken").await;
    assert_eq!((broken.status().as_u16(), broken.text()), (500, "<p>Sorry</p>"));
    let lost = client.get("/nowhere").await;
    assert_eq!((lost.status().as_u16(), lost.text()), (404, "<p>Lost</p>"));
}

#[tokio::test]
async fn a_server_error_tells_the_client_nothing_and_keeps_its_headers() {
    let client = client(|routes| {
        let unauthorized = async || HttpResponse::Unauthorized().insert_header((WWW_AUTHENTICATE, "Basic")).finish();
        let secret = async || Err::<&str, _>(actix_web::error::ErrorInternalServerError("secret path"));
        routes
            .route("/secret", web::get().to(secret))
            .route("/io", web::get().to(async || Err::<&str, crate::Error>(io::Error::other("secret disk").into())))
            .route("/unauthorized", web::get().to(unauthorized));
    })
    .await;
    for path in ["/secret", "/io"] {
        let answer = client.get(path).await;
        assert_eq!(answer.status(), 500);
        assert!(!answer.text().contains("secret"), "{answer:?}");
    }
    let answer = client.get("/unauthorized").await;
    assert_eq!(answer.header("www-authenticate"), Some("Basic"));
    assert_eq!(answer.json::<HashMap<String, serde_json::Value>>()["title"], "Unauthorized");
}

#[tokio::test]
async fn an_error_of_the_application_carries_its_sentence() {
    let client = client(|routes| {
        routes.route("/", web::get().to(async || Err::<&str, _>(crate::Error::not_found("there is no such product"))));
    })
    .await;
    let problem: HashMap<String, serde_json::Value> = client.get("/").await.json();
    assert_eq!(problem["detail"], "there is no such product");
}

#[tokio::test]
async fn a_body_that_is_too_large_too_slow_or_cut_short_has_its_own_status() {
    struct Failing(Option<BodyError>);
    impl Body for Failing {
        type Data = Bytes;
        type Error = BoxError;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Ready(self.0.take().map(|error| Err(error.into())))
        }
    }
    let client = client(|routes| {
        routes
            .route("/text", web::post().to(async |text: String| text))
            .route("/json", web::post().to(async |product: web::Json<Product>| product));
    })
    .await;
    for (expected, error) in [
        (413, (|| BodyError::TooLarge { limit: 9 }) as fn() -> BodyError),
        (408, || BodyError::TooSlow),
        (400, || BodyError::Incomplete("reset".into())),
    ] {
        for path in ["/text", "/json"] {
            let body = RequestBody::stream(Failing(Some(error())));
            let answer = client.post(path).header("content-type", "application/json").stream(body).await;
            assert_eq!(answer.status().as_u16(), expected, "{answer:?}");
            assert_eq!(answer.json::<HashMap<String, serde_json::Value>>()["detail"], error().to_string());
        }
    }
}

#[tokio::test]
async fn handlers_run_in_an_actix_system() {
    let client = client(|routes| {
        let handler = async || {
            let spawned = actix_web::rt::spawn(async { 1 }).await.expect("it does not panic");
            let blocked = web::block(|| 2).await.expect("the pool is there");
            let (sender, elsewhere) = tokio::sync::oneshot::channel();
            actix_rt::System::current().arbiter().spawn(async { sender.send(3).expect("it is awaited") });
            assert!(actix_rt::Arbiter::current().alive());
            actix_web::rt::time::interval(Duration::from_millis(1)).tick().await;
            format!("{spawned}{blocked}{}", elsewhere.await.expect("it was sent"))
        };
        routes.route("/", web::get().to(handler));
    })
    .await;
    assert_eq!(client.get("/").await.text(), "123");
}

#[tokio::test]
async fn a_handler_sees_the_peer_the_scheme_and_the_host() {
    let client = client(|routes| {
        let tell = async |request: HttpRequest| {
            let peer = request.peer_addr().map_or_else(|| "-".to_owned(), |peer| peer.to_string());
            format!("{peer} {} {}", request.full_url(), request.path())
        };
        routes.default_service(web::to(tell));
    })
    .await;
    let remote = "192.0.2.1:4".parse().ok();
    let tls = ConnectInfo { remote, local: None, scheme: Scheme::Https };
    let plain = ConnectInfo { scheme: Scheme::Http, ..tls };
    let answer = client.get("/a?b=c").header("host", "foobar.com").extension(tls).await;
    assert_eq!(answer.text(), "192.0.2.1:4 https://foobar.com/a?b=c /a");
    let answer = client.get("//a").header("host", "foobar.com:81").extension(plain).await;
    assert_eq!(answer.text(), "192.0.2.1:4 http://foobar.com:81//a //a");
    let absolute = client.get("https://foobar.com/a").header("host", "evil.example").extension(plain).await;
    assert_eq!(absolute.text(), "192.0.2.1:4 http://foobar.com/a /a");
    assert_eq!(client.get("/é").await.text(), "- http://localhost/%C3%A9 /%C3%A9");
    assert_eq!(client.call(Method::OPTIONS, "*").extension(tls).await.status(), 200);
}

#[tokio::test]
async fn a_handler_knows_the_id_that_the_client_is_told() {
    let client = client(|routes| {
        let id = async |request: HttpRequest| format!("{:?}", request.extensions().get::<RequestId>());
        routes.route("/", web::get().to(id));
    })
    .await;
    let answer = client.get("/").await;
    let told = answer.header("x-request-id").expect("it is always there");
    assert_eq!(answer.text(), format!("Some({told})"));
}

#[tokio::test]
async fn a_handler_takes_the_certificate_of_a_client_if_it_has_shown_one() {
    let client = client(|routes| {
        let tell = async |request: HttpRequest, certificate: Option<web::ReqData<ClientCertificate>>| {
            let subject = certificate.as_deref().map_or("nobody", ClientCertificate::subject);
            format!("{subject} at {}", request.full_url())
        };
        routes.default_service(web::to(tell));
    })
    .await;
    let ann = ClientCertificate::new(vec![vec![0x30, 0]], "CN=Ann".to_owned());
    assert_eq!(client.get("https://a.com/x").extension(ann).await.text(), "CN=Ann at https://a.com/x");
    assert_eq!(client.get("/x").await.text(), "nobody at http://localhost/x");
}

#[tokio::test]
async fn a_redirect_and_a_closed_connection_pass_unchanged() {
    let client = client(|routes| {
        let moved = async || HttpResponse::SeeOther().insert_header((LOCATION, "/new")).force_close().finish();
        routes.route("/", web::get().to(moved));
    })
    .await;
    let answer = client.get("/").await;
    assert_eq!((answer.header("location"), answer.header("connection")), (Some("/new"), Some("close")));
}

#[tokio::test]
async fn a_handler_sends_early_hints_and_a_test_sees_them() {
    let client = client(|routes| {
        let page = async |hints: web::ReqData<EarlyHints>| {
            hints.send(["</site.css>; rel=preload; as=style"])?;
            hints.send(["no link\r\n"]).expect_err("it is none");
            Ok::<_, crate::Error>("page")
        };
        routes.route("/", web::get().to(page));
    })
    .await;
    for method in [Method::GET, Method::HEAD] {
        let answer = client.call(method.clone(), "/").await;
        assert_eq!(answer.early_hints(), ["</site.css>; rel=preload; as=style"], "{method}");
    }
}

#[test]
fn a_handler_can_try_to_send_early_hints_where_nobody_can() {
    let page =
        async |hints: web::ReqData<EarlyHints>| hints.send(["</a>"]).map(|()| "page").map_err(crate::Error::from);
    on_worker(
        move |routes| _ = routes.route("/", web::get().to(page)),
        async |handler| assert_eq!(handler.handle(get("/")).await.status(), 200),
    );
}

#[tokio::test]
async fn a_head_request_that_is_asked_again_as_a_get_keeps_the_certificate_of_its_client() {
    let client = client(|routes| {
        let tell = async |certificate: Option<web::ReqData<ClientCertificate>>| match certificate {
            Some(_) => HttpResponse::Ok(),
            None => HttpResponse::Forbidden(),
        };
        routes.route("/", web::get().to(tell));
    })
    .await;
    let certificate = ClientCertificate::new(Vec::new(), "CN=Ann".to_owned());
    assert_eq!(client.call(Method::HEAD, "/").extension(certificate).await.status(), 200);
}
