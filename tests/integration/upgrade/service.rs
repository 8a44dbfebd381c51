//! What a service manager passes on, and what it is told: a socket in its place, and a shell that knows a number.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Site, signal};
use crate::support::load::{Connections, Lane, Load, Outcome};
use crate::support::{Client, PATIENCE, Program, Wire, number_of, until};

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, path }
    }

    /// What it is told next.
    fn told(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned).collect()
    }

    /// What it is told next besides that the program is alive.
    fn told_of_course(&self) -> Vec<String> {
        std::iter::repeat_with(|| self.told()).find(|told| told != &["WATCHDOG=1"]).unwrap()
    }
}

#[test]
fn a_service_manager_is_told_of_the_course_of_a_server_and_which_process_it_is() {
    let site = Site::new();
    let manager = Manager::new(site.folder.path());
    let mut program = Program::start(site.command().env("NOTIFY_SOCKET", &manager.path));
    assert_eq!(manager.told(), [format!("MAINPID={}", program.id()), "READY=1".to_owned()]);
    assert_eq!(site.run("reload").0, 0);
    let told = manager.told();
    assert!(told[0] == "RELOADING=1" && told[1].starts_with("MONOTONIC_USEC="), "{told:?}");
    assert_eq!(manager.told().last().unwrap(), "READY=1");
    let new = site.upgrade();
    assert_eq!(manager.told(), [format!("MAINPID={new}"), "READY=1".to_owned()]);
    program.end();
    signal(new, "TERM");
    assert_eq!(manager.told(), ["STOPPING=1"], "the one before has said nothing: the service goes on");
}

#[test]
fn of_a_reload_that_an_upgrade_refuses_a_service_manager_is_told_the_end_for_which_it_waits() {
    let site = Site::new();
    let manager = Manager::new(site.folder.path());
    let mut program = Program::start(site.command().env("NOTIFY_SOCKET", &manager.path));
    manager.told();
    site.install_script("echo $$ > process.new; mv process.new process; exec sleep 1000");
    program.signal("USR2");
    until("the new program has begun", || site.path("process").exists().then_some(()));
    program.signal("HUP");
    assert_eq!(manager.told()[0], "RELOADING=1");
    assert_eq!(manager.told(), ["READY=1"]);
    site.until_logged("an upgrade is under way; the new program reads the configuration");
    program.signal("TERM");
    assert_eq!(manager.told(), ["STOPPING=1"]);
    program.end();
}

#[test]
fn a_watchdog_is_fed_by_the_program_that_serves() {
    let site = Site::new();
    let manager = Manager::new(site.folder.path());
    let mut shell = shell("WATCHDOG_PID=$$ exec \"$0\"", &site.command());
    let mut program = Program::start(shell.env("WATCHDOG_USEC", "20000").env("NOTIFY_SOCKET", &manager.path));
    manager.told_of_course();
    assert_eq!([manager.told(), manager.told()], [["WATCHDOG=1"], ["WATCHDOG=1"]]);
    let new = site.upgrade();
    assert_eq!(manager.told_of_course(), [format!("MAINPID={new}"), "READY=1".to_owned()]);
    program.end();
    while manager.socket.set_nonblocking(true).is_ok() && manager.socket.recv(&mut [0; 100]).is_ok() {} // of the one before
    manager.socket.set_nonblocking(false).unwrap();
    assert_eq!(manager.told(), ["WATCHDOG=1"]);
}

/// A command that a shell becomes, which knows its number.
fn shell(script: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(command.get_current_dir().unwrap()).args(["-c", script]).arg(command.get_program());
    shell
}

