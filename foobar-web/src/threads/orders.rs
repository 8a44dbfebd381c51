use std::sync::mpsc::SyncSender;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::access_log::Lines;
use crate::net::{Acceptor, Turn};
use crate::plan::Plan;

/// What a worker is told while it serves.
pub(crate) struct Orders {
    drain: watch::Receiver<Option<Instant>>,
    turn: watch::Receiver<Turn>,
    reloads: mpsc::UnboundedReceiver<Reload>,
}

pub(crate) enum Order {
    /// To go by another configuration.
    Reload(Box<Reload>),
    /// To look again whose turn it is.
    Turn,
    /// To finish what it has by then.
    Drain(Instant),
}

/// Another configuration for one worker.
pub(crate) struct Reload {
    pub(super) plan: Plan,
    pub(super) lines: Option<SyncSender<Lines>>,
    /// All that it listens on from now on.
    pub(super) acceptors: Vec<Acceptor>,
    /// Told once it goes by it.
    pub(super) done: oneshot::Sender<()>,
}

impl Orders {
    pub(super) const fn new(
        drain: watch::Receiver<Option<Instant>>,
        turn: watch::Receiver<Turn>,
        reloads: mpsc::UnboundedReceiver<Reload>,
    ) -> Self {
        Self { drain, turn, reloads }
    }

    /// Whose turn it is on the sockets.
    pub(crate) fn turn(&self) -> Turn {
        *self.turn.borrow()
    }

    /// The next one. Nothing follows a drain.
    pub(crate) async fn next(&mut self) -> Order {
        let Self { drain, turn, reloads } = self;
        tokio::select! {
            biased;
            deadline = drain.wait_for(Option::is_some) => {
                let deadline = deadline.ok().and_then(|deadline| *deadline); // the tier is gone: at once
                Order::Drain(deadline.unwrap_or_else(Instant::now))
            }
            Ok(()) = turn.changed() => Order::Turn,
            Some(reload) = reloads.recv() => Order::Reload(Box::new(reload)),
        }
    }
}
