//! The control socket: the commands by which an operator gives orders to a server that runs.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Program, until};

/// A folder with a configuration whose control socket lies in it.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        site.write("version 1");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, body: &str) {
        let page = format!("[sites.main.routes.'/page']\nrespond = 200\nbody = '{body}'\n");
        fs::write(self.path("foobar.toml"), format!("[control]\nsocket = 'control'\n{page}")).unwrap();
    }

    fn command(&self) -> Command {
        Program::example("proving", self.0.path())
    }

    /// A command to it: its exit code, and what it printed on standard output and error.
    fn run(&self, order: &str) -> (i32, String, String) {
        run(self.command().arg(order))
    }
}

fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_help_lists_the_orders_with_maintenance_beside_the_pause() {
    let (_, help, _) = Site::new().run("--help");
    let commands = help.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(' '));
    let orders: Vec<_> = commands.map(|(name, _)| name).skip_while(|name| *name != "reload").take(8).collect();
    assert_eq!(orders, ["reload", "status", "pause", "resume", "maintenance", "drain", "undrain", "upgrade"]);
}

#[test]
fn reload_prints_what_has_changed_or_why_nothing_has() {
    let site = Site::new();
    let program = Program::start(&mut site.command());
    site.write("version 2");
    let changed = "changed  sites.main.routes.\"/page\".body\n".to_owned();
    assert_eq!(site.run("reload"), (0, changed, String::new()));
    assert_eq!(program.get("/page").text(), "version 2");
    let same = "the configuration has been reloaded, and nothing in it has changed\n".to_owned();
    assert_eq!(site.run("reload"), (0, same, String::new()));
    let root = "[sites.main]\nroot = '/nowhere'\n";
    fs::write(site.path("foobar.toml"), format!("[control]\nsocket = 'control'\n{root}")).unwrap();
    let (code, output, error) = site.run("reload");
    assert_eq!((code, output.as_str()), (2, ""));
    assert!(
        error.starts_with("error: nothing has changed: ") && error.contains("foobar.toml:4: `sites.main.root`"),
        "{error}"
    );
    assert_eq!(program.get("/page").text(), "version 2");
}

#[test]
fn drain_and_undrain_turn_readiness_off_and_on_and_everything_is_served() {
    let site = Site::new();
    let program = Program::start(&mut site.command());
    program.until_ready(200);
    assert_eq!(site.run("drain").1, "it is out of the rotation: `/readyz` says 503\n");
    let answer = program.admin("/readyz");
    assert_eq!(answer.status, 503);
    assert!(answer.text().starts_with("server: not ready: an operator has taken it out"), "{answer:?}");
    assert_eq!(program.get("/page").text(), "version 1");
    assert!(site.run("drain").1.contains("nothing has changed"));
    assert!(site.run("status").1.contains("\nserver         not ready: an operator"));
    assert_eq!(site.run("undrain"), (0, "it is in the rotation\n".to_owned(), String::new()));
    assert_eq!(program.admin("/readyz").status, 200);
}

/// Only where root runs the tests.
#[test]
fn what_root_checks_may_be_for_a_server_of_another_user() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fs::create_dir(&run).unwrap();
    if chown(&run, Some(65_534), None).is_err() {
        return;
    }
    let mut check = Program::foobar(folder.path());
    let output = check.env("FOOBAR__CONTROL__SOCKET", "run/control").args(["check", "--root", "."]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn status_says_how_the_server_is() {
    let site = Site::new();
    let program = Program::start(&mut site.command());
    program.until_ready(200);
    site.run("reload");
    let (code, output, error) = site.run("status");
    assert_eq!((code, error.as_str()), (0, ""));
    let lines: Vec<_> = output.lines().collect();
    assert!(lines[0].starts_with(&format!("process        {}, has served for ", program.id())), "{output}");
    assert!(lines[2].starts_with("configuration  number 2, in use for "), "{output}");
    assert_eq!((lines[1], lines[3]), ("generation     1", "under way      nothing"));
    assert!(lines.contains(&"web            ready") && lines.contains(&"database       ready"), "{output}");
    assert!(program.admin("/metrics").text().contains("\nfoobar_configuration_version 2\n"));
}

#[test]
fn the_socket_is_its_users_alone_and_goes_with_the_server() {
    let site = Site::new();
    let program = Program::start(&mut site.command());
    let socket = site.path("control");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, _, error) = run(&mut site.command());
    assert_eq!(code, 2);
    assert!(error.contains("another server hears orders at control; choose another path for this one"), "{error}");
    program.signal("TERM");
    assert_eq!(program.wait().0.code(), Some(0));
    assert!(!socket.exists());
    let left_behind = UnixListener::bind(&socket).unwrap();
    drop(left_behind); // its file stays
    let program = Program::start(&mut site.command());
    assert_eq!(site.run("status").0, 0);
    program.signal("KILL");
    program.wait();
    let (code, _, error) = site.run("status");
    assert_eq!(code, 1);
    assert!(error.starts_with("error: no answer from a server at control: "), "{error}");
}

