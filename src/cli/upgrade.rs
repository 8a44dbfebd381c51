//! A new program in the place of this one, which serves until the new one does: its listening sockets are passed on, so there is
//! one queue of connections all the time.
//!
//! The old program starts the new one with the sockets and a [letter](letter). The new one loads its configuration, starts its
//! tiers and accepts nothing; it says `ready`, is told `go`, accepts and says `serving`. Only then the old one accepts no more and
//! drains. Until then the new one has answered nobody, so that it can be ended at any time and nothing is lost.

mod descriptors;
mod error;
mod letter;
mod sockets;
mod successor;
mod takeover;
mod words;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use foobar_core::Chain;
use foobar_web::PassedSocket;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use super::control_socket::ControlSocket;
use super::output::Exit;
use crate::Running;
use crate::config_file::ConfigFile;
use crate::dns::NameServer;
use error::UpgradeError;
use letter::Letter;
use successor::{Ending, Inheritance, Program, Successor, TURN_TIME};

pub(super) use takeover::{Given, Takeover};

/// Has a new program take the place of this one. One upgrade goes on at a time.
#[derive(Clone)]
pub(super) struct Upgrades(Arc<State>);

struct State {
    program: Option<Program>,
    /// `control.upgrade_timeout`.
    timeout: Duration,
    names: Option<Arc<dyn NameServer>>,
    /// As long as orders are heard.
    control: Weak<ControlSocket>,
    one: tokio::sync::Mutex<()>,
    /// Of the new program that is not told to serve yet.
    ending: Mutex<Option<Ending>>,
    over: Notify,
}

impl Upgrades {
    /// By the program that this process was started with, which may be another one by then.
    pub(super) fn new(
        timeout: Duration,
        names: Option<Arc<dyn NameServer>>,
        control: Option<&Arc<ControlSocket>>,
    ) -> Self {
        let control = control.map_or_else(Weak::new, Arc::downgrade);
        let (one, ending, over) = (tokio::sync::Mutex::default(), Mutex::default(), Notify::new());
        Self(Arc::new(State { program: own_program(), timeout, names, control, one, ending, over }))
    }

    /// Completes when a new program serves.
    pub(super) async fn over(&self) {
        self.0.over.notified().await;
    }

    /// Ends the program that is to take the place of this one. One that has been told to serve is not ended any more: completes
    /// when it is known whether it does. From a [stop](Running::begin_stop) on there is no other one.
    pub(super) async fn end(&self) {
        if !self.end_now() {
            tracing::info!("a new program has been told to serve: what comes of that is waited for");
            drop(self.0.one.lock().await);
        }
    }

    /// The same at once; `false` where it has been told to serve.
    fn end_now(&self) -> bool {
        let ending = self.ending().take();
        ending.is_none_or(|ending| ending.end())
    }

