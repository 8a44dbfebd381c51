use foobar_core::Chain;

use super::installed_log::InstalledLog;
use super::service_manager::{News, ServiceManager};
use crate::reload::{PrepareLog, Reloaded};
use crate::{Running, StartError};

/// Reloads the configuration of a server with that of its log, and says in the log what has come of it.
#[derive(Clone)]
pub(super) struct Reloads {
    log: Option<PrepareLog>,
    manager: ServiceManager,
}

impl Reloads {
    pub(super) fn new(log: &InstalledLog, manager: &ServiceManager) -> Self {
        Self { log: log.prepare(), manager: manager.clone() }
    }

    pub(super) async fn reload(&self, running: &Running) -> Result<Reloaded, StartError> {
        let is_told = !running.is_over(); // else the service is another program; of a refusal it waits for the end, too
        if is_told {
            self.manager.tell(News::Reloading);
        }
        let outcome = running.reload_with(self.log.clone()).await;
        if is_told {
            self.manager.tell(News::Reloaded);
        }
        match &outcome {
            Ok(Reloaded { changed, unchanged, warnings, listening, name_server }) => {
                unchanged.iter().chain(warnings).for_each(|sentence| tracing::warn!("{sentence}"));
                let changed = (!changed.is_empty()).then(|| changed.join(", "));
                tracing::info!(changed, "the configuration has been reloaded");
                listening.iter().for_each(|address| tracing::info!("listening on {address}"));
                name_server.iter().for_each(|address| tracing::info!("the zone is served on {address}"));
            }
            Err(error @ StartError::Reload(_)) => tracing::error!("{}", Chain(error)), // it says what stays
            Err(error) => tracing::error!("the configuration is not reloaded, the one before stays: {}", Chain(error)),
        }
        outcome
    }
}
