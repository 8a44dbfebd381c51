use std::sync::Arc;

use foobar_core::BoxError;

use super::listeners::NewListeners;
use super::{Web, issue};
use crate::Error;
use crate::plan::Plan;

/// What takes the place of the plan that a tier serves by.
pub(super) struct Replacement<'a> {
    pub(super) web: &'a Web,
    pub(super) before: Arc<Plan>,
    pub(super) plan: Plan,
    pub(super) listeners: NewListeners,
}

impl Replacement<'_> {
    /// First all that may fail; then the workers are told, and at last what only they have used is closed.
    pub(super) async fn apply(self) -> Result<(), BoxError> {
        let Self { web, before, plan, listeners } = self;
        let workers = web.crew.workers();
        if workers == 0 || !web.crew.readiness().is_ready() {
            return Err(Error::NotServing.into());
        }
        listeners.listen()?;
        let renewing = issue(&plan)?;
        let shares = web.listeners().share_new(&listeners, workers)?;
        web.crew.reload(&before, &plan, shares).await?;
        web.listeners().replace(listeners);
        web.set_plan(plan.into());
        *web.renewing() = renewing;
        Ok(())
    }
}