#[test]
fn what_a_server_has_left_behind_that_was_killed_at_its_start_is_in_nobodys_way() {
    let site = Site::new();
    let command = site.command();
    let mut shell = Command::new("sh");
    let script = "mkdir .control-$$ && exec \"$0\" \"$@\""; // with the number of the process that the server has then
    shell.args(["-c", script]).arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(command.get_current_dir().unwrap());
    let _program = Program::start(&mut shell);
    assert_eq!(site.run("status").0, 0);
}

#[test]
fn a_server_that_stops_says_how_it_is_for_as_long_as_it_serves_and_takes_no_other_order() {
    let site = Site::new();
    let program = Program::start(site.command().env("FOOBAR__SERVER__SHUTDOWN_DELAY", "1m"));
    program.signal("TERM");
    until("it says that it stops", || {
        site.run("status").1.contains("\nserver         not ready: it is stopping\n").then_some(())
    });
    assert_eq!(program.get("/page").text(), "version 1");
    for order in ["reload", "pause", "resume", "drain", "undrain", "upgrade"] {
        let refused = (1, String::new(), "error: nothing has changed: the server is stopping\n".to_owned());
        assert_eq!(site.run(order), refused, "{order}");
    }
    program.signal("TERM");
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn a_server_that_accepts_nothing_more_has_no_socket_while_it_finishes_what_it_has() {
    let site = Site::new();
    let program = Program::start(&mut site.command());
    let mut download = program.client();
    download.send("GET /bytes/30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    until("the answer has begun", || site.run("status").1.contains("one connection with a request").then_some(()));
    program.signal("TERM");
    until("the socket is gone", || (!site.path("control").exists()).then_some(()));
    let (code, _, error) = site.run("status");
    assert!(code == 1 && error.starts_with("error: no answer from a server at control: "), "{error}");
    assert_eq!(download.answer("GET").body.len(), 30_000_000);
    assert_eq!(program.wait().0.code(), Some(0));
}

/// What a start with its socket there says.
fn start_error(socket: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Program::example("proving", folder.path());
    let (code, _, error) = run(command.env("FOOBAR__CONTROL__SOCKET", socket));
    assert_eq!(code, 2, "{error}");
    error
}

#[test]
fn a_socket_that_another_user_may_reach_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    let error = start_error(&folder.path().join("control"));
    assert!(error.contains("FOOBAR__CONTROL__SOCKET") && error.contains("others may write in the folder"), "{error}");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    fs::write(folder.path().join("file"), "of somebody").unwrap();
    let error = start_error(&folder.path().join("file"));
    assert!(error.contains("is there and is no socket; choose another path"), "{error}");
    assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "of somebody");
    let error = start_error(&folder.path().join("nowhere/control"));
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_told_by_check_and_at_the_start() {
    let site = Site::new();
    for (length, is_good) in [(90, true), (91, false), (108, false)] {
        let path = "a".repeat(length);
        let set = |command: &mut Command| run(command.env("FOOBAR__CONTROL__SOCKET", &path));
        let (code, _, error) = set(site.command().arg("check"));
        let told = format!("`control.socket`: {path} has {length} bytes, and may have 90; choose a shorter path");
        assert_eq!((code == 0, error.contains(&told)), (is_good, !is_good), "{error}");
        if is_good {
            let _program = Program::start(site.command().env("FOOBAR__CONTROL__SOCKET", &path));
        } else {
            let (code, _, error) = set(&mut site.command());
            assert!(code == 2 && error.contains(&told), "{error}");
        }
    }
}

#[test]
fn without_a_socket_a_command_says_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, error) = run(Program::example("proving", folder.path()).arg("reload"));
    assert_eq!(code, 1);
    assert!(error.starts_with("error: `control.socket` is \"off\": name a socket"), "{error}");
}

#[test]
fn what_is_no_order_does_no_harm_and_holds_nobody() {
    let site = Site::new();
    let program = Program::start(&mut site.command());
    let connect = || UnixStream::connect(site.path("control")).unwrap();
    let silent = connect();
    let told = |bytes: &[u8]| {
        let mut stream = connect();
        _ = stream.write_all(bytes); // it may close before all has been sent
        let mut answer = String::new();
        _ = stream.read_to_string(&mut answer); // the same
        answer
    };
    assert!(told(b"restart\n").starts_with("2\n\"restart\" is no order here"));
    assert!(told(&[b'x'; 10_000]).len() < 300);
    assert!(told(&[0xff, b'\n']).is_empty());
    assert_eq!(site.run("status").0, 0);
    drop(silent);
    until("it still hears orders", || (site.run("undrain").0 == 0).then_some(()));
    assert_eq!(program.get("/page").text(), "version 1");
}
