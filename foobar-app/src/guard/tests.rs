use super::*;
use crate::actix_web::HttpResponse;
use crate::actix_web::web::{self, Bytes, ServiceConfig};
use crate::testing::Client;
use crate::{App, AppTier, HeaderText, Runtime};
use foobar_core::{MakeHandler, Period, RequestBody, RoutePattern, Tier};
use futures_util::stream;
use std::convert::Infallible;
use std::future::pending;
use tokio::sync::oneshot;
use tokio::task::consume_budget;

/// Handlers that go wrong.
#[derive(Default)]
struct Bad {
    dropped: Arc<Mutex<Option<oneshot::Sender<()>>>>,
}

impl App for Bad {
    fn routes(&self, routes: &mut ServiceConfig) {
        let late = async || {
            let chunk = async {
                sleep(Duration::from_millis(60)).await; // time is what is tested
                Ok::<_, Infallible>(Bytes::from_static(b"late"))
            };
            HttpResponse::Ok().streaming(Box::pin(stream::once(chunk)))
        };
        let patient = async || {
            sleep(Duration::from_millis(20)).await; // time is what is tested
            "at last"
        };
        let own = async || HttpResponse::Ok().insert_header(("content-security-policy", "default-src *")).finish();
        routes
            .app_data(web::Data::new(Arc::clone(&self.dropped)))
            .route("/", web::get().to(async || "fine"))
            .route("/panic", web::get().to(async || -> &str { panic!("on purpose") }))
            .route("/never", web::get().to(never))
            .route("/greedy", web::get().to(greedy))
            .route("/late", web::get().to(late))
            .route("/patient", web::get().to(patient))
            .route("/own", web::get().to(own))
            .route("/bare", web::get().to(async || HttpResponse::NotFound()))
            .route("/body", web::get().to(async || HttpResponse::Ok().streaming(stream::poll_fn(panics))));
    }
}

async fn never(dropped: web::Data<Arc<Mutex<Option<oneshot::Sender<()>>>>>) -> &'static str {
    let _tell_when_dropped = dropped.lock().expect("no one panics here").take();
    pending().await
}

/// Always has something to do, and lets others have their turn no oftener than it must.
async fn greedy() -> &'static str {
    loop {
        consume_budget().await;
    }
}

fn panics(_cx: &mut std::task::Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
    panic!("in the body")
}

fn settings(change: impl FnOnce(&mut AppSettings)) -> AppSettings {
    let mut settings = AppSettings::default();
    change(&mut settings);
    settings
}

fn runtime(app: Bad, change: impl FnOnce(&mut AppSettings)) -> Arc<Runtime<Bad>> {
    Arc::new(Runtime::new(app, None, &settings(change)))
}

#[tokio::test]
async fn a_panic_is_500_and_the_worker_goes_on() {
    let client = Client::new(Bad::default(), None).await;
    let answer = client.get("/panic").await;
    assert_eq!(answer.status(), 500);
    assert!(!answer.text().contains("purpose"), "{answer:?}");
    assert_eq!(client.get("/").await.text(), "fine");
}

#[tokio::test]
async fn a_panic_while_streaming_breaks_the_answer_off() {
    let client = Client::new(Bad::default(), None).await;
    assert!(client.get("/body").await.try_bytes().is_err());
    assert_eq!(client.get("/").await.text(), "fine");
}

#[tokio::test]
async fn a_handler_past_its_deadline_is_504_and_is_dropped() {
    let (sender, dropped) = oneshot::channel();
    let app = Bad { dropped: Arc::new(Mutex::new(Some(sender))) };
    let tier = runtime(app, |settings| settings.request_timeout = Period::new(Duration::from_millis(20)));
    let client = Client::of(tier).await;
    assert_eq!(client.get("/never").await.status(), 504);
    dropped.await.expect_err("the sender was dropped, not used");
}

#[tokio::test]
async fn a_handler_that_is_never_idle_has_the_same_deadline() {
    let short = |settings: &mut AppSettings| settings.request_timeout = Period::new(Duration::from_millis(20));
    let client = Client::of(runtime(Bad::default(), short)).await;
    assert_eq!(client.get("/greedy").await.status(), 504);
}

/// Is never done, and never has kept what it was about to keep.
struct Stuck;

impl Application for Stuck {
    type Session = ();

    fn session(&self, _request: &Request, _info: &RequestInfo) {}

    async fn answer(&self, _request: &mut Request, _info: &RequestInfo, _none: &()) -> Result<Response, Failure> {
        pending().await
    }

    async fn finish(&self, _none: &()) {
        pending().await
    }

    fn cut_off(&self, _none: &(), failure: Failure) -> Failure {
        failure
    }