    fn ending(&self) -> MutexGuard<'_, Option<Ending>> {
        self.0.ending.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }

    /// What comes of it, also in the log.
    pub(super) async fn upgrade(&self, running: &Arc<Running>) -> (Exit, String) {
        match self.replace(running).await {
            Ok(process) => {
                tracing::info!(process, "a new program serves; this one finishes what it has");
                let this = std::process::id();
                let told = format!("process {process} serves; process {this} finishes what it has, and ends");
                self.0.over.notify_one();
                (Exit::Success, told)
            }
            Err(error) => {
                let told = format!("no upgrade, the program before goes on: {}", Chain(&error));
                tracing::error!("{told}");
                (Exit::Failure, told)
            }
        }
    }

    /// Gives the number of the new process.
    async fn replace(&self, running: &Arc<Running>) -> Result<u32, UpgradeError> {
        let _one = self.0.one.try_lock().map_err(|_| UpgradeError::UnderWay)?;
        let _none_after_it = Ended(self);
        let program = self.program()?;
        let no_reload = running.begin_upgrade().await.ok_or(UpgradeError::Stopping)?;
        if running.is_paused() {
            return Err(UpgradeError::Paused);
        }
        tracing::info!("an upgrade begins: {} is started", program.path.display());
        let inheritance = self.inheritance(running, no_reload.config_file()).map_err(UpgradeError::Sockets)?;
        let mut successor = apart(move || Successor::start(&program, inheritance)).await?;
        *self.ending() = Some(successor.ending());
        running.set_successor(successor.process);
        if running.is_stopping() {
            self.end_now();
        }
        let timeout = self.0.timeout;
        let (mut successor, serving) = apart(move || {
            successor.until_ready(timeout)?;
            let serving = successor.serve(TURN_TIME)?;
            Ok((successor, serving))
        })
        .await?;
        successor.check()?; // what is closed for it stays closed
        if !serving.without.is_empty() {
            running.close(&serving.without).await;
        }
        successor.check()?;
        if let Some(control) = self.0.control.upgrade()
            && serving.hears_orders
        {
            control.keep_file(true);
        }
        running.hand_over();
        let process = successor.process;
        let running = Arc::clone(running);
        spawn_blocking(move || tell(&running, successor.into_channel()));
        Ok(process)
    }

    fn program(&self) -> Result<Program, UpgradeError> {
        if std::process::id() == 1 {
            return Err(UpgradeError::FirstProcess);
        }
        if self.0.names.as_ref().is_some_and(|names| !names.addresses().is_empty()) {
            return Err(UpgradeError::NameServer);
        }
        self.0.program.clone().ok_or(UpgradeError::NoProgram)
    }

    fn inheritance(&self, running: &Running, config_file: ConfigFile) -> io::Result<Inheritance> {
        let (web, admin) = running.pass_on()?;
        let control = self.0.control.upgrade().map(|control| control.pass_on()).transpose()?;
        let of_control = control.as_ref().map(|(socket, identity)| (socket.as_raw_fd(), *identity));
        let numbers = |sockets: &[PassedSocket]| {
            sockets.iter().map(|one| (one.socket.as_raw_fd(), one.owns_file)).collect::<Vec<_>>()
        };
        let letter = Letter {
            from: std::process::id(),
            generation: running.generation() + 1,
            is_drained: running.is_drained(),
            is_in_maintenance: running.is_in_maintenance(),
            config_file,
            control: of_control,
            web: numbers(&web),
            admin: numbers(&admin),
            ..Letter::default()
        };
        let descriptors: Vec<OwnedFd> = web.into_iter().chain(admin).map(|one| one.socket).collect();
        let control = control.map(|(socket, _)| socket);
        Ok(Inheritance { letter, descriptors: descriptors.into_iter().chain(control).collect() })
    }
}

/// With it an upgrade is at its end, and there is no program to be ended.
struct Ended<'a>(&'a Upgrades);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        *self.0.ending() = None;
    }
}

/// On a thread that may block.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UpgradeError> + Send + 'static,
) -> Result<T, UpgradeError> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(UpgradeError::Sockets(io::Error::other(error))))
}

/// Tells the new program what this one still does, to its end, by which the channel is closed.
fn tell(running: &Running, mut channel: UnixStream) {
    loop {
        let left = running.unfinished().unwrap_or_else(|| "connections that end".to_owned());
        if channel.write_all(format!("{left}\n").as_bytes()).is_err() {
            return; // it has ended
        }
        std::thread::park_timeout(TELLING);
    }
}

/// How often a new program is told what the one before still does.
const TELLING: Duration = Duration::from_millis(500);

/// The program as it was named at the start: where its file is replaced, or a link on its way, it is the new one. A name that leads
/// to another program is only a name: then it is the file of this one.
fn own_program() -> Option<Program> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.is_empty() {
        return None;
    }
    let named = PathBuf::from(arguments.remove(0));
    let own = std::env::current_exe().ok()?; // without `/proc` nobody knows
    let is_own = |path: &PathBuf| fs::canonicalize(path).is_ok_and(|leads_to| leads_to == own);
    Some(Program { path: find(&named).filter(is_own).unwrap_or(own), arguments })
}

fn find(named: &Path) -> Option<PathBuf> {
    if named.components().count() > 1 {
        return std::path::absolute(named).ok(); // it has no working folder
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(named)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    const BY_ANYBODY: u32 = 0o111;
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.mode() & BY_ANYBODY != 0)
}
