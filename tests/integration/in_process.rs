//! `foobar::test::site`: a whole server in process, as its code and its configuration say.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex};

use foobar::actix_web::web::{ReqData, ServiceConfig};
use foobar::actix_web::{self, HttpRequest, HttpResponse};
use foobar::diesel::{self, prelude::*, sql_types::Integer};
use foobar::request::RequestId;
use foobar::test::{self, Message, Site, TestDb};
use foobar::{App, BoxError, Context, Db, Error, Migrations, Server, Stop, embed_migrations, web};
use tempfile::TempDir;
use tokio::sync::Notify;

struct Shop(Arc<Mutex<Vec<&'static str>>>);

impl App for Shop {
    fn routes(&self, routes: &mut ServiceConfig) {
        routes
            .route("/", web::get().to(async || "home"))
            .route("/id", web::get().to(async |id: ReqData<RequestId>| id.to_string()))
            .route("/length", web::post().to(async |body: web::Bytes| body.len().to_string()))
            .route("/file", web::get().to(file))
            .route("/socket", web::get().to(socket))
            .route("/events", web::get().to(events))
            .route("/endless", web::get().to(async || held_by_a_stream(Arc::default())))
            .route("/entries", web::get().to(entries))
            .route("/client", web::get().to(async |request: HttpRequest| request.full_url().to_string()));
    }

    fn migrations(&self) -> Migrations {
        Migrations::new(embed_migrations!("tests/programs/migrations"))
    }

    async fn start(&self, _context: &Context) -> Result<(), BoxError> {
        self.0.lock().unwrap().push("started");
        Ok(())
    }

    async fn stop(&self, _context: &Context) -> Result<(), BoxError> {
        self.0.lock().unwrap().push("stopped");
        Ok(())
    }
}

async fn file() -> HttpResponse {
    HttpResponse::Ok().insert_header(("x-accel-redirect", "/private/report.txt")).finish()
}

/// Sends back each text, and says goodbye at the end.
async fn socket(request: HttpRequest, body: web::Payload) -> actix_web::Result<HttpResponse> {
    let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(async move {
        while let Some(Ok(actix_ws::Message::Text(text))) = messages.recv().await {
            session.text(text).await.unwrap();
        }
        drop(session.close(None).await); // the client may have gone
    });
    Ok(response)
}

/// One event, and no end.
async fn events() -> HttpResponse {
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>("data: first\n\n".into())]);
    let events = futures_util::StreamExt::chain(first, futures_util::stream::pending());
    HttpResponse::Ok().content_type("text/event-stream").streaming(events)
}

async fn entries(db: Db) -> Result<String, Error> {
    let count = diesel::dsl::sql::<Integer>("SELECT COUNT(*) FROM ledger");
    Ok(db.read(move |conn| count.clone().get_result::<i32>(conn)).await?.to_string())
}

/// A folder with public files, a private one, and a page for what is not found.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("private")).unwrap();
    for (name, content) in [
        ("style.css", "a { color: red }"),
        ("404.html", "<p>There is nothing here."),
        ("private/report.txt", "All is well."),
    ] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn server(folder: &TempDir) -> Server {
    let folder = folder.path().to_str().unwrap();
    Server::new()
        .app(Shop(Arc::default()))
        .set("sites.default.root", folder)
        .set("sites.default.client_max_body_size", "5")
        .set("sites.default.error_page", "404 /404.html")
        .set("sites.default.routes.\"/private\".files", format!("{folder}/private"))
        .set("sites.default.routes.\"/private\".internal", "true")
}

async fn site(folder: &TempDir) -> Site {
    test::site(server(folder)).await
}

#[tokio::test]
async fn a_file_is_served_as_by_the_server_with_conditions_and_ranges() {
    let folder = folder();
    let site = site(&folder).await;
    let file = site.get("/style.css").await;
    assert_eq!((file.status().as_u16(), file.text()), (200, "a { color: red }"));
    assert_eq!(file.header("content-type"), Some("text/css; charset=utf-8"));
    let etag = file.header("etag").unwrap();
    assert_eq!(site.get("/style.css").header("if-none-match", etag).await.status(), 304);
    let range = site.get("/style.css").header("range", "bytes=0-0").await;
    assert_eq!((range.status().as_u16(), range.text()), (206, "a"));
    let head = site.head("/style.css").await;
    assert_eq!((head.header("content-length"), head.text()), (Some("16"), ""));
}

