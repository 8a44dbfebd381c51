use foobar_core::{BoxError, MakeHandler, Tier};

use crate::AppRoute;

/// The application as the server sees it: a tier that makes one handler for each worker thread of the web tier.
///
/// Implemented by [`Runtime`](crate::Runtime) and [`TowerApp`](crate::TowerApp). Implement it for a type of your own to
/// put something else in their place; what they add around every application is then yours to add.
pub trait AppTier: Tier + MakeHandler {
    /// Its routes in the order of their paths; `None` where it cannot tell, which is the default. May block.
    fn routes(&self) -> Result<Option<Vec<AppRoute>>, BoxError> {
        Ok(None)
    }
}
