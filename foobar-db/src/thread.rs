use std::io;
use std::thread::{Builder, JoinHandle};

use tokio::sync::oneshot;

/// Starts a thread with a name.
pub(crate) fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let failed = |error: io::Error| io::Error::new(error.kind(), format!("no thread can be started: {error}"));
    Builder::new().name(name).spawn(work).map_err(failed)
}

/// Runs blocking `work` on a thread of its own. Not on the runtime's: its shutdown would wait for what never ends.
pub(crate) async fn run<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (reply, answer) = oneshot::channel();
    spawn(name.to_owned(), move || {
        let _caller_has_gone = reply.send(work());
    })?;
    answer.await.map_err(|_dropped| io::Error::other(format!("the thread {name} panicked")))
}