#[tokio::test]
async fn the_application_answers_what_is_no_file_behind_the_limits_of_the_site() {
    let folder = folder();
    let site = site(&folder).await;
    assert_eq!(site.get("/").await.text(), "home");
    assert_eq!(site.post("/length").body("12345").await.text(), "5");
    assert_eq!(site.post("/length").body("123456").await.status(), 413);
    let id = site.get("/id").await;
    assert_eq!(Some(id.text()), id.header("x-request-id"));
    assert_eq!(site.get("https://shop.test/client?a=b").await.text(), "https://shop.test/client?a=b");
}

#[tokio::test]
async fn an_internal_route_is_reached_by_x_accel_redirect_alone() {
    let folder = folder();
    let site = site(&folder).await;
    let report = site.get("/file").await;
    assert_eq!((report.status().as_u16(), report.text()), (200, "All is well."));
    assert_eq!(report.header("x-accel-redirect"), None);
    assert_eq!(site.get("/private/report.txt").await.status(), 404);
}

#[tokio::test]
async fn an_error_has_the_sites_page_for_a_browser_and_a_problem_for_a_program() {
    let folder = folder();
    let site = site(&folder).await;
    let page = site.get("/nothing").header("accept", "text/html").await;
    assert_eq!((page.status().as_u16(), page.text()), (404, "<p>There is nothing here."));
    let problem = site.get("/nothing").header("accept", "application/json").await;
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
}

#[tokio::test]
async fn a_websocket_goes_through_the_web_tier() {
    let folder = folder();
    let site = site(&folder).await;
    let mut socket = site.get("/socket").websocket().await;
    assert!(socket.header("x-request-id").is_some());
    socket.send("hello").await;
    assert_eq!(socket.next().await, Some(Message::Text("hello".to_owned())));
    let refused = site.get("/style.css").try_websocket().await.err().unwrap();
    assert_eq!(refused.status(), 200);
}

#[tokio::test]
async fn a_stream_without_an_end_is_read_event_by_event() {
    let folder = folder();
    let site = site(&folder).await;
    let mut events = site.get("/events").open().await;
    assert_eq!(events.event().await.unwrap().data, "first");
}

#[tokio::test]
async fn the_database_is_a_fresh_one_whatever_the_configuration_says() {
    let folder = folder();
    let site = test::site(server(&folder).set("database.url", "mysql://root@production.test/shop")).await;
    assert_eq!(site.get("/entries").await.text(), "0");
    site.database().write(|conn| diesel::sql_query("INSERT INTO ledger VALUES (1, 'a')").execute(conn)).await.unwrap();
    assert_eq!(site.get("/entries").await.text(), "1");
    let other = self::site(&folder).await;
    assert_eq!(other.get("/entries").await.text(), "0");
}

#[tokio::test]
async fn a_database_of_ones_own_is_used() {
    let folder = folder();
    let site = test::site_on(TestDb::mysql().await, server(&folder)).await;
    assert!(site.database().describe().contains("mysql"), "{}", site.database().describe());
    assert_eq!(site.get("/entries").await.text(), "0");
}

#[tokio::test]
async fn files_alone_are_a_site_without_a_database() {
    let folder = folder();
    let site = test::site(Server::new().set("sites.default.root", folder.path().to_str().unwrap())).await;
    assert_eq!(site.get("/style.css").await.status(), 200);
    assert_eq!(site.post("/style.css").await.status(), 405);
}

#[tokio::test]
async fn a_stop_is_that_of_a_server() {
    let (folder, diary) = (folder(), Arc::default());
    let site = test::site(server(&folder).app(Shop(Arc::clone(&diary)))).await;
    assert_eq!(*diary.lock().unwrap(), ["started"]);
    assert_eq!(site.stop().await, Stop::Drained);
    assert_eq!(*diary.lock().unwrap(), ["started", "stopped"]);
}

