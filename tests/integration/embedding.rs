//! Servers inside a caller's own program.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use foobar::config::{DatabaseSettings, Secret};
use foobar::diesel::{self, prelude::*, sql_types::Integer};
use foobar::test::TestDb;
use foobar::tiers::{BoxFuture, DbHandle, InProcess, Readiness, Runtime, Tier};
use foobar::{App, BoxError, Chain, Context, Db, DbError, Migrations, Server, Stop, embed_migrations, web};

use crate::support::Client;

struct Named(&'static str);

impl App for Named {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        let name = self.0;
        routes.route("/", web::get().to(move || std::future::ready(name)));
    }
}

fn server(name: &'static str) -> Server {
    Server::new()
        .app(Named(name))
        .set("web.listen", "127.0.0.1:0")
        .set("web.access_log", "off")
        .set("admin.listen", "127.0.0.1:0")
}

fn get(running: &foobar::Running, target: &str) -> String {
    let address = running.addresses()[0].to_string();
    Client::connect(address.trim_start_matches("http://")).get(target).text().to_owned()
}

#[tokio::test]
async fn two_servers_live_in_one_process_and_stop_on_their_own() {
    let one = server("one").start().await.unwrap();
    let two = server("two").start().await.unwrap();
    assert_eq!((get(&one, "/"), get(&two, "/")), ("one".to_owned(), "two".to_owned()));
    one.stop().await;
    assert_eq!(get(&two, "/"), "two");
    two.stop().await;
}

#[tokio::test]
async fn of_two_servers_on_one_database_each_stops_on_its_own() {
    let test = TestDb::sqlite().await;
    for database in [test.url(), "sqlite::memory:"] {
        let mut settings = DatabaseSettings::default();
        settings.url = Some(Secret::new(database));
        let db = Db::open(&settings).unwrap();
        let one = server("one").database(db.clone()).start().await.unwrap();
        let two = server("two").database(db.clone()).start().await.unwrap();
        one.stop().await;
        assert_eq!(one_of(&db).await.unwrap(), 1);
        assert!(two.readiness().iter().all(|(_, state)| state.is_ready()), "{:?}", two.readiness());
        two.stop().await;
        assert!(matches!(one_of(&db).await, Err(DbError::Closed)));
        let again = server("again").database(db.clone()).start().await.unwrap();
        assert_eq!(one_of(&db).await.unwrap(), 1);
        again.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_start_leaves_the_database_to_the_other() {
    let db = TestDb::sqlite().await;
    let one = server("one").database((*db).clone()).start().await.unwrap();
    server("never").database((*db).clone()).tier(Arc::new(Buggy)).start().await.err().unwrap();
    assert_eq!(one_of(&db).await.unwrap(), 1);
    one.stop().await;
    assert_eq!(one_of(&db).await.unwrap(), 1, "the test has it open");
}

async fn one_of(db: &Db) -> Result<i32, DbError> {
    db.read(|conn| diesel::select(1.into_sql::<Integer>()).get_result::<i32>(conn)).await
}

#[tokio::test]
async fn a_stopped_server_frees_its_address() {
    let one = server("one").start().await.unwrap();
    let address = one.addresses()[0].to_string();
    one.stop().await;
    let again = server("again").set("web.listen", address.trim_start_matches("http://")).start().await.unwrap();
    assert_eq!(get(&again, "/"), "again");
    again.stop().await;
}

#[test]
fn it_runs_on_a_runtime_of_the_callers() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let running = server("elsewhere").start().await.unwrap();
        assert!(running.readiness().iter().all(|(_, state)| state.is_ready()));
        assert_eq!(get(&running, "/"), "elsewhere");
        assert_eq!(running.stop().await, Stop::Drained);
    });
}

