use std::net::SocketAddr;

use super::{Current, Reloader, Stays};
use crate::StartError;
use crate::dns::{self, TakeZone};

impl Reloader {
    /// The zone of other settings; `None` where there is no name server.
    pub(super) fn prepare_names(&self, next: &Current, stays: &mut Stays<'_>) -> Result<Option<TakeZone>, StartError> {
        if let Some(names) = &self.names {
            return names.clone().prepare(&next.config, &next.settings).map(Some);
        }
        if dns::name_server(&next.config, &next.settings)?.is_some() {
            stays.keep_keys("dns.", "there was no name server at the start");
        }
        Ok(None)
    }

    /// Where the zone is served.
    pub(super) fn name_server(&self) -> Vec<SocketAddr> {
        self.names.as_ref().map_or_else(Vec::new, |names| names.addresses())
    }
}
