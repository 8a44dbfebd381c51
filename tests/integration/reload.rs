//! Another configuration while the server serves: by SIGHUP, and in a program of its own by `Running::reload`.

mod addresses;
mod certificates;
mod log;
mod under_load;
mod under_way;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use foobar::diesel::connection::SimpleConnection;
use foobar::diesel::sql_types::{BigInt, Integer};
use foobar::diesel::sqlite::SqliteConnection;
use foobar::diesel::{self, dsl, prelude::*};
use foobar::test::TestDb;
use foobar::{App, BoxError, Chain, Context, Db, Running, Server, Settings, web};

use crate::support::{Client, Program, until};

/// A folder with a configuration that can change.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new(configuration: &str) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        site.write(configuration);
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, configuration: &str) {
        fs::write(self.path("foobar.toml"), configuration).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Program::example("proving", self.folder.path());
        for variable in ["LISTEN", "WORKERS"] {
            command.env_remove(format!("FOOBAR__WEB__{variable}"));
        }
        command
    }

    fn start(&self) -> Program {
        Program::start(&mut self.command())
    }

    /// Has it read its configuration; what it logs then.
    fn reload(&self, program: &mut Program, configuration: &str) -> String {
        self.write(configuration);
        program.signal("HUP");
        program.until_logged("reloaded")
    }
}

const LISTEN: &str = "[web]\nlisten = ['127.0.0.1:0']\nworkers = 2\n";

/// A site with one page beside its application.
fn page(text: &str) -> String {
    format!("{LISTEN}[sites.main.routes.'/page']\nrespond = 200\nbody = '{text}'\n")
}

