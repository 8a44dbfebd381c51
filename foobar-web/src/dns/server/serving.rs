use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot::{Receiver, Sender, channel};
use tokio::task::AbortHandle;

use super::answers::Answers;
use super::door::{Door, Opened};
use super::listener::Listener;
use crate::Error;
use crate::dns::notify;

/// The thread that serves, what it serves at, and whom it tells of changes.
pub(super) struct Serving {
    runtime: Handle,
    until: Sender<()>,
    thread: JoinHandle<()>,
    doors: Vec<Door>,
    told: Vec<(SocketAddr, AbortHandle)>,
}

impl Serving {
    pub(super) fn start(listeners: Vec<Listener>, answers: &Arc<Answers>) -> Result<Self, Error> {
        let name = "foobar-dns".to_owned();
        let failed = |source| Error::Thread { name: name.clone(), source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let opened = listeners.into_iter().map(|listener| Opened::new(listener, &handle));
        let opened = opened.collect::<Result<_, _>>()?;
        let (until, end) = channel();
        let thread = Builder::new().name(name.clone()).spawn(move || run(&runtime, end)).map_err(failed)?;
        let mut serving = Self { runtime: handle, until, thread, doors: Vec::new(), told: Vec::new() };
        serving.open(opened, answers);
        serving.tell(answers);
        Ok(serving)
    }

    /// Takes the addresses of other settings that it does not have; those of dropped ones are free again.
    pub(super) fn bind(&self, listen: &[SocketAddr]) -> Result<Vec<Opened>, Error> {
        if self.has_ended() {
            return Err(Error::NotServing);
        }
        let mut missing = listen.to_vec();
        for door in &self.doors {
            remove(&mut missing, door.wanted);
        }
        let own = self.addresses();
        let open = |address| Opened::new(Listener::bind_beside(address, &own)?, &self.runtime);
        missing.into_iter().map(open).collect()
    }

    /// Serves at these addresses, of which some have been opened just now; the others are to be closed.
    pub(super) fn change(&mut self, listen: &[SocketAddr], opened: Vec<Opened>, answers: &Arc<Answers>) -> Vec<Door> {
        let mut wanted = listen.to_vec();
        let doors = std::mem::take(&mut self.doors).into_iter();
        let (kept, needless) = doors.partition(|door| remove(&mut wanted, door.wanted));
        self.doors = kept;
        self.open(opened, answers);
        self.tell(answers);
        needless
    }

    fn open(&mut self, opened: Vec<Opened>, answers: &Arc<Answers>) {
        let doors = opened.into_iter().map(|opened| opened.serve(answers, &self.runtime));
        self.doors.extend(doors);
    }

    fn tell(&mut self, answers: &Arc<Answers>) {
        let secondaries = answers.secondaries();
        self.told.retain(|(secondary, task)| {
            let stays = secondaries.contains(secondary);
            if !stays {
                task.abort();
            }
            stays
        });
        for secondary in secondaries.iter() {
            if !self.told.iter().any(|(told, _)| told == secondary) {
                let task = self.runtime.spawn(notify::run(Arc::clone(&answers.served), *secondary));
                self.told.push((*secondary, task.abort_handle()));
            }
        }
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.doors.iter().map(|door| door.address).collect()
    }

    /// By a panic.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    pub(super) fn end(self) {
        drop(self.until);
        drop(self.thread.join()); // a panic has been logged
    }
}

fn run(runtime: &Runtime, end: Receiver<()>) {
    drop(runtime.block_on(end)); // the other end is dropped
}

/// Whether the address was there.
fn remove(addresses: &mut Vec<SocketAddr>, address: SocketAddr) -> bool {
    let at = addresses.iter().position(|other| *other == address);
    at.map(|at| addresses.remove(at)).is_some()
}
