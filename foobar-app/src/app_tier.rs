use std::future::ready;

use foobar_core::{BoxError, BoxFuture, MakeHandler, Tier};

use crate::{AppRoute, AppSettings, Context};

/// The application as the server sees it: a tier that makes one handler for each worker thread of the web tier.
///
/// Implemented by [`Runtime`](crate::Runtime) and [`TowerApp`](crate::TowerApp). Implement it for a type of your own to
/// put something else in their place; what they add around every application is then yours to add.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an application tier",
    label = "not an `AppTier`",
    note = "an application goes to `Server::app`, and a `tower::Service` such as an axum router to `Server::service`",
    note = "to take the place of both, implement `foobar::tiers::Tier`, `MakeHandler` and `AppTier`"
)]
pub trait AppTier: Tier + MakeHandler {
    /// Its routes in the order of their paths; `None` where it cannot tell, which is the default. May block.
    fn routes(&self) -> Result<Option<Vec<AppRoute>>, BoxError> {
        Ok(None)
    }

    /// Takes other settings, and a context with those of the program: handlers go by them once they are
    /// [renewed](foobar_core::Handler::renewed). By default nothing changes.
    fn configure(&self, context: &Context, settings: &AppSettings) -> Configured {
        let _unused = (context, settings);
        Configured::Nothing
    }

    /// The server has taken the settings of [`configure`](Self::configure), and says so on a thread that may block. By
    /// default nothing comes of it.
    fn reloaded(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(ready(Ok(())))
    }
}

/// What of the settings an application has taken while it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configured {
    /// All of them.
    All,
    /// Those of `[app]`. The application keeps the context, with the settings of the program, that it was made with.
    WithoutContext,
    /// None.
    Nothing,
}