#[test]
fn sighup_takes_the_configuration_and_says_which_keys_have_changed() {
    let site = Site::new(&page("version 1"));
    let mut program = site.start();
    let mut client = program.client();
    assert_eq!((client.get("/page").text(), client.get("/").text()), ("version 1", "proving"));
    let told = site.reload(&mut program, &(page("version 2") + "[app]\nframe_options = 'SAMEORIGIN'\n"));
    assert!(told.contains("the configuration has been reloaded"), "{told}");
    assert!(told.contains("changed=\"app.frame_options, sites.main.routes.\\\"/page\\\".body\""), "{told}");
    assert_eq!(client.get("/page").text(), "version 2");
    assert_eq!(client.get("/").header("x-frame-options"), Some("SAMEORIGIN"), "the application's settings too");
    program.signal("TERM");
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn what_is_said_of_authorities_changes_at_once() {
    let site = Site::new(&page("version 1"));
    let mut program = site.start();
    let told = site.reload(&mut program, &(page("version 1") + "[acme]\ncontact = ['admin@foobar.com']\n"));
    assert!(told.contains("changed=\"acme.contact\""), "{told}");
}

#[test]
fn what_stays_until_a_restart_is_named_with_its_place() {
    let site = Site::new(&page("version 1"));
    let mut program = site.start();
    site.write(&page("version 1").replace("workers = 2", "workers = 3\n[control]\nupgrade_timeout = '30s'"));
    program.signal("HUP");
    let control = program.until_logged("control.upgrade_timeout");
    let expected = "foobar.toml:5: `control.upgrade_timeout`: orders are heard where they were at the start; restart";
    assert!(control.contains(expected), "{control}");
    let workers = program.until_logged("web.workers");
    assert!(
        workers.contains("foobar.toml:3: `web.workers`: there are 2 worker threads, and there will be 3"),
        "{workers}"
    );
    let told = program.until_logged("reloaded");
    assert!(!told.contains("changed="), "{told}");
}

#[test]
fn what_stays_is_named_once_by_each_reload_until_it_is_set_back() {
    let site = Site::new("");
    let path = site.path("program.log");
    let before = format!("{}[log]\noutput = {path:?}\n", page("version 1"));
    site.write(&before);
    let program = site.start();
    let count = |words: &str| fs::read_to_string(&path).unwrap().matches(words).count();
    let other = format!("{before}[control]\nupgrade_timeout = '30s'\n");
    for (number, (text, told)) in (1..).zip([(&other, 1), (&other, 2), (&before, 2), (&other, 3)]) {
        site.write(text);
        program.signal("HUP");
        until("it is reloaded", || (count("the configuration has been reloaded") == number).then_some(()));
        assert_eq!(count("`control.upgrade_timeout`"), told, "reload {number}");
    }
}

#[test]
fn the_filter_of_the_log_changes_and_so_does_its_file() {
    let site = Site::new(&page("version 1"));
    let program = site.start();
    let path = site.path("program.log");
    let log = format!("[log]\nfilter = 'debug'\noutput = {path:?}\n");
    site.write(&(page("version 2") + &log));
    program.signal("HUP");
    until("the file has the line", || {
        let text = fs::read_to_string(&path).ok()?; // it is made by the reload
        text.contains("the configuration has been reloaded").then_some(())
    });
}

/// Texts that are no good configuration, and what is said of them.
fn mistakes(folder: &Path) -> Vec<(String, &'static str)> {
    let good = page("version 0");
    let with = |more: &str| format!("{good}{more}");
    let nowhere = folder.join("nowhere");
    vec![
        (good[..good.len() - 3].to_owned(), "foobar.toml:6"),
        (with("respond = 201\n"), "foobar.toml:7"),
        (with("colour = 'red'\n"), "colour"),
        (with("[sites.main.routes.'/other']\n"), "foobar.toml:7"),
        (with("[sites.main.routes.'/other']\nrespond = 'many'\n"), "foobar.toml:8"),
        (with("[sites.other]\nserver_name = 'a..b'\n"), "foobar.toml:8"),
        (with("[sites.other]\ndefault = true\n[sites.third]\ndefault = true\n"), "another site is the default already"),
        (with(&format!("[sites.other]\nroot = {nowhere:?}\n")), "foobar.toml:8"),
        (with("[sites.other]\nssl_certificate = 'missing.pem'\nssl_certificate_key = 'missing.pem'\n"), "missing.pem"),
        (with("[app]\nrequest_timeout = 'soon'\n"), "foobar.toml:8"),
        (with("[app]\nframe_options = \"a\\r\\nb\"\n"), "foobar.toml:8"),
        (with("[database]\nconnections = 0\n"), "foobar.toml:8"),
        (with("[log]\nfilter = 'loud'\n"), "foobar.toml:8"),
        (with(&format!("[log]\noutput = {:?}\n", nowhere.join("log"))), "foobar.toml:8"),
        (with("[server]\nshutdown_timeout = 5\n"), "shutdown_timeout"),
        (good.replace("workers = 2", "workers = 0"), "foobar.toml:3"),
        (good.replace("127.0.0.1:0", "127.0.0.1:0 ssl"), "foobar.toml:2"),
        (good.replace("'127.0.0.1:0'", "'192.0.2.1:1'"), "cannot listen on 192.0.2.1:1"),
        (good.replace("'127.0.0.1:0'", ""), "foobar.toml:2"),
        (good.replace("workers = 2", "max_headers = 0"), "foobar.toml:3"),
    ]
}

#[test]
fn a_configuration_with_an_error_changes_nothing_and_the_log_says_where_it_stands() {
    let site = Site::new(&page("version 1"));
    let mut program = site.start();
    let mut client = program.client();
    for (mistake, place) in mistakes(site.folder.path()) {
        let told = site.reload(&mut program, &mistake);
        assert!(told.contains("the configuration is not reloaded, the one before stays: "), "{mistake}\n{told}");
        assert!(told.contains(place), "{mistake}\n{told}");
        assert_eq!((client.get("/page").text(), program.get("/page").text()), ("version 1", "version 1"), "{mistake}");
    }
}

/// What is logged where the file is as `change` leaves it; the server goes on as it was.
fn refused(change: impl FnOnce(&Path)) -> String {
    let site = Site::new(&page("version 1"));
    let mut program = site.start();
    change(&site.path("foobar.toml"));
    program.signal("HUP");
    let told = program.until_logged("reloaded");
    assert_eq!(program.get("/page").text(), "version 1");
    site.reload(&mut program, &page("version 2"));
    assert_eq!(program.get("/page").text(), "version 2");
    told
}

#[test]
fn a_configuration_file_that_is_gone_is_no_wish_for_the_defaults() {
    let told = refused(|file| fs::remove_file(file).unwrap());
    assert!(
        told.contains("the one before stays: there is no configuration file foobar.toml any more; put it back"),
        "{told}"
    );
}

#[test]
fn a_link_to_a_configuration_file_that_is_gone_is_no_wish_for_the_defaults() {
    let told = refused(|file| {
        fs::remove_file(file).unwrap();
        symlink("nowhere.toml", file).unwrap();
    });
    assert!(told.contains("stays: cannot read the configuration file foobar.toml"), "{told}");
}

#[test]
fn a_configuration_file_that_has_become_empty_is_half_written() {
    let told = refused(|file| fs::write(file, "\n").unwrap());
    assert!(told.contains("stays: the configuration file foobar.toml is empty, and the one in use is not"), "{told}");
}

#[test]
fn a_configuration_file_without_a_key_is_taken_where_it_says_that_it_is_meant() {
    let site = Site::new(&page("version 1"));
    let mut program = Program::start(site.command().env("FOOBAR__WEB__LISTEN", "127.0.0.1:0"));
    let told = site.reload(&mut program, "# nothing to set\n");
    assert!(told.contains("the configuration has been reloaded"), "{told}");
    assert_ne!(program.get("/page").text(), "version 1");
}

foobar::settings! {
    /// What the application of these tests is told.
    struct Guestbook {
        /// How many entries a page has.
        per_page: u32 = 10,
    }
}

/// Says how many entries a page has, and remembers what it was told of reloads.
struct Book {
    told: &'static Mutex<Vec<u32>>,
}

impl App for Book {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.route("/", web::get().to(async |book: Settings<Guestbook>| book.per_page.to_string()));
        routes.route(
            "/context",
            web::get().to(async |context: Context| {
                Ok::<_, foobar::Error>(context.settings::<Guestbook>()?.per_page.to_string())
            }),
        );
    }

    async fn reloaded(&self, context: &Context) -> Result<(), BoxError> {
        let per_page = context.settings::<Guestbook>()?.per_page;
        self.told.lock().unwrap().push(per_page);
        if per_page > 50 { Err("more than fit on a page".into()) } else { Ok(()) }
    }
}