#[tokio::test]
async fn a_web_tier_of_ones_own_takes_the_place_of_the_default() {
    let slot = Arc::new(OnceLock::new());
    let tier = slot.clone();
    let server = server("in process").web_tier(move |settings, sites, app| {
        let web = Arc::new(InProcess::new(settings, sites, app)?);
        Ok(tier.get_or_init(|| web).clone())
    });
    let running = server.start().await.unwrap();
    assert!(running.addresses().is_empty());
    let request = http::Request::get("/").body(bytes::Bytes::new()).unwrap();
    let answer = slot.get().unwrap().handle(request).await;
    assert_eq!(answer.body(), "in process");
    running.stop().await;
}

/// A tier that writes down its life.
struct Worker(Arc<Mutex<Vec<&'static str>>>);

impl Tier for Worker {
    fn name(&self) -> &'static str {
        "worker"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        self.0.lock().unwrap().push("started");
        Box::pin(async { Ok(()) })
    }

    fn readiness(&self) -> Readiness {
        Readiness::not("it never is")
    }

    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        self.0.lock().unwrap().push("drained");
        Box::pin(async {})
    }
}

#[tokio::test]
async fn a_tier_of_ones_own_starts_before_the_application_and_is_drained() {
    let diary = Arc::<Mutex<Vec<_>>>::default();
    let running = server("worker").tier(Arc::new(Worker(diary.clone()))).start().await.unwrap();
    let names: Vec<_> = running.readiness().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["admin", "tasks", "worker", "app", "web"]);
    let admin = running.admin_address().unwrap().to_string();
    let ready = Client::connect(admin.trim_start_matches("http://")).get("/readyz");
    assert_eq!(
        (ready.status, ready.text()),
        (503, "tasks: ready\nworker: not ready: it never is\napp: ready\nweb: ready\n")
    );
    running.stop().await;
    assert_eq!(*diary.lock().unwrap(), ["started", "drained"]);
}

/// A tier with a task that ends some time after its drain, and one that it begins there.
struct Spawning(Context, Arc<Mutex<Vec<&'static str>>>);

impl Tier for Spawning {
    fn name(&self) -> &'static str {
        "spawning"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        let (stopping, db, diary) = (self.0.stopping(), self.0.db().cloned(), self.1.clone());
        self.0.spawn(async move {
            stopping.await;
            let found = one_of(&db.unwrap()).await;
            diary.lock().unwrap().push(if found.is_ok() { "found" } else { "lost" });
        });
        Box::pin(async { Ok(()) })
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        let diary = self.1.clone();
        self.0.spawn(async move {
            tokio::task::yield_now().await;
            diary.lock().unwrap().push("last words");
        });
        Box::pin(async {})
    }
}

#[tokio::test]
async fn a_tier_of_the_context_has_the_database_and_what_it_spawns_is_waited_for() {
    let files = Server::new().set("sites.default.root", env!("CARGO_MANIFEST_DIR"));
    let files = files.set("web.listen", "127.0.0.1:0").set("web.access_log", "off").set("admin.listen", "off");
    for server in [server("app"), files] {
        let (diary, test) = (Arc::<Mutex<Vec<_>>>::default(), TestDb::sqlite().await);
        let entries = diary.clone();
        let server = server.set("database.url", test.url());
        let running =
            server.tier_with(move |context| Arc::new(Spawning(context.clone(), entries))).start().await.unwrap();
        assert_eq!(running.stop().await, Stop::Drained);
        diary.lock().unwrap().sort_unstable();
        assert_eq!(*diary.lock().unwrap(), ["found", "last words"]);
    }
}

#[tokio::test]
async fn repeated_work_is_a_tier_and_one_without_a_period_does_not_start() {
    async fn work(_context: Context) -> Result<(), BoxError> {
        Ok(())
    }

    let running = server("every").tier_with(foobar::every("1h", work)).start().await.unwrap();
    let names: Vec<_> = running.readiness().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["admin", "tasks", "every", "app", "web"]);
    assert_eq!(running.stop().await, Stop::Drained);
    let error = server("never").tier_with(foobar::every("often", |_| async { Ok(()) })).start().await.err().unwrap();
    assert!(Chain(&error).to_string().contains("`every(\"often\", ..)`: "), "{}", Chain(&error));
}

