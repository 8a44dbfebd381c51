use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;

use foobar_core::BoxError;
use tokio::runtime::{Builder, Handle, Runtime};

/// The runtimes of a program that serves.
pub(super) struct Runtimes {
    /// On the main thread: signals, and the course of a start and a stop. Nobody else's code runs on it, but for what
    /// a tier says without waiting.
    control: Runtime,
    /// What tiers and the application spawn.
    tasks: Runtime,
}

impl Runtimes {
    pub(super) fn new() -> io::Result<Self> {
        // Two also on one core: a task that blocks leaves the others a thread.
        let threads = available_parallelism().map_or(1, NonZero::get).max(2);
        let tasks =
            Builder::new_multi_thread().worker_threads(threads).thread_name("foobar-tasks").enable_all().build()?;
        Ok(Self { control: control()?, tasks })
    }

    /// Does what needs a runtime, and does not wait.
    pub(super) fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        let _on = self.control.enter();
        work()
    }

    /// Runs `program` on this thread, which is given the runtime for tasks. What blocks there does not hold its end.
    pub(super) fn run<T>(self, program: impl AsyncFnOnce(Handle) -> T) -> T {
        let result = self.control.block_on(program(self.tasks.handle().clone()));
        self.tasks.shutdown_background();
        self.control.shutdown_background();
        result
    }
}

/// Runs a short command.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
    control()?.block_on(work)
}

fn control() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
