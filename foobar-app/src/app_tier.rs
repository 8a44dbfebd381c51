use foobar_core::{MakeHandler, Tier};

/// The application as the server sees it: a tier that makes one handler for each worker thread of the web tier.
///
/// Implemented by [`Runtime`](crate::Runtime) and [`TowerApp`](crate::TowerApp). Implement it for a type of your own to
/// put something else in their place; what they add around every application is then yours to add.
pub trait AppTier: Tier + MakeHandler {}
