//! `pause`, `resume` and `maintenance`: as commands, in a program of its own, and under load.

mod under_load;

use std::io::Read;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use foobar::tiers::{Address, InProcess};
use foobar::{HoldError, Server};

use crate::support::guide::{blocks, typed, without_numbers};
use crate::support::{Client, Program, until};

/// A folder with the control socket of a server that works in it.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Program::example("proving", self.0.path());
        command.env("FOOBAR__CONTROL__SOCKET", "control");
        command
    }

    /// An order to it: its exit code, and what it printed on standard output and error.
    fn order(&self, order: &str) -> (i32, String, String) {
        let output = self.command().args(order.split(' ')).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// A client whose request is held.
    fn hold(&self, program: &Program) -> Client {
        let mut client = program.client();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        until("the request is held", || self.order("status").1.contains("; 1 requests are held").then_some(()));
        client
    }
}

#[test]
fn pause_holds_requests_until_resume_and_status_shows_it() {
    let site = Site::new();
    let mut program = Program::start(&mut site.command());
    program.until_ready(200);
    let (code, told, _) = site.order("pause");
    assert!(code == 0 && told.starts_with("paused: requests for the application are held, for another "), "{told}");
    assert!(told.ends_with(" s at most; none is in flight\n"), "{told}");
    let mut held = site.hold(&program);
    assert!(program.admin("/metrics").text().contains("\nfoobar_web_requests_held 1\n"));
    assert_eq!(program.admin("/readyz").status, 200, "the admin listener is not held");
    assert!(site.order("pause").1.starts_with("paused already; nothing has changed: "));
    assert_eq!(site.order("reload").0, 0);
    assert!(site.order("status").1.contains("\npause          on for "), "a reload does not end it");
    let (code, told, _) = site.order("resume");
    assert!(code == 0 && told.ends_with("requests that were held and go on: 1\n"), "{told}");
    assert_eq!(held.answer("GET").text(), "proving");
    let (code, _, error) = site.order("resume");
    assert_eq!((code, error.as_str()), (1, "error: there is no pause; nothing has changed\n"));
    assert!(site.order("status").1.contains("\npause          off\n"));
    program.until_logged("requests for the application go on (`resume`)");
}

#[test]
fn a_database_is_exchanged_in_a_pause_as_the_guide_does_it() {
    let site = Site::new();
    let database = |name: &str| format!("[control]\nsocket = 'control'\n[database]\nurl = 'sqlite:{name}.db'\n");
    std::fs::write(site.path("foobar.toml"), database("first")).unwrap();
    std::fs::write(site.path("second.toml"), database("second")).unwrap();
    let program = Program::start(&mut site.command());
    program.until_ready(200);
    let switch = "#!/bin/bash\nfoobar migrate --config second.toml >migrated 2>&1 && mv second.toml foobar.toml\n";
    std::fs::write(site.path("switch"), switch).unwrap();
    let [commands, shown] =
        blocks("maintenance.md", "a_database_is_exchanged_in_a_pause_as_the_guide_does_it").try_into().unwrap();
    let commands = format!("install -m 755 switch switch-the-database\n{commands}");
    let (code, told) = typed("foobar", &site.command(), &commands);
    assert_eq!((code, without_numbers(&told)), (0, without_numbers(&shown)));
    assert_eq!(program.client().request("PUT", "/ledger/1", "", b"").status, 201, "the second one has the table");
}

#[test]
fn pause_says_how_many_requests_are_left_at_its_deadline() {
    let site = Site::new();
    let program = Program::start(site.command().env("FOOBAR__WEB__PAUSE_WAIT", "100ms"));
    let mut busy = program.client();
    busy.send("POST /forever HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    busy.interim("POST");
    let (code, _, error) = site.order("pause");
    assert_eq!(code, 1);
    assert!(error.ends_with("1 is still in flight: `pause` waits for it again, `resume` gives up\n"), "{error}");
    assert!(site.order("status").1.contains("\nin flight      1 requests in the application\npause          on"));
}

#[test]
fn a_pause_that_nobody_ends_ends_by_itself_and_the_log_says_so() {
    let site = Site::new();
    let mut program = Program::start(site.command().env("FOOBAR__WEB__PAUSE_TIMEOUT", "500ms"));
    site.order("pause");
    assert_eq!(program.get("/").text(), "proving");
    program.until_logged("the pause has ended by itself, as nobody has ended it (`web.pause_timeout`)");
}

#[test]
fn a_stop_answers_what_is_held() {
    let site = Site::new();
    let program = Program::start(&mut site.command());
    site.order("pause");
    let mut held = site.hold(&program);
    program.signal("TERM");
    assert_eq!(held.answer("GET").text(), "proving");
    drop(held);
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn maintenance_keeps_clients_out_until_it_is_off_and_a_restart_ends_it() {
    let site = Site::new();
    let program = Program::start(&mut site.command());
    program.until_ready(200);
    assert_eq!(site.order("maintenance on").1, "maintenance is on: clients get 503\n");
    let answer = program.get("/");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("300")));
    assert_eq!(program.admin("/readyz").status, 200, "a balancer goes on to send clients, who get the page");
    assert!(program.admin("/metrics").text().contains("\nfoobar_web_maintenance 1\n"));
    assert!(site.order("maintenance on").1.starts_with("nothing has changed; as before, maintenance is on"));
    assert_eq!(site.order("reload").0, 0);
    assert!(site.order("status").1.contains("\nmaintenance    on for "));
    assert_eq!(program.get("/").status, 503);
    assert_eq!(site.order("maintenance off").1, "maintenance is off\n");
    assert_eq!(program.get("/").status, 200);
    assert_eq!(site.order("maintenance").0, 2);
    site.order("maintenance on");
    drop(program);
    assert_eq!(Program::start(&mut site.command()).get("/").status, 200);
}