    async fn knows_token(&self, _request: &Request, _scheme: Scheme, _token: &str) -> Result<bool, Failure> {
        Ok(false)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_being_kept_at_the_deadline_is_waited_for_as_long_again_at_most() {
    let guard = Arc::new(Guard::new(&AppSettings::default(), Arc::default()));
    guard.gate.open();
    let handler = Guarded::handler(Arc::clone(&guard), guard.counters(), Stuck);
    let begun = tokio::time::Instant::now();
    let answer = handler.handle(Request::default()).await;
    assert_eq!((answer.status().as_u16(), begun.elapsed().as_secs()), (504, 60));
}

#[tokio::test]
async fn a_deadline_of_zero_is_none() {
    let tier = runtime(Bad::default(), |settings| settings.request_timeout = Period::new(Duration::ZERO));
    assert_eq!(Client::of(tier).await.get("/patient").await.text(), "at last");
}

#[tokio::test]
async fn a_body_may_stream_for_longer_than_the_deadline() {
    let tier = runtime(Bad::default(), |settings| settings.request_timeout = Period::new(Duration::from_millis(20)));
    assert_eq!(Client::of(tier).await.get("/late").await.text(), "late");
}

#[tokio::test]
async fn security_headers_are_added_where_the_handler_set_none() {
    let client = Client::new(Bad::default(), None).await;
    for path in ["/", "/panic", "/bare"] {
        let answer = client.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("strict-origin-when-cross-origin"), "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
        assert!(answer.header("content-security-policy").is_some(), "{path}");
    }
    let policy = "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";
    assert_eq!(client.get("/").await.header("content-security-policy"), Some(policy));
    let own = client.get("/own").await;
    assert_eq!(own.headers().get_all("content-security-policy").iter().collect::<Vec<_>>(), ["default-src *"]);
}

#[tokio::test]
async fn each_security_header_has_a_setting_and_an_empty_one_turns_it_off() {
    type Setting = fn(&mut AppSettings) -> &mut HeaderText;
    let keys: [(&str, Setting); 4] = [
        ("content-security-policy", |settings| &mut settings.content_security_policy),
        ("x-frame-options", |settings| &mut settings.frame_options),
        ("referrer-policy", |settings| &mut settings.referrer_policy),
        ("cross-origin-opener-policy", |settings| &mut settings.cross_origin_opener_policy),
    ];
    for (header, setting) in keys {
        for (value, expected) in [("of my own", Some("of my own")), ("", None)] {
            let text = HeaderText::try_from(value.to_owned()).expect("it is one line");
            let tier = runtime(Bad::default(), |settings| *setting(settings) = text);
            let answer = Client::of(tier).await.get("/").await;
            assert_eq!(answer.header(header), expected);
            for (other, _) in keys.iter().filter(|(other, _)| *other != header) {
                assert!(answer.header(other).is_some(), "{other} without {header}");
            }
        }
    }
}

#[test]
fn before_the_start_requests_get_503() {
    let tier = runtime(Bad::default(), |_| ());
    assert!(!tier.readiness().is_ready());
    let response = answer(&tier, "/");
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].as_bytes()), (503, &b"1"[..]));
    let mut metrics = Metrics::default();
    tier.metrics(&mut metrics);
    let metrics = metrics.into_text();
    assert!(metrics.contains("foobar_app_requests_refused_total{reason=\"not_started\"} 1\n"), "{metrics}");
}

/// The answer of a worker on this thread.
fn answer(tier: &Arc<Runtime<Bad>>, path: &'static str) -> Response {
    let (sender, receiver) = std::sync::mpsc::channel();
    let making = Arc::clone(tier);
    let worker = async move {
        let handler = making.make().await.expect("the routes are sound");
        let request = http::Request::get(path).body(RequestBody::empty()).expect("the path is one");
        sender.send(handler.handle(request).await).expect("it is awaited");
    };
    tier.block_on(Box::pin(worker)).expect("a runtime can be made");
    receiver.recv().expect("the worker has answered")
}

#[tokio::test]
async fn the_figures_count_panics_timeouts_and_responses() {
    let tier = runtime(Bad::default(), |settings| settings.request_timeout = Period::new(Duration::from_millis(20)));
    let client = Client::of(Arc::clone(&tier) as Arc<dyn AppTier>).await;
    for path in ["/", "/panic", "/never", "/nowhere"] {
        client.get(path).await;
    }
    let mut metrics = Metrics::default();
    tier.metrics(&mut metrics);
    let text = metrics.into_text();
    for line in [
        "foobar_app_requests_in_flight 0\n",
        "foobar_app_responses_total{class=\"2xx\"} 1\n",
        "foobar_app_responses_total{class=\"4xx\"} 1\n",
        "foobar_app_responses_total{class=\"5xx\"} 2\n",
        "foobar_app_panics_total 1\n",
        "foobar_app_timeouts_total 1\n",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[tokio::test]
async fn every_answer_of_a_route_says_by_which_pattern_it_was_found_also_an_error() {
    let app = crate::routes(|routes| {
        routes.service(
            web::scope("/api")
                .route("/{id}", web::get().to(HttpResponse::Ok))
                .route("/{id}/gone", web::get().to(HttpResponse::Gone)),
        );
    });
    let tier = Arc::new(Runtime::new(app, None, &AppSettings::default()));
    tier.start().await.unwrap();
    let handler = tier.make().await.unwrap();
    for (path, pattern) in [("/api/7", Some("/api/{id}")), ("/api/7/gone", Some("/api/{id}/gone")), ("/wp.php", None)] {
        let mut request = Request::default();
        *request.uri_mut() = path.parse().unwrap();
        let response = handler.handle(request).await;
        assert_eq!(response.extensions().get::<RoutePattern>().map(RoutePattern::as_str), pattern, "{path}");
    }
}
