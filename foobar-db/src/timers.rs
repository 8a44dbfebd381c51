use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use foobar_core::BoxError;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::thread;

/// The timers of calls that are made where no runtime has any, such as on a plain thread: those of a runtime of our own,
/// on a thread that is started for the first such call.
#[derive(Default)]
pub(crate) struct Timers(Mutex<Option<Own>>);

struct Own {
    runtime: Handle,
    /// Dropped, it ends the thread.
    _running: oneshot::Sender<()>,
}

impl Timers {
    /// Runs `work` where it finds timers.
    pub(crate) async fn provide<F: Future>(&self, work: F) -> Result<F::Output, BoxError> {
        if Handle::try_current().is_ok() {
            return Ok(work.await);
        }
        let runtime = self.runtime()?;
        let mut work = pin!(work);
        Ok(poll_fn(|cx| {
            let _inside = runtime.enter();
            work.as_mut().poll(cx)
        })
        .await)
    }

    fn runtime(&self) -> io::Result<Handle> {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = &*own {
            return Ok(own.runtime.clone());
        }
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let handle = runtime.handle().clone();
        let (running, ended) = oneshot::channel::<()>();
        thread::spawn("foobar-db-time".to_owned(), move || {
            let _dropped = runtime.block_on(ended);
        })?;
        *own = Some(Own { runtime: handle.clone(), _running: running });
        Ok(handle)
    }
}
