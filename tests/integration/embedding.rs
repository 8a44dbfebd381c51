//! Servers inside a caller's own program.

use foobar::{App, Server, actix_web::web};

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
async fn a_stopped_server_frees_its_address() {
    let one = server("one").start().await.unwrap();
    let address = one.addresses()[0].to_string();
    one.stop().await;
    let again = server("again").set("web.listen", address.trim_start_matches("http://")).start().await.unwrap();
    assert_eq!(get(&again, "/"), "again");
    again.stop().await;
}

#[tokio::test]
async fn it_runs_on_a_runtime_of_several_threads_too() {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let running = server("elsewhere").start().await.unwrap();
            assert!(running.readiness().iter().all(|(_, state)| state.is_ready()));
            assert_eq!(get(&running, "/"), "elsewhere");
            running.stop().await;
        });
    });
    thread.join().unwrap();
}
