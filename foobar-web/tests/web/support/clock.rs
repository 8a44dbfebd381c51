//! The time of a server, which a test lets pass: nothing depends on how fast the machine is.

use std::io;
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foobar_core::{BoxError, BoxFuture, Handler, LocalBoxFuture, MakeHandler};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::Instant;

use super::PATIENCE;

/// The clock of a server's workers. It stands still until it is told otherwise.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<Vec<UnboundedSender<Order>>>>);

/// What becomes of a worker's time, and who is to know when it has.
struct Order(Time, Sender<()>);

#[derive(Clone, Copy)]
enum Time {
    /// So much passes.
    Passes(Duration),
    /// It runs as everybody's, from now on.
    Runs,
}

impl Clock {
    /// The same application, whose workers live by this clock.
    pub(crate) fn rule(&self, app: Arc<dyn MakeHandler>) -> Arc<dyn MakeHandler> {
        Arc::new(Ruled { app, clock: self.clone() })
    }

    /// Lets so much time pass, after the server has done what there was to do; returns when it has done what was due.
    pub(crate) fn pass(&self, time: Duration) {
        self.order(Time::Passes(time));
    }

    /// From now on time passes by itself.
    pub(crate) fn run(&self) {
        self.order(Time::Runs);
    }

    fn order(&self, time: Time) {
        let (done, is_done) = channel();
        for worker in self.0.lock().expect("nobody panics with it").iter() {
            _ = worker.send(Order(time, done.clone())); // it may have ended
        }
        drop(done);
        let ended = loop {
            if let Err(ended) = is_done.recv_timeout(PATIENCE) {
                break ended;
            }
        };
        assert_eq!(ended, RecvTimeoutError::Disconnected, "a worker does not obey its clock");
    }
}

/// An application whose workers live by a clock.
struct Ruled {
    app: Arc<dyn MakeHandler>,
    clock: Clock,
}

impl MakeHandler for Ruled {
    fn make(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Handler>, BoxError>> {
        self.app.make()
    }

    fn allows_certificate<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, BoxError>> {
        self.app.allows_certificate(name)
    }

    fn block_on(&self, worker: LocalBoxFuture<'static, ()>) -> io::Result<()> {
        let (orders, ordered) = unbounded_channel();
        self.clock.0.lock().expect("nobody panics with it").push(orders);
        self.app.block_on(Box::pin(live(worker, ordered)))
    }
}

async fn live(worker: LocalBoxFuture<'static, ()>, orders: UnboundedReceiver<Order>) {
    tokio::time::pause();
    let (end, ended) = channel::<()>();
    spawn_blocking(move || ended.recv()); // while a call blocks, the runtime does not make time pass by itself
    tokio::select! { () = worker => {}, () = obey(orders) => {} }
    drop(end);
}

async fn obey(mut orders: UnboundedReceiver<Order>) {
    let mut stands = true;
    while let Some(Order(time, done)) = orders.recv().await {
        settle().await;
        match time {
            Time::Passes(time) => tokio::time::advance(time).await,
            Time::Runs if stands => {
                let late = std::time::Instant::now().saturating_duration_since(Instant::now().into_std());
                tokio::time::advance(late).await;
                tokio::time::resume();
                stands = false;
            }
            Time::Runs => {}
        }
        settle().await;
        _ = done.send(()); // nobody waits for one that panicked
    }
}

/// Lets the worker do what there is to do: after each of these turns the runtime looks what has come on its sockets.
async fn settle() {
    for _ in 0..TURNS {
        yield_now().await;
    }
}

/// More than any step of a test takes.
const TURNS: usize = 100;
