//! The program under trial, as a process of its own.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use foobar::BoxError;
use rustix::process::{Pid, Signal, kill_process};

use crate::http::Http;
use crate::patience::until;

/// Killed when it is dropped.
pub(crate) struct Site {
    child: Child,
    _stdout: Lines<BufReader<ChildStdout>>,
    log: Option<JoinHandle<Log>>,
    pub(crate) door: Door,
}

/// Where one process serves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Door {
    pub(crate) web: SocketAddr,
    pub(crate) admin: SocketAddr,
    process: u32,
}

/// The limits that the program is started with: `database.acquire_timeout` and so on.
#[derive(Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) acquire: Duration,
    pub(crate) query: Duration,
    pub(crate) lock: Duration,
    pub(crate) connect: Duration,
}

/// `database.connections`.
pub(crate) const CONNECTIONS: usize = 4;

/// What the program wrote to standard error.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) lines: usize,
    /// Lines that tell of a request that was answered with an error.
    pub(crate) failed_requests: usize,
    pub(crate) panics: Vec<String>,
    end: VecDeque<String>,
}

impl Site {
    /// Starts it on the database `url` and waits until it is ready.
    pub(crate) fn start(folder: &Path, url: &str, timeouts: &Timeouts) -> Result<Self, BoxError> {
        let mut command = Command::new(program()?);
        command.current_dir(folder).env_remove("RUST_BACKTRACE").env("FOOBAR__DATABASE__URL", url);
        command.envs(SETTINGS.iter().copied()).envs(timeouts.settings());
        command.env("FOOBAR__DATABASE__CONNECTIONS", CONNECTIONS.to_string());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().map(BufReader::new).expect("it is piped");
        let stderr = child.stderr.take().map(BufReader::new).expect("it is piped");
        let log = thread::spawn(|| Log::read(stderr));
        let mut stdout = stdout.lines();
        match Door::read(&mut stdout, child.id())? {
            Some(door) => {
                let site = Self { child, _stdout: stdout, log: Some(log), door };
                until("a new program is ready", || Ok(door.is_ready())).map(|_| site)
            }
            None => {
                let status = child.wait()?;
                let log = log.join().expect("nothing panics there");
                Err(format!("the program did not start ({status}): {}", log.end()).into())
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), BoxError> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Result<(ExitStatus, Log), BoxError> {
        let mut ended = None;
        until("the program ends", || {
            ended = self.child.try_wait()?;
            Ok(ended.is_some())
        })?;
        let log = self.log.take().expect("nobody else takes it").join().expect("nothing panics there");
        Ok((ended.expect("it has ended"), log))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
    }
}

fn program() -> Result<PathBuf, BoxError> {
    let program = std::env::current_exe()?.with_file_name("proving");
    if program.exists() {
        return Ok(program);
    }
    Err(format!("{} is not built; run `cargo build --examples`", program.display()).into())
}

const SETTINGS: &[(&str, &str)] = &[
    ("FOOBAR__WEB__LISTEN", "127.0.0.1:0"),
    ("FOOBAR__ADMIN__LISTEN", "127.0.0.1:0"),
    ("FOOBAR__WEB__WORKERS", "2"),
    ("FOOBAR__WEB__ACCESS_LOG", "off"),
    ("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", "5s"),
];

impl Timeouts {
    fn settings(&self) -> [(&'static str, String); 4] {
        [
            ("FOOBAR__DATABASE__ACQUIRE_TIMEOUT", self.acquire),
            ("FOOBAR__DATABASE__QUERY_TIMEOUT", self.query),
            ("FOOBAR__DATABASE__LOCK_TIMEOUT", self.lock),
            ("FOOBAR__DATABASE__CONNECT_TIMEOUT", self.connect),
        ]
        .map(|(key, timeout)| (key, format!("{}ms", timeout.as_millis())))
    }
}

impl Door {
    /// What the program says when it has started; `None` where it ends before.
    fn read(lines: &mut Lines<BufReader<ChildStdout>>, process: u32) -> Result<Option<Self>, BoxError> {
        let (mut web, mut admin) = (None, None);
        for line in lines {
            let line = line?;
            let address = line.split("http://").nth(1).and_then(|rest| rest.split([' ', '/']).next());
            match (line.split("  ").next(), address) {
                (Some("listening on"), Some(address)) => web = Some(address.parse()?),
                (Some("admin"), Some(address)) => admin = Some(address.parse()?),
                (Some("configuration"), _) => break,
                _ => {}
            }
        }
        Ok(web.zip(admin).map(|(web, admin)| Self { web, admin, process }))
    }

    fn is_ready(self) -> bool {
        Http::to(self.admin).ask("GET", "/readyz").is_ok_and(|answer| answer.status == 200)
    }
}

/// How many lines are kept for a report.
const KEPT: usize = 10;

impl Log {
    fn read(lines: BufReader<ChildStderr>) -> Self {
        let mut log = Self::default();
        for line in lines.lines().map_while(Result::ok) {
            log.add(line);
        }
        log
    }

    fn add(&mut self, line: String) {
        self.lines += 1;
        self.failed_requests += usize::from(line.contains("a request failed"));
        if line.contains("panicked") {
            self.panics.push(line.clone());
        }
        self.end.push_back(line);
        if self.end.len() > KEPT {
            self.end.pop_front();
        }
    }

    /// Its last lines.
    pub(crate) fn end(&self) -> String {
        self.end.iter().map(String::as_str).collect::<Vec<_>>().join(" | ")
    }
}
