//! A new program in the place of the one that serves: by SIGUSR2, and by the command `upgrade`.

mod bad_programs;
mod databases;
mod protocols;
mod service;
mod signals;
mod under_load;

use std::fs;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::support::guide::{blocks, without_numbers};
use crate::support::{Address, Client, Connection, Program, until};

/// A folder with a program and its configuration, of which either can change. What still runs at the end is killed.
struct Site {
    folder: tempfile::TempDir,
    /// Programs that have taken the place of the first.
    followers: Mutex<Vec<u32>>,
}

impl Site {
    fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap(), followers: Mutex::default() };
        site.write("version 1", "");
        site.install_program();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Another page, and more of a configuration.
    fn write(&self, body: &str, more: &str) {
        let page = format!("[sites.main.routes.'/page']\nrespond = 200\nbody = '{body}'\n");
        let common = "[log]\noutput = 'log'\n[control]\nsocket = 'control'\n";
        fs::write(self.path("foobar.toml"), format!("{common}{page}{more}")).unwrap();
    }

    /// In the place of the program, whatever is there.
    fn install(&self, put: impl FnOnce(&Path)) {
        let (program, new) = (self.path("shop"), self.path("shop.new"));
        put(&new);
        fs::rename(new, program).unwrap();
    }

    fn install_program(&self) {
        let program = Program::example("proving", self.folder.path());
        self.install(|path| symlink(program.get_program(), path).unwrap());
    }

    fn install_script(&self, script: &str) {
        self.install_file(format!("#!/bin/bash\n{script}\n").as_bytes());
    }

    /// Put there by another process: a program that is open for writing cannot be run, and what this one has open, all have that
    /// other tests start at that moment.
    fn install_file(&self, content: &[u8]) {
        fs::write(self.path("content"), content).unwrap();
        self.install(|path| run("install", &["-m", "755"], &self.path("content"), path));
    }

    fn command(&self) -> Command {
        Program::command(&self.path("shop"), self.folder.path())
    }

    fn start(&self) -> Program {
        Program::start(&mut self.command())
    }

    /// A configuration with these addresses.
    fn listen(&self, addresses: &str) {
        self.write("version 1", &format!("[web]\nlisten = [{addresses}]\nworkers = 2\naccess_log = 'off'\n"));
    }

    /// By what its file says, and no variable.
    fn start_by_file(&self) -> Program {
        let mut command = self.command();
        ["LISTEN", "WORKERS", "ACCESS_LOG"]
            .iter()
            .for_each(|name| _ = command.env_remove(format!("FOOBAR__WEB__{name}")));
        Program::start(&mut command)
    }

    /// A command to it, by a program that is as it should be: its exit code, and what it printed on standard output and error.
    fn run(&self, order: &str) -> (i32, String, String) {
        let output = Program::example("proving", self.folder.path()).args(order.split(' ')).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Upgrades it, which must succeed; the number of the new process.
    fn upgrade(&self) -> u32 {
        let (code, told, error) = self.run("upgrade");
        assert_eq!((code, error.as_str()), (0, ""));
        self.remember(number_after(&told, "process "))
    }

    fn remember(&self, process: u32) -> u32 {
        self.followers.lock().unwrap().push(process);
        process
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    fn until_logged(&self, words: &str) -> String {
        let find = || self.log().lines().find(|line| line.contains(words)).map(str::to_owned);
        until(&format!("the log has {words:?}"), find)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let followers = std::mem::take(&mut *self.followers.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        followers.iter().for_each(|process| signal(*process, "KILL"));
    }
}

fn run(command: &str, options: &[&str], from: &Path, to: &Path) {
    assert!(Command::new(command).args(options).arg(from).arg(to).status().unwrap().success());
}

/// It may have ended.
fn signal(process: u32, name: &str) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(process.to_string()).output().unwrap();
}

fn is_there(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn until_gone(process: u32) {
    until(&format!("the process {process} has ended"), || (!is_there(process)).then_some(()));
}

fn number_after(text: &str, words: &str) -> u32 {
    let digits = text.split_once(words).unwrap_or_else(|| panic!("{words:?} in {text:?}")).1;
    digits.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[test]
fn a_new_program_serves_on_the_same_sockets_and_the_one_before_ends() {
    let site = Site::new();
    let mut program = site.start();
    site.write("version 2", "");
    let (code, told, error) = site.run("upgrade");
    let new = site.remember(number_after(&told, "process "));
    let first = program.id();
    assert_ne!(new, first);
    let expected = format!("process {new} serves; process {first} finishes what it has, and ends\n");
    assert_eq!((code, &told, error.as_str()), (0, &expected, ""));
    let shown = &blocks("deployment.md", "a_new_program_serves_on_the_same_sockets_and_the_one_before_ends")[1];
    assert_eq!(without_numbers(&told), without_numbers(shown));
    assert_eq!(program.end().code(), Some(0));
    assert_eq!(program.get("/page").text(), "version 2");
    assert_eq!(program.admin("/readyz").status, 200);
    assert!(program.admin("/metrics").text().contains("\nfoobar_generation 2\n"));
    let newer = site.upgrade();
    until_gone(new);
    assert_eq!(program.get("/page").text(), "version 2");
    let (_, status, _) = site.run("status");
    assert!(status.starts_with(&format!("process        {newer}, has served for ")), "{status}");
    assert!(status.contains("\ngeneration     3\n"), "{status}");
    signal(newer, "TERM");
    until_gone(newer);
    assert!(!site.path("control").exists(), "the last one takes its file with it");
}

#[test]
fn sigusr2_upgrades_too_and_the_log_says_what_has_come_of_it() {
    let site = Site::new();
    let mut program = site.start();
    program.signal("USR2");
    let told = site.until_logged("a new program serves; this one finishes what it has");
    site.remember(number_after(&told, "process="));
    assert_eq!(program.end().code(), Some(0));
    assert_eq!(program.get("/page").text(), "version 1");
    site.until_logged("this program serves in the place of another one");
    site.until_logged("the program before has ended");
}

#[test]
fn a_file_that_was_replaced_is_the_new_program_also_where_the_old_one_is_gone() {
    let site = Site::new();
    let real = site.path("first");
    run("cp", &[], &fs::read_link(site.path("shop")).unwrap(), &real);
    site.install(|path| symlink(&real, path).unwrap());
    let mut program = site.start();
    site.install_program();
    fs::remove_file(real).unwrap();
    let new = site.upgrade();
    program.end();
    let running = fs::read_link(format!("/proc/{new}/exe")).unwrap();
    assert_eq!(running, fs::canonicalize(site.path("shop")).unwrap());
}

/// A program by the name `shop`, which is looked for in the folders `a` and `b`.
fn start_by_name(site: &Site, file: &str) -> Program {
    let command = site.command();
    let mut shell = Command::new("bash");
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let folders =
        format!("{}:{}:{}", site.path("a").display(), site.path("b").display(), std::env::var("PATH").unwrap());
    shell.env("PATH", folders).current_dir(site.folder.path());
    Program::start(shell.args(["-c", "exec -a shop \"$0\""]).arg(site.path(file)))
}

#[test]
fn a_name_that_leads_to_another_program_is_only_a_name() {
    let site = Site::new();
    site.install_script("exit 9");
    fs::create_dir(site.path("a")).unwrap();
    fs::rename(site.path("shop"), site.path("a/shop")).unwrap();
    site.install_program();
    let mut program = start_by_name(&site, "shop");
    site.upgrade();
    program.end();
    assert_eq!(program.get("/page").text(), "version 1");
}

#[test]
fn a_name_is_that_of_the_first_file_in_path_that_can_be_run() {
    let site = Site::new();
    ["a", "b"].iter().for_each(|folder| fs::create_dir(site.path(folder)).unwrap());
    fs::write(site.path("a/shop"), "a text").unwrap();
    fs::rename(site.path("shop"), site.path("b/shop")).unwrap();
    let program = start_by_name(&site, "b/shop");
    site.install_script("exit 9");
    fs::rename(site.path("shop"), site.path("b/shop")).unwrap();
    let (code, _, error) = site.run("upgrade");
    assert!(code == 1 && error.contains("the new program ended (exit status: 9)"), "{error}");
    assert_eq!(program.get("/page").text(), "version 1");
}

#[test]
fn a_download_that_is_under_way_is_finished_by_the_program_before_and_status_says_so() {
    let site = Site::new();
    site.write("version 1", "[database]\nurl = 'sqlite:shop.db'\n");
    let mut program = site.start();
    program.until_ready(200);
    let mut download = program.client();
    download.send("GET /bytes/30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    until("the answer has begun", || site.run("status").1.contains("one connection with a request").then_some(()));
    let first = program.id();
    site.upgrade();
    let status = until("the new program knows what the one before still has", || {
        let (_, status, _) = site.run("status");
        let before = format!("before         process {first} has drained for ");
        let end = " s, and still has one connection with a request";
        let is_told = status.lines().any(|line| line.starts_with(&before) && line.ends_with(end));
        is_told.then_some(status)
    });
    let test = "a_download_that_is_under_way_is_finished_by_the_program_before_and_status_says_so";
    assert_eq!(without_numbers(&status), without_numbers(&blocks("deployment.md", test)[1]));
    assert!(is_there(first));
    assert_eq!(download.answer("GET").body.len(), 30_000_000);
    assert_eq!(program.end().code(), Some(0));
    until("nothing of it is left", || (!site.run("status").1.contains("before")).then_some(()));
}

#[test]
fn unix_sockets_and_the_control_socket_are_the_new_programs_and_go_with_it() {
    let site = Site::new();
    let mut program =
        Program::start(site.command().env("FOOBAR__WEB__LISTEN", "127.0.0.1:0,unix:http.sock,unix:@upgrade-test"));
    let ask =
        || Connection::open(&Address::Unix(site.path("http.sock"))).send(b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(ask());
    let new = site.upgrade();
    program.end();
    assert!(ask(), "the one before has not taken its file away");
    assert_eq!(site.run("status").0, 0);
    let newer = site.upgrade();
    until_gone(new);
    assert!(ask());
    signal(newer, "TERM");
    until_gone(newer);
    assert!(!site.path("http.sock").exists() && !site.path("control").exists());
}

#[test]
fn a_unix_socket_whose_path_a_reload_has_written_in_another_way_is_the_new_programs() {
    let site = Site::new();
    site.listen("'127.0.0.1:0', 'unix:a.sock'");
    let mut program = site.start_by_file();
    site.listen("'127.0.0.1:0', 'unix:./a.sock'");
    program.signal("HUP");
    site.until_logged("the configuration has been reloaded");
    let new = site.upgrade();
    program.end();
    let sent = Connection::open(&Address::Unix(site.path("a.sock"))).send(b"GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(sent);
    signal(new, "TERM");
    until_gone(new);
    assert!(!site.path("a.sock").exists());
}

#[test]
fn an_address_that_the_new_configuration_has_not_is_closed_and_one_that_it_adds_is_opened() {
    let site = Site::new();
    site.listen("'127.0.0.1:0', 'unix:old.sock'");
    let mut program = site.start_by_file();
    site.listen("'127.0.0.1:0', 'unix:new.sock'");
    site.upgrade();
    program.end();
    assert!(UnixStream::connect(site.path("new.sock")).is_ok());
    assert!(!site.path("old.sock").exists());
    assert_eq!(program.get("/page").text(), "version 1");
    site.listen("'127.0.0.1:0', 'unix:new.sock', 'unix:third.sock', 'unix:nowhere/fourth.sock'");
    let (code, _, error) = site.run("upgrade");
    assert!(code == 1 && error.contains("cannot listen on unix:nowhere/fourth.sock"), "{error}");
    assert!(UnixStream::connect(site.path("new.sock")).is_ok(), "it is still that of the program before");
    assert!(!site.path("third.sock").exists(), "a program that has not served leaves nothing");
    site.until_logged(
        "the socket unix:old.sock was passed on to this server and is none of its addresses: it is closed",
    );
}

#[test]
fn an_address_that_an_upgrade_drops_refuses_once_the_new_program_serves_and_finishes_what_it_has() {
    let site = Site::new();
    site.listen("'127.0.0.1:0', '127.0.0.2:0', 'unix:old.sock'");
    let mut program = site.start_by_file();
    let dropped = program.banner.iter().find_map(|line| line.split_once("http://127.0.0.2:")).unwrap().1.to_owned();
    let dropped = format!("127.0.0.2:{dropped}");
    let mut download = Client::connect(&dropped);
    download.send("GET /bytes/30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    until("the answer has begun", || site.run("status").1.contains("one connection with a request").then_some(()));
    site.listen("'127.0.0.1:0'");
    let first = program.id();
    site.upgrade();
    // Its workers first take whoever has connected by then.
    let refused = until("nobody listens there", || TcpStream::connect(&dropped).err());
    assert!(is_there(first), "it has a download to finish");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    until("nobody listens there either", || UnixStream::connect(site.path("old.sock")).err());
    assert_eq!(download.answer("GET").body.len(), 30_000_000);
    assert_eq!(program.end().code(), Some(0));
    assert_eq!(program.get("/page").text(), "version 1");
    assert!(!site.log().contains("is closed at the end"), "{}", site.log());
}

#[test]
fn a_configuration_file_that_is_gone_or_empty_stops_the_new_program_and_the_one_before_goes_on() {
    let site = Site::new();
    let program = site.start();
    let set_aside = site.path("aside.toml");
    fs::rename(site.path("foobar.toml"), &set_aside).unwrap();
    program.signal("USR2");
    site.until_logged("last words: error: there is no configuration file foobar.toml any more; put it back");
    fs::write(site.path("foobar.toml"), "").unwrap();
    program.signal("USR2");
    site.until_logged("last words: error: the configuration file foobar.toml is empty, and the one in use is not");
    fs::rename(&set_aside, site.path("foobar.toml")).unwrap();
    assert_eq!(program.get("/page").text(), "version 1");
    site.upgrade();
    assert_eq!(program.get("/page").text(), "version 1");
}

#[test]
fn a_server_that_is_drained_for_a_balancer_stays_so() {
    let site = Site::new();
    let mut program = site.start();
    program.until_ready(200);
    site.run("drain");
    site.upgrade();
    program.end();
    assert_eq!(program.admin("/readyz").status, 503);
    site.run("undrain");
    program.until_ready(200);
}

#[test]
fn maintenance_goes_on_in_the_new_program() {
    let site = Site::new();
    let mut program = site.start();
    program.until_ready(200);
    assert_eq!(site.run("maintenance on"), (0, "maintenance is on: clients get 503\n".to_owned(), String::new()));
    site.upgrade();
    program.end();
    assert_eq!(program.get("/").status, 503);
    site.run("maintenance off");
    assert_eq!(program.get("/").status, 200);
}

#[test]
fn during_a_pause_there_is_no_upgrade_that_would_end_it() {
    let site = Site::new();
    let program = site.start();
    program.until_ready(200);
    assert_eq!(site.run("pause").0, 0);
    let (code, _, error) = site.run("upgrade");
    assert_eq!(code, 1);
    assert!(error.contains("requests are held by `pause`, of which the new program would know nothing"), "{error}");
    assert!(site.run("resume").1.starts_with("resumed after "));
    site.upgrade();
}

#[test]
fn a_probe_on_a_connection_to_the_program_before_is_told_that_another_one_serves() {
    let site = Site::new();
    let mut program = site.start();
    let mut probe = Client::connect(&program.admin);
    assert_eq!(probe.get("/readyz").status, 200);
    let mut download = program.client();
    download.send("GET /bytes/30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    until("the answer has begun", || site.run("status").1.contains("one connection with a request").then_some(()));
    site.upgrade();
    let answer = probe.get("/readyz");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")), "{answer:?}");
    download.answer("GET");
    program.end();
}
