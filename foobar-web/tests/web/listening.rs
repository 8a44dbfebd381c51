//! Where the tier listens.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use foobar_core::{BoxError, Chain, Handler, LocalBoxFuture, MakeHandler, Readiness, Tier, handler_fn};
use foobar_web::{Address, Error, Web, WebTier};
use tokio::sync::Semaphore;

use crate::support::{Server, answer, settings, wait_until};

/// The error of a start with these settings, with its causes.
fn start_error(toml: &str, app: Arc<dyn MakeHandler>) -> String {
    let (web, sites) = settings(toml);
    let web = Web::new(&web, &sites, Some(app)).expect("the settings are good");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let error = runtime.block_on(web.start()).expect_err("it cannot start");
    Chain(&*error).to_string()
}

#[test]
fn a_port_in_use_is_an_error_that_says_which_key_and_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = taken.local_addr().expect("it is bound");
    let error = start_error(&format!("[web]\nlisten = ['{address}']\n"), Arc::new(handler_fn(answer)));
    let expected = format!(
        "`web.listen`: cannot listen on {address}; another program listens there: stop it, or choose another address: "
    );
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn addresses_are_the_real_ones_and_each_is_served() {
    let server = Server::start("[web]\nlisten = ['127.0.0.1:0', 'localhost:0']\nworkers = 2\n");
    let addresses = server.web.addresses();
    assert!(addresses.len() >= 2, "{addresses:?}");
    assert!(addresses.iter().all(|address| !address.to_string().ends_with(":0")), "{addresses:?}");
    assert!(addresses[0].to_string().starts_with("http://127.0.0.1:"));
    assert_eq!(server.connect().get("/").body, "GET /");
}

#[test]
#[cfg(target_os = "linux")]
fn a_name_behind_an_at_sign_is_a_unix_socket_without_a_file() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("foobar-{}-{:p}", std::process::id(), &());
    let server = Server::start(&format!("[web]\nlisten = ['unix:@{name}']\n"));
    assert_eq!(server.web.addresses(), [Address::Unix(format!("@{name}").into())]);
    assert!(!std::path::Path::new(&format!("@{name}")).exists());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("the name is short");
    let mut client = UnixStream::connect_addr(&address).expect("the server listens");
    client.write_all(b"GET /unix HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("the server reads");
    let mut text = String::new();
    client.read_to_string(&mut text).expect("the server answers");
    assert!(text.ends_with("GET /unix"), "{text}");
    server.web.check().expect("that it listens itself is no fault");
    let error = start_error(&format!("[web]\nlisten = ['unix:@{name}']\n"), Arc::new(handler_fn(answer)));
    assert!(error.contains(&format!("cannot listen on unix:@{name}; another program listens there")), "{error}");
}

#[test]
fn a_unix_socket_is_made_served_and_removed_and_a_stale_one_replaced() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let path = folder.path().join("foobar.sock");
    drop(UnixListener::bind(&path).expect("the folder is writable"));
    let listen = format!("[web]\nlisten = ['unix:{}']\n", path.display());
    let server = Server::start(&listen);
    assert_eq!(server.web.addresses(), [Address::Unix(path.clone())]);
    let mut client = UnixStream::connect(&path).expect("the server listens");
    client.write_all(b"GET /unix HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("the server reads");
    let mut text = String::new();
    client.read_to_string(&mut text).expect("the server answers");
    assert!(text.ends_with("GET /unix"), "{text}");

    let error = start_error(&listen, Arc::new(handler_fn(answer)));
    assert!(error.contains("another program listens there"), "{error}");
    drop(server);
    assert!(!path.exists());
}

#[test]
fn everybody_may_connect_to_a_unix_socket() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let path = folder.path().join("foobar.sock");
    let _server = Server::start(&format!("[web]\nlisten = ['unix:{}']\n", path.display()));
    let mode = std::fs::metadata(&path).expect("the socket is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
}

/// What a dry run says of this address.
fn check(listen: &str) -> Result<(), BoxError> {
    let (web, sites) = settings(&format!("[web]\nlisten = ['{listen}']\n"));
    Web::new(&web, &sites, None).expect("the settings are good").check()
}

#[test]
fn a_dry_run_accepts_addresses_that_are_free_or_in_use_and_leaves_them_alone() {
    let server = Server::start("");
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let socket = |name| folder.path().join(name);
    let _used = UnixListener::bind(socket("used")).expect("the folder is writable");
    drop(UnixListener::bind(socket("stale")).expect("the folder is writable"));
    let in_use = server.web.addresses()[0].to_string();
    assert!(check("localhost:0").is_ok() && check(in_use.trim_start_matches("http://")).is_ok());
    let inherited = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    check(&format!("fd:{}", inherited.as_raw_fd())).expect("it listens");
    let flags = rustix::fs::fcntl_getfl(&inherited).expect("it is open");
    assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK));
    for name in ["used", "stale", "new"] {
        check(&format!("unix:{}", socket(name).display())).expect(name);
    }
    assert!(socket("used").exists() && socket("stale").exists() && !socket("new").exists());
    assert_eq!(server.connect().get("/").status(), 200);
}