/// A server in this program whose file can change.
async fn embedded(file: &Path, server: Server) -> Running {
    let server = server.config_file(file).settings::<Guestbook>("guestbook");
    server
        .set("web.listen", "127.0.0.1:0")
        .set("web.access_log", "off")
        .set("admin.listen", "off")
        .start()
        .await
        .unwrap()
}

fn get(running: &Running, target: &str) -> String {
    let address = running.addresses()[0].to_string();
    Client::connect(address.trim_start_matches("http://")).get(target).text().to_owned()
}

#[tokio::test]
async fn an_application_has_its_new_settings_and_is_told() {
    static TOLD: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    let site = Site::new("[guestbook]\nper_page = 20\n");
    let running = embedded(&site.path("foobar.toml"), Server::new().app(Book { told: &TOLD })).await;
    assert_eq!(get(&running, "/"), "20");
    site.write("[guestbook]\nper_page = 30\n");
    let reloaded = running.reload().await.unwrap();
    assert_eq!(
        (reloaded.changed, reloaded.unchanged, reloaded.warnings),
        (vec!["guestbook.per_page".to_owned()], vec![], vec![])
    );
    assert_eq!((get(&running, "/").as_str(), get(&running, "/context").as_str()), ("30", "30"));
    site.write("[guestbook]\nper_page = 'many'\n");
    let error = running.reload().await.unwrap_err();
    assert!(Chain(&error).to_string().contains("foobar.toml:2"), "{}", Chain(&error));
    assert_eq!(get(&running, "/"), "30");
    site.write("[guestbook]\nper_page = 60\n");
    let warnings = running.reload().await.unwrap().warnings;
    assert_eq!(warnings, ["the application has not taken the new configuration: more than fit on a page"]);
    assert_eq!(get(&running, "/"), "60");
    assert_eq!(*TOLD.lock().unwrap(), [30, 60]);
    running.stop().await;
}

