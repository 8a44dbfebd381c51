//! The control socket: orders to a server that runs, from the same user on the same machine. A command connects, writes its
//! order in a line, and reads the answer to its end: a line with its exit code, then what is told.

mod client;

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use foobar_core::Chain;
use foobar_core::config::Config;
use rustix::process::geteuid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::control_socket::{ControlSocket, FileIdentity};
use super::output::Exit;
use super::reloads::Reloads;
use super::upgrade::Upgrades;
use crate::settings::ControlSettings;
use crate::{HoldError, Running, StartError};

pub(super) use client::send;

/// What a server can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Reload,
    Status,
    Pause,
    Resume,
    /// On or off.
    Maintenance(bool),
    Drain,
    Undrain,
    Upgrade,
}

impl Order {
    pub(super) const ALL: [Self; 9] = [
        Self::Reload,
        Self::Status,
        Self::Pause,
        Self::Resume,
        Self::Maintenance(true),
        Self::Maintenance(false),
        Self::Drain,
        Self::Undrain,
        Self::Upgrade,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Status => "status",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Maintenance(true) => "maintenance on",
            Self::Maintenance(false) => "maintenance off",
            Self::Drain => "drain",
            Self::Undrain => "undrain",
            Self::Upgrade => "upgrade",
        }
    }

    pub(super) const fn about(self) -> &'static str {
        match self {
            Self::Reload => "Has the server that runs take the configuration as it is now",
            Self::Status => "Says how the server that runs is",
            Self::Pause => "Holds requests for the application, and waits until it has none",
            Self::Resume => "Lets them go on",
            Self::Maintenance(true) => "Answers 503 with the page for maintenance",
            Self::Maintenance(false) => "Serves again",
            Self::Drain => {
                "Takes the server out of a balancer's rotation: `/readyz` says 503, and all is served as before"
            }
            Self::Undrain => "Takes it back into the rotation",
            Self::Upgrade => "Has the program that is now in its place serve instead of the one that runs",
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.name() == name)
    }
}

/// Where a server hears orders; `None` where nobody is to give any.
pub(super) struct Control(Arc<ControlSocket>);

/// How long an order may take to come.
const ORDER_TIME: Duration = Duration::from_secs(5);
/// How long one may be.
const LONGEST_ORDER: u64 = 100;
/// The pause after a connection could not be accepted.
const BACK_OFF: Duration = Duration::from_millis(100);

impl Control {
    /// Makes the socket of the settings, if they name one. Where its file is that of the socket `given`, that is the one.
    pub(super) fn open(
        config: &Config,
        settings: &ControlSettings,
        given: Option<(OwnedFd, FileIdentity)>,
    ) -> Result<Option<Self>, StartError> {
        let Some(path) = path(settings) else { return Ok(None) };
        let socket = ControlSocket::open(path, given);
        let socket = socket.map_err(|error| StartError::setting(config, "control.socket", error))?;
        Ok(Some(Self(Arc::new(socket))))
    }

    /// Where it is heard.
    pub(super) const fn socket(&self) -> &Arc<ControlSocket> {
        &self.0
    }

    /// Carries out what it is told, for as long as it is polled.
    pub(super) async fn serve(&self, running: &Arc<Running>, reloads: &Reloads, upgrades: &Upgrades) {
        loop {
            match self.0.accept().await {
                Ok(stream) => {
                    let (running, reloads, upgrades) = (Arc::clone(running), reloads.clone(), upgrades.clone());
                    tokio::spawn(async move {
                        if let Err(error) = converse(stream, &running, &reloads, &upgrades).await {
                            tracing::warn!(%error, "an order on the control socket was not carried out or answered");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket accepts nothing; trying again");
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }
}

/// Whether the socket of the settings could be made, and what may surprise; nothing is made.
pub(super) fn check(config: &Config, settings: &ControlSettings) -> Result<Option<String>, StartError> {
    let Some(path) = path(settings) else { return Ok(None) };
    ControlSocket::check(&path).map_err(|error| StartError::setting(config, "control.socket", error))
}

/// The path of the socket, if there is one.
pub(super) fn path(settings: &ControlSettings) -> Option<PathBuf> {
    (settings.socket != "off").then(|| PathBuf::from(&settings.socket))
}

async fn converse(
    mut stream: UnixStream,
    running: &Arc<Running>,
    reloads: &Reloads,
    upgrades: &Upgrades,
) -> io::Result<()> {
    let user = stream.peer_cred()?.uid();
    if user != 0 && user != geteuid().as_raw() {
        return Err(io::Error::other(format!("it came from the user {user}")));
    }
    let (read, mut write) = stream.split();
    let mut line = String::new();
    if timeout(ORDER_TIME, BufReader::new(read.take(LONGEST_ORDER)).read_line(&mut line)).await?? == 0 {
        return Ok(()); // another start has looked whether somebody is here
    }
    let (exit, told) = match Order::of(line.trim_end()) {
        Some(order) if order != Order::Status && running.is_stopping() => {
            (Exit::Failure, "nothing has changed: the server is stopping".to_owned())
        }
        Some(Order::Upgrade) => upgrades.upgrade(running).await,
        Some(order) => carry_out(order, running, reloads).await,
        None => (Exit::Usage, format!("{:?} is no order here; this is {}", line.trim_end(), env!("CARGO_PKG_VERSION"))),
    };
    write.write_all(format!("{}\n{told}\n", exit as u8).as_bytes()).await
}

async fn carry_out(order: Order, running: &Running, reloads: &Reloads) -> (Exit, String) {
    let was = |changed: bool, done: &str| {
        if changed { done.to_owned() } else { format!("nothing has changed; as before, {done}") }
    };
    let held = |outcome: Result<(Exit, String), HoldError>| {
        outcome.unwrap_or_else(|error| (Exit::Failure, format!("nothing has changed: {error}")))
    };
    match order {
        Order::Reload => match reloads.reload(running).await {
            Ok(reloaded) => (Exit::Success, reloaded.to_string()),
            Err(error @ StartError::Reload(_)) => (Exit::of(&error), Chain(&error).to_string()), // it says what has changed
            Err(error) => (Exit::of(&error), format!("nothing has changed: {}", Chain(&error))),
        },
        Order::Status => (Exit::Success, running.status().to_string()),
        Order::Pause => held(running.pause().await.map(|paused| {
            let exit = if paused.is_quiet() { Exit::Success } else { Exit::Failure };
            (exit, paused.to_string())
        })),
        Order::Resume => {
            let resumed = running.resume();
            let exit = if resumed.pause.is_some() { Exit::Success } else { Exit::Failure }; // it may have ended by itself
            (exit, resumed.to_string())
        }
        Order::Maintenance(on) => held(running.set_maintenance(on).map(|changed| {
            let done = if on { "maintenance is on: clients get 503" } else { "maintenance is off" };
            (Exit::Success, was(changed, done))
        })),
        Order::Drain => held(running.order_drained(true).map(|changed| {
            let done = "it is out of the rotation: `/readyz` says 503";
            (Exit::Success, was(changed, done))
        })),
        Order::Undrain => {
            held(running.order_drained(false).map(|changed| (Exit::Success, was(changed, "it is in the rotation"))))
        }
        Order::Upgrade => (Exit::Failure, String::new()), // it goes on where the answer does not
    }
}
