//! A server that may open few files, and one whose log is moved away.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::support::{Client, Program, until};

/// The server with `limit` descriptors, which cannot be raised.
fn limited(limit: usize, folder: &Path) -> Program {
    fs::write(folder.join("a.txt"), "hello").unwrap();
    let foobar = Program::foobar(folder);
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {limit} && exec \"$0\" \"$@\"")).arg(foobar.get_program());
    command.current_dir(folder).env("FOOBAR__SITES__A__ROOT", folder).env("FOOBAR__WEB__CLIENT_HEADER_TIMEOUT", "1h");
    for (name, value) in foobar.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    Program::start(&mut command)
}

/// What the process has used of a processor so far.
fn processor_time(program: &Program) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[test]
fn when_descriptors_run_short_idle_connections_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let program = limited(64, folder.path());
    let mut idle = Vec::new();
    for _ in 0..300 {
        let mut client = program.client();
        assert_eq!(client.get("/a.txt").status, 200);
        idle.push(client);
    }
    assert_eq!(program.get("/a.txt").text(), "hello");
}

#[test]
fn when_descriptors_run_out_the_server_waits_without_spinning_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let program = limited(64, folder.path());
    assert_eq!(program.get("/a.txt").status, 200);
    let half = || {
        let mut client = program.client();
        client.send("GET /a.txt HT");
        client
    };
    let busy: Vec<Client> = (0..100).map(|_| half()).collect();
    let (begun, before) = (Instant::now(), processor_time(&program));
    std::thread::sleep(Duration::from_secs(1)); // time is what is tested
    let used = processor_time(&program) - before;
    assert!(used < begun.elapsed() * 3 / 10, "{used:?} in {:?}", begun.elapsed());
    drop(busy);
    assert_eq!(program.get("/a.txt").text(), "hello");
}

#[test]
fn after_a_moment_without_descriptors_connections_are_kept_again() {
    let folder = tempfile::tempdir().unwrap();
    let program = limited(64, folder.path());
    let open = || fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap().count();
    assert_eq!(program.get("/a.txt").status, 200);
    let mut others = Vec::new();
    while open() < 58 {
        let mut other = Client::connect(&program.admin);
        assert_eq!(other.get("/livez").status, 200);
        other.send("GET /livez HT");
        others.push(other);
    }
    for _ in 0..20 {
        assert_eq!(program.get("/a.txt").status, 200);
    }
    drop(others);
    until("there is room again", || (open() < 40).then_some(()));
    let mut clients: Vec<Client> = (0..12).map(|_| program.client()).collect();
    for _ in 0..2 {
        for client in &mut clients {
            assert_eq!(client.get("/a.txt").text(), "hello");
        }
    }
}

/// Lets a program that runs open no descriptor of this number or a higher one.
fn limit_of_descriptors(program: &Program, limit: u64) {
    let id = Pid::from_raw(program.id().cast_signed());
    let maximum = getrlimit(Resource::Nofile).maximum; // it is that of this program, too
    prlimit(id, Resource::Nofile, Rlimit { current: Some(limit), maximum }).unwrap();
}

#[test]
fn a_reload_that_runs_out_of_descriptors_is_taken_by_no_worker() {
    const WORKERS: usize = 16;
    let folder = tempfile::tempdir().unwrap();
    let configure = |body: &str| {
        let page = format!("[sites.main.routes.'/page']\nrespond = 200\nbody = '{body}'\n");
        fs::write(folder.path().join("foobar.toml"), page).unwrap();
    };
    configure("before");
    let mut program = Program::start(Program::foobar(folder.path()).env("FOOBAR__WEB__WORKERS", WORKERS.to_string()));
    let bodies = |program: &Program| -> Vec<String> {
        (0..2 * WORKERS).map(|_| program.get("/page").text().to_owned()).collect()
    };
    let open = fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap().count() as u64;
    configure("after");
    limit_of_descriptors(&program, open + WORKERS as u64 / 2);
    program.signal("HUP");
    let told = program.until_logged("reloaded");
    assert!(told.contains("Too many open files"), "{told}");
    assert_eq!(bodies(&program), vec!["before"; 2 * WORKERS]);
    limit_of_descriptors(&program, 1024);
    program.signal("HUP");
    let told = program.until_logged("reloaded");
    assert!(told.contains("the configuration has been reloaded"), "{told}");
    assert_eq!(bodies(&program), vec!["after"; 2 * WORKERS]);
}

#[test]
fn sigusr1_opens_the_access_log_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (log, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    fs::write(folder.path().join("a.txt"), "hello").unwrap();
    let mut command = Program::foobar(folder.path());
    command.env("FOOBAR__SITES__A__ROOT", folder.path()).env("FOOBAR__WEB__ACCESS_LOG", &log);
    let program = Program::start(&mut command);
    program.get("/a.txt?before");
    until("the first line is written", || fs::read_to_string(&log).unwrap().contains("before").then_some(()));
    fs::rename(&log, &moved).unwrap();
    program.signal("USR1");
    until("there is a new log", || log.exists().then_some(()));
    program.get("/a.txt?after");
    until("the second line is written", || fs::read_to_string(&log).unwrap().contains("after").then_some(()));
    assert!(!fs::read_to_string(&moved).unwrap().contains("after"));
}
