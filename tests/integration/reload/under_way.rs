//! What a reload that has begun does to the rest of the server, and the rest to it.

use std::future::{pending, ready};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use foobar::{App, BoxError, Context, Server, web};
use tokio::task::spawn_blocking;

use super::{Guestbook, Site, embedded, get};
use crate::support::{Client, until};

/// Blocks the thread of the worker that comes to it, until the other end of the channel is dropped.
fn blocking(until: Receiver<()>, begun: Arc<AtomicBool>) -> impl App {
    let until = Arc::new(Mutex::new(until));
    foobar::routes(move |routes| {
        let (until, begun) = (Arc::clone(&until), Arc::clone(&begun));
        let block = move || {
            begun.store(true, SeqCst);
            until.lock().unwrap().recv().unwrap_err();
            ready("done")
        };
        routes.route("/block", web::get().to(block));
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_does_not_yield_holds_up_no_reload_and_follows_later() {
    let page =
        |text: &str| format!("[web]\nworkers = 1\n[sites.main.routes.'/page']\nrespond = 200\nbody = '{text}'\n");
    let site = Site::new(&page("old"));
    let (hold, until_dropped) = channel();
    let begun = Arc::new(AtomicBool::new(false));
    let app = blocking(until_dropped, Arc::clone(&begun));
    let running = embedded(&site.path("foobar.toml"), Server::new().app(app)).await;
    let address = running.addresses()[0].to_string();
    let blocked =
        std::thread::spawn(move || Client::connect(address.trim_start_matches("http://")).get("/block").status);
    until("the worker is blocked", || begun.load(SeqCst).then_some(()));
    site.write(&page("new"));
    let reloaded = running.reload().await.unwrap();
    let [warning] = &reloaded.warnings[..] else { panic!("it is one: {reloaded:?}") };
    assert!(warning.starts_with("the worker foobar-web-0 goes by the configuration before"), "{warning}");
    drop(hold);
    assert_eq!(blocked.join().unwrap(), 200);
    until("the worker follows", || (get(&running, "/page") == "new").then_some(()));
    assert_eq!(running.stop().await, foobar::Stop::Drained);
}

/// Never comes to an end with another configuration.
struct Endless {
    begun: Arc<AtomicBool>,
}

impl App for Endless {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.route("/", web::get().to(async || "served"));
    }

    async fn reloaded(&self, _context: &Context) -> Result<(), BoxError> {
        self.begun.store(true, SeqCst);
        pending().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_never_ends_with_a_reload_holds_up_no_other_one_and_the_answer_says_so() {
    let begun = Arc::new(AtomicBool::new(false));
    let page = |text: &str| format!("[sites.main.routes.'/page']\nrespond = 200\nbody = '{text}'\n");
    let site = Site::new(&page("old"));
    let running = embedded(&site.path("foobar.toml"), Server::new().app(Endless { begun: Arc::clone(&begun) })).await;
    let first = running.reload();
    let second = async {
        spawn_blocking(move || until("the application is told", || begun.load(SeqCst).then_some(()))).await.unwrap();
        site.write(&page("new"));
        running.reload().await
    };
    let (first, second) = tokio::join!(first, second);
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(second.changed, ["sites.main.routes.\"/page\".body"]);
    let late = "the application has not taken the new configuration: `App::reloaded` has not returned within 5s";
    assert_eq!((first.warnings, second.warnings), (vec![late.to_owned()], vec![late.to_owned()]));
    assert_eq!(get(&running, "/page"), "new");
    running.stop().await;
}

/// Blocks the first time that it is told, until the other end of the channel is dropped; remembers what it was told.
struct Blocking {
    until: Mutex<Option<Receiver<()>>>,
    told: Arc<Mutex<Vec<u32>>>,
}

impl App for Blocking {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.route("/", web::get().to(async || "served"));
    }

    async fn reloaded(&self, context: &Context) -> Result<(), BoxError> {
        let until = self.until.lock().unwrap().take();
        if let Some(until) = until {
            until.recv().unwrap_err();
        }
        self.told.lock().unwrap().push(context.settings::<Guestbook>()?.per_page);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_blocks_its_thread_is_told_of_the_newest_reload_after_it_and_of_one_at_a_time() {
    let page = |per_page: u32| format!("[guestbook]\nper_page = {per_page}\n");
    let site = Site::new(&page(10));
    let (hold, until_dropped) = channel();
    let told = Arc::new(Mutex::new(Vec::new()));
    let app = Blocking { until: Mutex::new(Some(until_dropped)), told: Arc::clone(&told) };
    let running = embedded(&site.path("foobar.toml"), Server::new().app(app)).await;
    site.write(&page(20));
    let late = running.reload().await.unwrap().warnings;
    assert!(late[0].contains("`App::reloaded` has not returned within 5s"), "{late:?}");
    let reload = |per_page| {
        site.write(&page(per_page));
        running.reload()
    };
    for per_page in [30, 40] {
        let reloaded = reload(per_page).await.unwrap();
        assert_eq!(reloaded.changed, ["guestbook.per_page"]);
        assert!(reloaded.warnings[0].contains("`App::reloaded` of a reload before has not returned"), "{reloaded:?}");
    }
    assert!(told.lock().unwrap().is_empty());
    drop(hold);
    until("it is told of the last", || (*told.lock().unwrap() == [20, 40]).then_some(()));
    assert!(reload(50).await.unwrap().warnings.is_empty());
    assert_eq!(*told.lock().unwrap(), [20, 40, 50]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_what_an_application_does_with_a_reload() {
    let begun = Arc::new(AtomicBool::new(false));
    let site = Site::new("");
    let running = embedded(&site.path("foobar.toml"), Server::new().app(Endless { begun: Arc::clone(&begun) })).await;
    tokio::select! {
        biased;
        _ = running.reload() => panic!("it cannot have ended"),
        () = ready(()) => {} // it goes on
    }
    until("the application is told", || begun.load(SeqCst).then_some(()));
    assert_eq!(running.stop().await, foobar::Stop::Drained);
}
