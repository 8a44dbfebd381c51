use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::{self, ServiceConfig};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use foobar_core::{BoxError, Tier};
use tokio::sync::{Notify, mpsc};

use super::*;
use crate::testing::{Client, TestDb};
use crate::{App, AppSettings, Runtime};

const PATIENCE: Duration = Duration::from_secs(60);

async fn seven(db: Db) -> Result<String, Error> {
    let seven = db.read(|conn| diesel::select(sql::<Integer>("7")).get_result::<i32>(conn)).await?;
    Ok(seven.to_string())
}

async fn seven_of_data(db: web::Data<Db>) -> Result<String, Error> {
    seven((**db).clone()).await
}

async fn whether(db: Option<Db>) -> &'static str {
    if db.is_some() { "some" } else { "none" }
}

#[cfg(feature = "mysql")]
async fn of_mysql(db: Db<foobar_db::MysqlConnection>) -> String {
    db.describe()
}

fn routes(routes: &mut ServiceConfig) {
    routes
        .route("/seven", web::get().to(seven))
        .route("/data", web::get().to(seven_of_data))
        .route("/whether", web::get().to(whether));
    #[cfg(feature = "mysql")]
    routes.route("/mysql", web::get().to(of_mysql));
}

#[tokio::test]
async fn a_handler_takes_the_database_as_an_argument() {
    let test = TestDb::sqlite().await;
    let client = Client::new(crate::routes(routes), Some((*test).clone())).await;
    for (path, text) in [("/seven", "7"), ("/data", "7"), ("/whether", "some")] {
        assert_eq!(client.get(path).await.text(), text, "{path}");
    }
}

#[tokio::test]
async fn without_a_database_the_answer_is_500_and_the_reason_is_for_the_log() {
    let client = Client::new(crate::routes(routes), None).await;
    let answer = client.get("/seven").await;
    assert_eq!((answer.status().as_u16(), answer.header("content-type")), (500, Some("application/problem+json")));
    assert!(!answer.text().contains("database"), "{}", answer.text());
    assert_eq!(client.get("/whether").await.text(), "none");
    let request = actix_web::test::TestRequest::default().to_http_request();
    let error = Db::<foobar_db::Conn>::extract(&request).await.unwrap_err().to_string();
    let expected = "a handler takes a `Db`: no database is configured; set `database.url`, for example to \
                    `sqlite:foobar.db`";
    assert_eq!(error, expected);
}

#[tokio::test]
async fn outside_of_a_runtime_there_is_no_context_and_the_error_says_so() {
    let request = actix_web::test::TestRequest::default().to_http_request();
    let error = Context::extract(&request).await.unwrap_err().to_string();
    assert_eq!(error, "a handler takes a `Context` outside of `Runtime`");
}

#[cfg(feature = "mysql")]
#[tokio::test]
async fn a_handler_takes_one_engines_own_connection() {
    let mysql = TestDb::mysql().await;
    let client = Client::new(crate::routes(routes), Some((*mysql).clone())).await;
    assert_eq!(client.get("/mysql").await.text(), mysql.describe());
    let sqlite = TestDb::sqlite().await;
    let client = Client::new(crate::routes(routes), Some((*sqlite).clone())).await;
    assert_eq!(client.get("/mysql").await.status(), 500);
}

/// An application that writes down what becomes of it.
struct Diary {
    entries: mpsc::UnboundedSender<&'static str>,
    /// What its task waits for, besides the stop.
    release: Arc<Notify>,
    stop: fn() -> Result<(), BoxError>,
}

impl App for Diary {
    fn routes(&self, routes: &mut ServiceConfig) {
        let entries = self.entries.clone();
        let spawn = move |context: Context| {
            let entries = entries.clone();
            context.spawn(async move { entries.send("spawned by a handler").expect("the test reads") });
            ready("done")
        };
        routes.route("/", web::get().to(spawn));
    }

    async fn start(&self, context: &Context) -> Result<(), BoxError> {
        let (stopping, entries, release) = (context.stopping(), self.entries.clone(), Arc::clone(&self.release));
        context.spawn(async move {
            stopping.await;
            entries.send("told of the stop").expect("the test reads");
            release.notified().await;
            entries.send("ended").expect("the test reads");
        });
        Ok(())
    }

    async fn stop(&self, _context: &Context) -> Result<(), BoxError> {
        self.entries.send("stopped").expect("the test reads");
        self.release.notify_one();
        (self.stop)()
    }
}

