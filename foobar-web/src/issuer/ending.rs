use tokio::sync::watch;

/// Whether no further order is to be begun. The one that is under way is finished: an authority is not asked twice for it.
#[derive(Clone)]
pub(super) struct Ending(watch::Receiver<bool>);

impl Ending {
    /// With what tells of it.
    pub(super) fn new() -> (watch::Sender<bool>, Self) {
        let (tell, told) = watch::channel(false);
        (tell, Self(told))
    }

    pub(super) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when it has begun.
    pub(super) async fn begun(&self) {
        drop(self.0.clone().wait_for(|has_begun| *has_begun).await); // nobody is left who could tell: it has, too
    }
}