#[test]
fn a_dry_run_refuses_addresses_that_cannot_be_listened_on() {
    let file = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
    let file = file.path().display();
    for listen in [
        "192.0.2.1:0".to_owned(), // of RFC 5737: no machine has it
        "fd:999".to_owned(),
        "unix:/nonexistent/socket".to_owned(),
        format!("unix:{file}"),
        format!("unix:{file}/socket"),
        format!("unix:/tmp/{}", "a".repeat(108)),
    ] {
        let error = check(&listen).expect_err(&listen);
        let error = error.downcast::<Error>().expect("it is this tier's");
        assert!(matches!(&*error, Error::Listen { address, .. } if *address == listen), "{error:?}");
    }
}

#[test]
fn too_many_open_files_pause_the_accepting_and_do_not_end_it() {
    if !has_few_files() {
        return;
    }
    let server = Server::start("");
    let mut files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    files.pop();
    let mut client = server.connect();
    client.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    server.pass(Duration::from_secs(1));
    assert!(!client.is_told());
    drop(files);
    server.time_until(|| client.is_told());
    assert_eq!(client.answer().body, "GET /late");
}

/// Whether this process may open few files only; if not, runs the test in one of its own, as the limit is of a process.
fn has_few_files() -> bool {
    if std::env::var_os("FEW_FILES").is_none() {
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\""]).env("FEW_FILES", "");
        limited
            .arg(std::env::current_exe().expect("it has a path"))
            .arg(std::thread::current().name().expect("a test"));
        let output = limited.output().expect("a shell runs");
        assert!(output.status.success() && contains(&output.stdout, "1 passed"), "{output:?}");
        return false;
    }
    true
}

#[test]
fn an_idle_connection_makes_room_when_no_more_files_may_be_opened() {
    if !has_few_files() {
        return;
    }
    let server = Server::start("");
    let mut idle = server.connect();
    idle.get("/");
    let mut files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    files.pop();
    let mut new = server.connect();
    new.send("GET /new HTTP/1.1\r\nHost: a\r\n\r\n");
    server.time_until(|| new.is_told());
    assert_eq!(new.answer().body, "GET /new");
    assert_eq!(idle.rest(), "");
}

fn contains(output: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(output).contains(text)
}

#[test]
fn a_file_that_is_not_a_socket_is_not_removed() {
    let file = tempfile::NamedTempFile::new().expect("the temporary folder is writable");
    let listen = format!("[web]\nlisten = ['unix:{}']\n", file.path().display());
    let error = start_error(&listen, Arc::new(handler_fn(answer)));
    assert!(error.ends_with("there is a file that is not a socket"), "{error}");
    assert!(file.path().exists());
}

#[test]
fn an_inherited_socket_is_used_if_it_listens() {
    let inherited = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = inherited.local_addr().expect("it is bound");
    let server = Server::start(&format!("[web]\nlisten = ['fd:{}']\n", inherited.as_raw_fd()));
    assert_eq!(server.web.addresses(), [Address::Tcp(address)]);
    assert_eq!(server.connect().get("/").status(), 200);

    let not_a_socket = tempfile::tempfile().expect("the temporary folder is writable");
    let listen = format!("[web]\nlisten = ['fd:{}']\n", not_a_socket.as_raw_fd());
    let error = start_error(&listen, Arc::new(handler_fn(answer)));
    assert!(error.contains("check that this process inherits a listening socket"), "{error}");
}

struct Fails;

impl MakeHandler for Fails {
    fn make(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Handler>, BoxError>> {
        Box::pin(async { Err("no such thing".into()) })
    }
}

#[test]
fn an_application_that_cannot_be_made_stops_the_start() {
    let error = start_error("", Arc::new(Fails));
    assert_eq!(error, "the application could not start on a worker thread: no such thing");
}

/// Ends its workers when the semaphore is closed.
struct Mortal(Arc<Semaphore>);

impl MakeHandler for Mortal {
    fn make(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Handler>, BoxError>> {
        Box::pin(async { Ok(Rc::new(handler_fn(answer)) as Rc<dyn Handler>) })
    }

    fn block_on(&self, worker: LocalBoxFuture<'static, ()>) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let worker = async {
            tokio::select! { () = worker => {}, _ = self.0.acquire() => {} }
        };
        tokio::task::LocalSet::new().block_on(&runtime, worker);
        Ok(())
    }
}

#[test]
fn a_tier_whose_worker_has_ended_is_not_ready() {
    let life = Arc::new(Semaphore::new(0));
    let server = Server::with("", Some(Arc::new(Mortal(life.clone()))));
    life.close();
    wait_until("it is not ready", || !server.web.readiness().is_ready());
    assert_eq!(server.web.readiness(), Readiness::not("a worker thread has ended unexpectedly"));
}

#[test]
fn a_tier_starts_once() {
    let server = Server::start("");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let error = runtime.block_on(server.web.start()).expect_err("it has been started");
    assert_eq!(error.to_string(), "the web tier has been started before");
}