#[tokio::test]
async fn a_service_keeps_the_context_that_it_was_made_with_and_the_answer_says_so() {
    let site = Site::new("[guestbook]\nper_page = 20\n[app]\nframe_options = 'DENY'\n");
    let service = |context: &Context| {
        let context = context.clone();
        axum::Router::new().route(
            "/",
            axum::routing::get(async move || {
                context.settings::<Guestbook>().map_or(String::new(), |book| book.per_page.to_string())
            }),
        )
    };
    let running = embedded(&site.path("foobar.toml"), Server::new().service_with(service)).await;
    site.write("[guestbook]\nper_page = 30\n[app]\nframe_options = 'SAMEORIGIN'\n");
    let reloaded = running.reload().await.unwrap();
    assert_eq!(reloaded.changed, ["app.frame_options"]);
    let [unchanged] = &reloaded.unchanged[..] else { panic!("it is one: {reloaded:?}") };
    assert!(
        unchanged.ends_with(
            "foobar.toml:2: `guestbook.per_page`: the application keeps what it was made with; restart to \
                                 change it"
        ),
        "{unchanged}"
    );
    assert_eq!(get(&running, "/"), "20");
    running.stop().await;
}

/// Reads how many rows there are, and says which database it is.
async fn rows(db: Db) -> Result<String, foobar::Error> {
    let count = db.read(|conn| diesel::select(dsl::sql::<BigInt>("(SELECT COUNT(*) FROM t)")).get_result::<i64>(conn));
    Ok(count.await?.to_string())
}

#[tokio::test]
async fn the_database_takes_new_limits_and_another_file_of_the_same_engine() {
    let site = Site::new("");
    let make = |name: &str, rows: &str| {
        let path = site.path(name);
        let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        conn.batch_execute(&format!("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES {rows}")).unwrap();
        format!("sqlite:{}", path.display())
    };
    let (one, two) = (make("one.db", "(1)"), make("two.db", "(1), (2)"));
    let database = |url: &str, more: &str| format!("[database]\nurl = '{url}'\n{more}");
    site.write(&database(&one, ""));
    let app = foobar::routes(|routes| _ = routes.route("/", web::get().to(rows)));
    let running = embedded(&site.path("foobar.toml"), Server::new().app(app)).await;
    assert_eq!(get(&running, "/"), "1");
    site.write(&database(&one, "readers = 2\nquery_timeout = '50s'\n"));
    assert_eq!(running.reload().await.unwrap().changed, ["database.query_timeout", "database.readers"]);
    assert_eq!(get(&running, "/"), "1");
    site.write(&database(&two, ""));
    running.reload().await.unwrap();
    assert_eq!(get(&running, "/"), "2");
    site.write(&database(&format!("sqlite:{}", site.path("three.db").display()), ""));
    let error = running.reload().await.unwrap_err();
    assert!(Chain(&error).to_string().contains("there is no database sqlite:"), "{}", Chain(&error));
    assert!(!site.path("three.db").exists(), "a reload makes none");
    site.write(&database("sqlite::memory:", ""));
    let reloaded = running.reload().await.unwrap();
    assert!(reloaded.unchanged[0].contains("`database.url`: the server keeps its database"), "{reloaded:?}");
    assert_eq!(get(&running, "/"), "2");
    assert!(running.readiness().iter().all(|(_, state)| state.is_ready()));
    assert_eq!(running.stop().await, foobar::Stop::Drained);
}

#[tokio::test]
async fn a_database_that_the_program_has_brought_stays() {
    let test = TestDb::sqlite().await;
    let site = Site::new("");
    let app = foobar::routes(|_| ());
    let running = embedded(&site.path("foobar.toml"), Server::new().app(app).database((*test).clone())).await;
    site.write("[database]\nqueue = 5\n");
    let reloaded = running.reload().await.unwrap();
    let [unchanged] = &reloaded.unchanged[..] else { panic!("it is one: {reloaded:?}") };
    assert!(
        unchanged.contains("foobar.toml:2: `database.queue`: no database of the configuration is open"),
        "{unchanged}"
    );
    assert_eq!(reloaded.changed, [""; 0]);
    let one = dsl::sql::<Integer>("1");
    assert_eq!(test.read(move |conn| diesel::select(one.clone()).get_result::<i32>(conn)).await.unwrap(), 1);
    running.stop().await;
}