#[tokio::test]
async fn migrations_in_two_places_are_refused() {
    struct Tabled;

    impl App for Tabled {
        fn routes(&self, _: &mut web::ServiceConfig) {}

        fn migrations(&self) -> Migrations {
            Migrations::new(embed_migrations!("tests/programs/migrations"))
        }
    }

    let server = Server::new().app(Tabled).migrations(Tabled.migrations());
    let error = server.set("database.url", "sqlite::memory:").start().await.err().unwrap();
    let expected = "migrations come from `App::migrations` and from `Server::migrations`; give them in one place";
    assert_eq!(Chain(&error).to_string(), expected);
}

/// A tier that started although what it needs was not there, and cannot start now that it is.
struct Late;

impl Tier for Late {
    fn name(&self) -> &'static str {
        "late"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async { Ok(()) })
    }

    fn failed(&self) -> BoxFuture<'_, BoxError> {
        Box::pin(async { "the key does not fit".into() })
    }

    fn readiness(&self) -> Readiness {
        Readiness::not("the key does not fit")
    }

    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

#[tokio::test]
async fn a_start_that_fails_after_a_wait_is_told_and_the_server_serves_on_until_it_is_stopped() {
    let running = server("on").tier(Arc::new(Late)).start().await.unwrap();
    let error = running.failed().await;
    assert_eq!(Chain(&error).to_string(), "the late tier could not start: the key does not fit");
    assert_eq!(get(&running, "/"), "on");
    assert_eq!(running.stop().await, Stop::Drained);
}

/// A tier with a bug.
struct Buggy;

impl Tier for Buggy {
    fn name(&self) -> &'static str {
        "buggy"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        panic!("a bug")
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

#[tokio::test]
async fn a_panic_in_the_start_of_a_tier_is_its_error() {
    let error = server("never").tier(Arc::new(Buggy)).start().await.err().unwrap();
    assert_eq!(Chain(&error).to_string(), "the buggy tier could not start: panicked: a bug");
}

#[tokio::test]
async fn a_database_and_an_application_tier_of_ones_own_are_used() {
    let mut settings = DatabaseSettings::default();
    settings.url = Some(Secret::new("sqlite::memory:"));
    let database = Db::open(&settings).unwrap();
    let server = server("unused").database(database.clone()).app_tier(|db, settings| {
        assert_eq!(db.map(|db| db.describe()).as_deref(), Some("sqlite::memory:"));
        Arc::new(Runtime::new(Named("own tier"), None, settings))
    });
    let running = server.start().await.unwrap();
    assert_eq!(get(&running, "/"), "own tier");
    assert_eq!(one_of(&database).await.unwrap(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_second_database_has_its_own_name_in_readyz_and_in_metrics() {
    let (first, second) = (TestDb::sqlite().await, TestDb::sqlite().await);
    let settings = |test: &TestDb| {
        let mut settings = DatabaseSettings::default();
        settings.url = Some(Secret::new(test.url()));
        settings
    };
    let reports = DbHandle::open(&settings(&second)).unwrap().named("reports");
    let database = Db::open(&settings(&first)).unwrap();
    let running = server("two").database(database).tier(reports.tier()).start().await.unwrap();
    let admin = running.admin_address().unwrap().to_string();
    let ask = |path: &str| Client::connect(admin.trim_start_matches("http://")).get(path).text().to_owned();
    let ready = ask("/readyz");
    assert!(ready.starts_with("database: ready\ntasks: ready\nreports: ready\n"), "{ready}");
    let metrics = ask("/metrics");
    for expected in [
        "foobar_ready{tier=\"database\"} 1",
        "foobar_ready{tier=\"reports\"} 1",
        "foobar_database_connections_max{pool=\"writer\"} ",
        "foobar_database_connections_max{pool=\"writer\",database=\"reports\"} ",
        "foobar_database_info{pool=\"writer\",database=\"reports\",engine=\"sqlite\",role=\"primary\",endpoint=",
    ] {
        assert!(metrics.contains(expected), "{expected} in {metrics}");
    }
    running.stop().await;
}
