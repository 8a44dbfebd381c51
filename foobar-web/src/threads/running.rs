use std::sync::Arc;

use tokio::sync::watch;

/// Counts a thread for as long as it lives, however it ends.
pub(super) struct Running(Count);

pub(super) type Count = Arc<watch::Sender<usize>>;

impl Running {
    pub(super) fn new(running: Count) -> Self {
        running.send_modify(|running| *running += 1);
        Self(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}
