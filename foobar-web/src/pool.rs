//! Threads for what blocks, apart from everybody else's: an application's blocking calls cannot fill them. It is the
//! blocking pool of a tokio runtime that runs nothing else.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Threads of a tier's own for what blocks: the file-reading pool, so that nobody else's blocking calls hold files up, and
/// the encoders'. A thread is started when it is needed and ends when it was idle for 10 s.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Arc<Threads>);

struct Threads(Option<Runtime>);

impl Pool {
    /// Of at most this many threads of this name, which are not 0.
    pub(crate) fn new(name: &str, threads: usize) -> io::Result<Self> {
        let mut builder = Builder::new_current_thread(); // of which only the blocking threads are used
        let runtime = builder.max_blocking_threads(threads).thread_name(name).build()?;
        Ok(Self(Arc::new(Threads(Some(runtime)))))
    }

    /// Begins `job` when a thread is free, whether or not the handle is kept.
    pub(crate) fn spawn<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        self.0.0.as_ref().expect("it is there until it is dropped").spawn_blocking(job)
    }

    /// What `job` gives. An error if it panicked.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        Ok(self.spawn(job).await?)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Waiting for the threads is not for a worker, which may be who drops this.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Threads")
    }
}