/// The command with a listening socket as descriptor 3, as a service manager starts it.
fn activated(command: &Command, socket: impl Into<OwnedFd>, name: &str) -> Command {
    let mut shell = shell("LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" 3<&0 </dev/null", command);
    shell.stdin(Stdio::from(socket.into())).env("LISTEN_FDNAMES", name);
    shell
}

#[test]
fn a_socket_of_a_service_manager_is_that_of_its_address_and_is_passed_on() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let waiting = TcpStream::connect(&address).unwrap(); // before there is a server
    let mut command = site.command();
    let mut program =
        Program::start(&mut activated(command.env("FOOBAR__WEB__LISTEN", &address), listener, "shop.socket"));
    assert_eq!(program.address, address);
    let mut waiting = Client::over(Wire::Clear(waiting));
    assert_eq!(waiting.get("/page").text(), "version 1");
    assert!(!site.log().contains("passed on"), "{}", site.log());
    site.upgrade();
    drop(waiting);
    program.end();
    assert_eq!(program.get("/page").text(), "version 1");
}

#[test]
fn a_unix_socket_of_a_service_manager_keeps_its_file() {
    let site = Site::new();
    let path = site.path("activated.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let mut command = site.command();
    let listen = format!("127.0.0.1:0,unix:{}", path.display());
    let mut program = Program::start(&mut activated(command.env("FOOBAR__WEB__LISTEN", listen), listener, ""));
    assert!(UnixStream::connect(&path).is_ok());
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(0));
    assert!(path.exists());
}

#[test]
fn a_socket_of_the_name_admin_is_that_of_operators() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = site.command();
    let program = Program::start(&mut activated(command.env("FOOBAR__ADMIN__LISTEN", &address), listener, "admin"));
    assert_eq!(program.admin, address);
    program.until_ready(200);
}

#[test]
fn a_socket_of_a_service_manager_that_matches_nothing_is_told_of() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let program = Program::start(&mut activated(&site.command(), listener, "shop.socket"));
    site.until_logged(&format!(
        "the socket {address} was passed on to this server and is none of its addresses: it is closed"
    ));
    assert_eq!(program.get("/page").text(), "version 1");
}

#[test]
fn a_socket_that_is_named_by_its_number_is_passed_on_as_well() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = site.command();
    let mut program =
        Program::start(&mut activated(command.env("FOOBAR__WEB__LISTEN", "fd:3"), listener, "shop.socket"));
    assert_eq!(program.address, address);
    site.upgrade();
    program.end();
    assert_eq!(program.get("/page").text(), "version 1");
}

#[test]
fn what_is_no_number_of_sockets_or_no_socket_stops_the_start() {
    let site = Site::new();
    let output = shell("LISTEN_FDS=many LISTEN_PID=$$ exec \"$0\"", &site.command()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("error: `LISTEN_FDS` is \"many\", and no number"), "{error}");
    let output = shell("LISTEN_FDS=9 LISTEN_PID=$$ exec \"$0\" 3</dev/null", &site.command()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("error: `LISTEN_FDS` is 9, and descriptor 3: Socket operation on non-socket"), "{error}");
}

/// A service manager that holds the socket and starts the program again whenever it has ended.
#[test]
fn of_a_program_that_is_killed_under_a_socket_that_stays_no_more_is_lost_than_was_under_way() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let start = || {
        let mut command = site.command();
        command.env("FOOBAR__WEB__LISTEN", &address);
        Program::start(&mut activated(&command, listener.try_clone().unwrap(), "shop.socket"))
    };
    let is_page = |body: &[u8]| body == b"version 1";
    let lanes = [Connections::Kept, Connections::New, Connections::New]
        .map(|kind| Lane::get("/page", kind, is_page).sent_again());
    let mut program = start();
    let load = Load::start(&address, &lanes);
    let kills = number_of("FOOBAR_KILLS", 10);
    for _ in 0..kills {
        assert_eq!(program.get("/page").text(), "version 1");
        program.signal("KILL");
        program.end();
        program = start();
    }
    assert_eq!(program.get("/page").text(), "version 1");
    let report = load.stop();
    println!("{kills} kills: {report}");
    assert_eq!(report.count(Outcome::Refused), 0);
    assert!(report.lost().count() as u64 <= kills * lanes.len() as u64);
}