/// Says when a handler has begun and how it has ended: it never answers, or does so once it is told to.
#[derive(Clone, Default)]
struct Course(Arc<(Notify, Notify, Mutex<Vec<&'static str>>)>);

impl Course {
    async fn run(self) -> &'static str {
        struct Left(Course, bool);
        impl Drop for Left {
            fn drop(&mut self) {
                self.0.0.2.lock().unwrap().push(if self.1 { "finished" } else { "cancelled" });
            }
        }
        let mut left = Left(self.clone(), false);
        self.0.0.notify_one();
        self.0.1.notified().await;
        left.1 = true;
        "done"
    }

    fn ends(&self) -> Vec<&'static str> {
        self.0.2.lock().unwrap().clone()
    }

    async fn all_ended(&self, ends: &[&'static str]) {
        crate::support::until("the handlers have ended", || (self.ends() == ends).then_some(()));
    }

    fn app(&self) -> impl App + use<> {
        let course = self.clone();
        foobar::routes(move |routes| {
            let (get, post, kept) = (course.clone(), course.clone(), course.clone());
            routes
                .route("/", web::get().to(move || get.clone().run()))
                .route("/", web::post().to(move || post.clone().run()))
                .route("/kept", web::get().to(move || kept.clone().run()).wrap(foobar::run_to_end()));
        })
    }
}

/// Sends a request, and drops it once its handler has begun.
async fn give_up(course: &Course, request: impl IntoFuture) {
    tokio::select! {
        _ = request.into_future() => panic!("nothing answers it"),
        () = course.0.0.notified() => {}
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_cancels_its_handler_or_lets_it_run_to_its_end_as_a_client_that_goes_does() {
    let course = Course::default();
    let client = test::client(course.app()).await;
    let site = test::site(Server::new().app(course.app())).await;
    let mut ends = Vec::new();
    for client in [&*client, &*site] {
        give_up(&course, client.get("/")).await;
        ends.push("cancelled");
        course.all_ended(&ends).await;
        for request in [client.post("/"), client.get("/kept")] {
            give_up(&course, request).await;
            course.0.1.notify_one();
            ends.push("finished");
            course.all_ended(&ends).await;
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_dropped_drops_its_stream() {
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let app = || {
        let held = Arc::clone(&held);
        foobar::routes(move |routes| {
            let held = Arc::clone(&held);
            routes.route("/", web::get().to(move || std::future::ready(held_by_a_stream(Arc::clone(&held)))));
        })
    };
    let before = Arc::strong_count(&alive);
    let client = test::client(app()).await;
    let site = test::site(Server::new().app(app())).await;
    let idle = Arc::strong_count(&alive);
    assert!(idle > before);
    for client in [&*client, &*site] {
        let mut answer = client.get("/").open().await;
        assert_eq!(answer.chunk().await.as_deref(), Some(&b"first"[..]));
        assert_eq!(Arc::strong_count(&alive), idle + 1);
        drop(answer);
        crate::support::until("the stream is dropped", || (Arc::strong_count(&alive) == idle).then_some(()));
    }
}

fn held_by_a_stream(held: Arc<()>) -> HttpResponse {
    let stream = futures_util::stream::unfold((held, true), |(held, is_first)| async move {
        match is_first {
            true => Some((Ok::<_, std::io::Error>(web::Bytes::from_static(b"first")), (held, false))),
            false => std::future::pending().await,
        }
    });
    HttpResponse::Ok().streaming(stream)
}

#[tokio::test]
async fn a_stop_ends_streams_as_it_does_on_sockets() {
    let folder = folder();
    let site = test::site(server(&folder).set("server.stream_timeout", "3s")).await;
    let mut events = site.get("/events").open().await;
    assert_eq!(events.event().await.unwrap().data, "first");
    let mut endless = site.get("/endless").open().await;
    assert_eq!(endless.chunk().await.as_deref(), Some(&b"first"[..]));
    let mut socket = site.get("/socket").websocket().await;
    let _unread = site.get("/endless").open().await;
    let reading = async {
        assert!(events.event().await.is_none(), "it ends as by itself");
        assert!(endless.try_chunk().await.unwrap().is_err(), "nobody takes it for whole");
        assert_eq!(socket.next().await, Some(Message::Close(Some((1001, String::new())))), "the server goes away");
    };
    let (stop, ()) = tokio::join!(site.stop(), reading);
    assert_eq!(stop, Stop::Drained);
}

#[tokio::test]
async fn the_threads_of_a_site_end_with_it() {
    let folder = folder();
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let app = foobar::routes(move |routes| _ = routes.app_data(web::Data::from(Arc::clone(&held))));
    drop(test::site(server(&folder).app(app)).await);
    crate::support::until("nothing holds the application", || (Arc::strong_count(&alive) == 1).then_some(()));
}

#[tokio::test]
#[should_panic(expected = "`sites.default.root`")]
async fn a_server_that_cannot_start_says_which_setting_is_wrong() {
    test::site(Server::new().set("sites.default.root", "no/such/folder")).await;
}