/// Its runtime, and what it writes.
fn diary(
    release: &Arc<Notify>,
    stop: fn() -> Result<(), BoxError>,
) -> (Arc<Runtime<Diary>>, mpsc::UnboundedReceiver<&'static str>) {
    let (entries, read) = mpsc::unbounded_channel();
    let app = Diary { entries, release: Arc::clone(release), stop };
    (Arc::new(Runtime::new(app, None, &AppSettings::default())), read)
}

#[tokio::test]
async fn what_a_handler_spawns_outlives_its_request_on_the_servers_runtime() {
    let (runtime, mut entries) = diary(&Arc::default(), || Ok(()));
    let client = Client::of(Arc::clone(&runtime) as Arc<dyn crate::AppTier>).await;
    assert_eq!(client.get("/").await.text(), "done");
    drop(client); // its worker thread ends
    assert_eq!(entries.recv().await, Some("spawned by a handler"));
}

#[tokio::test]
async fn a_stop_is_told_and_then_the_application_stops_and_what_it_has_spawned_is_waited_for() {
    let (runtime, mut entries) = diary(&Arc::default(), || Ok(()));
    runtime.start().await.unwrap();
    runtime.stopping();
    assert_eq!(entries.recv().await, Some("told of the stop"), "before the drain");
    assert_eq!(runtime.unfinished().as_deref(), Some("a task that the application has spawned"));
    runtime.drain(Instant::now() + PATIENCE).await;
    assert_eq!((entries.try_recv(), entries.try_recv()), (Ok("stopped"), Ok("ended")));
    assert_eq!(runtime.unfinished(), None);
}

#[tokio::test]
async fn a_stop_that_fails_or_panics_does_not_keep_the_rest_from_ending() {
    let fails: fn() -> Result<(), BoxError> = || Err("the buffer is lost".into());
    for stop in [fails, || panic!("a bug")] {
        let (runtime, mut entries) = diary(&Arc::default(), stop);
        runtime.start().await.unwrap();
        runtime.drain(Instant::now() + PATIENCE).await;
        assert_eq!(runtime.unfinished(), None);
        let mut written = Vec::new();
        entries.recv_many(&mut written, 10).await;
        written.sort_unstable();
        assert_eq!(written, ["ended", "stopped", "told of the stop"]);
    }
}

#[tokio::test]
async fn what_does_not_end_in_time_is_dropped_and_told() {
    let runtime = Arc::new(Runtime::new(Endless, None, &AppSettings::default()));
    runtime.start().await.unwrap();
    runtime.drain(Instant::now()).await;
    let unfinished = runtime.unfinished().unwrap(); // the application's own stop may have had no time either
    assert!(unfinished.ends_with("2 tasks that the application has spawned"), "{unfinished}");
}

/// An application whose tasks have no end.
struct Endless;

impl App for Endless {
    fn routes(&self, _: &mut ServiceConfig) {}

    async fn start(&self, context: &Context) -> Result<(), BoxError> {
        context.spawn(std::future::pending());
        context.spawn(std::future::pending());
        Ok(())
    }
}

/// An application that spawns a task and then cannot start.
struct Failing(mpsc::Sender<()>);

impl App for Failing {
    fn routes(&self, _: &mut ServiceConfig) {}

    async fn start(&self, context: &Context) -> Result<(), BoxError> {
        let held = self.0.clone();
        context.spawn(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        Err("no".into())
    }
}

#[tokio::test]
async fn what_a_start_that_fails_has_spawned_ends_with_it() {
    let (held, mut all_gone) = mpsc::channel(1);
    let runtime = Runtime::new(Failing(held), None, &AppSettings::default());
    runtime.start().await.unwrap_err();
    drop(runtime);
    assert_eq!(all_gone.recv().await, None);
}

#[tokio::test]
async fn a_task_that_panics_ends_alone() {
    let context = Context::new(None);
    context.tier().start().await.unwrap();
    context.spawn(async { panic!("a bug") });
    let (told, tell) = tokio::sync::oneshot::channel();
    context.spawn(async move { told.send(7).expect("the test waits") });
    assert_eq!(tell.await, Ok(7));
    context.tier().drain(Instant::now() + PATIENCE).await;
    assert_eq!(context.tier().unfinished(), None);
}

#[test]
#[should_panic(expected = "spawn in `App::start` or later")]
fn a_task_before_the_start_has_no_runtime() {
    Context::new(None).spawn(async {});
}