#[test]
fn with_a_mistake_in_the_configuration_orders_are_carried_out_and_the_server_tells_of_it() {
    let site = Site::new();
    let mut program = Program::start(&mut site.command());
    std::fs::write(site.path("foobar.toml"), "[web]\nlissen = 'x'\n").unwrap();
    assert_eq!(site.order("status").0, 0);
    let (code, _, error) = site.order("reload");
    let told = "nothing has changed: foobar.toml:2: unknown key `web.lissen`; did you mean `web.listen`?";
    assert_eq!((code, error), (2, format!("error: {told}\n")));
    let line = program.until_logged("web.lissen");
    assert!(line.contains("the configuration is not reloaded, the one before stays: foobar.toml:2"), "{line}");
}

#[test]
fn a_reload_that_changes_where_the_server_listens_says_where() {
    let site = Site::new();
    let mut command = site.command();
    command.env_remove("FOOBAR__WEB__LISTEN");
    let listen = |all: &str| std::fs::write(site.path("foobar.toml"), format!("[web]\nlisten = [{all}]\n")).unwrap();
    listen("'127.0.0.1:0'");
    let program = Program::start(&mut command);
    listen("'127.0.0.1:0', '127.0.0.2:0'");
    let output = site.command().env_remove("FOOBAR__WEB__LISTEN").arg("reload").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines[..2], ["changed  web.listen", &format!("listens  http://{}", program.address)], "{told}");
    assert!(lines[2].starts_with("listens  http://127.0.0.2:"), "{told}");
}

#[test]
fn a_second_start_leaves_the_log_of_the_first_alone() {
    let site = Site::new();
    let mut command = site.command();
    let _program = Program::start(command.env("FOOBAR__LOG__OUTPUT", "server.log"));
    let of_start = |line: &&str| !line.contains("this server runs as root"); // it comes once the server serves
    let log = || std::fs::read_to_string(site.path("server.log")).unwrap().lines().filter(of_start).collect::<String>();
    let before = log();
    let output = command.output().unwrap();
    let mut error = String::new();
    (&*output.stderr).read_to_string(&mut error).unwrap();
    assert!(error.contains("another server hears orders at control"), "{error}");
    let address = site.path("socket");
    let other = std::os::unix::net::UnixListener::bind(&address).unwrap();
    let mut second = site.command();
    second.env("FOOBAR__LOG__OUTPUT", "server.log").env("FOOBAR__CONTROL__SOCKET", "off");
    let output = second.env("FOOBAR__WEB__LISTEN", format!("unix:{}", address.display())).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("cannot listen on"), "{error}");
    drop(other);
    assert_eq!(log(), before);
}

#[tokio::test]
async fn a_web_tier_of_another_kind_may_hold_nothing_and_says_so() {
    struct Other(InProcess);
    impl foobar::tiers::Tier for Other {
        fn name(&self) -> &'static str {
            "web"
        }
        fn start(&self) -> foobar::tiers::BoxFuture<'_, Result<(), foobar::BoxError>> {
            self.0.start()
        }
        fn readiness(&self) -> foobar::tiers::Readiness {
            self.0.readiness()
        }
        fn drain(&self, deadline: std::time::Instant) -> foobar::tiers::BoxFuture<'_, ()> {
            self.0.drain(deadline)
        }
    }
    impl foobar::tiers::WebTier for Other {
        fn addresses(&self) -> Vec<Address> {
            Vec::new()
        }
    }
    let server = Server::new().app(foobar::routes(|_| ())).set("admin.listen", "off");
    let server = server.web_tier(|web, sites, app| Ok(Arc::new(Other(InProcess::new(web, sites, app)?)) as Arc<_>));
    let running = server.start().await.unwrap();
    assert_eq!(running.pause().await, Err(HoldError::NoGate));
    assert_eq!(running.set_maintenance(true), Err(HoldError::NoGate));
    assert_eq!(running.resume().pause, None);
    running.stop().await;
}
