use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::error::Unspecified;
use rustls::server::ProducesTickets;

use super::own_ticket_keys::OwnTicketKeys;
use super::ticket_keys::TicketKeys;
use crate::{Error, Warning};

/// Whose keys session tickets are encrypted with.
#[derive(Clone, Debug)]
pub(super) enum Tickets {
    /// The server's own.
    Own(Arc<OwnTicketKeys>),
    /// Those that several machines share.
    OfFiles(Arc<TicketKeys>),
}

impl Tickets {
    /// Those of files, where there are any; else the server's own, which it goes on with if it has some.
    pub(super) fn by(files: &[PathBuf], before: Option<&Self>) -> Result<Self, Error> {
        if !files.is_empty() {
            return Ok(Self::OfFiles(Arc::new(TicketKeys::read(files)?)));
        }
        match before {
            Some(Self::Own(keys)) => Ok(Self::Own(Arc::clone(keys))),
            _ => Ok(Self::Own(Arc::new(OwnTicketKeys::new().map_err(no_key)?))),
        }
    }

    pub(super) fn ticketer(&self) -> Arc<dyn ProducesTickets> {
        match self {
            Self::Own(keys) => Arc::<OwnTicketKeys>::clone(keys),
            Self::OfFiles(keys) => Arc::<TicketKeys>::clone(keys),
        }
    }

    /// Makes new keys if it is time, or uses the files as they are now.
    pub(super) fn refresh(&self) {
        match self {
            Self::Own(keys) => keys.refresh(),
            Self::OfFiles(keys) => keys.refresh(),
        }
    }

    /// What is not right with the files, although they are used.
    pub(super) fn warning(&self) -> Option<Warning> {
        match self {
            Self::Own(_) => None,
            Self::OfFiles(keys) => keys.warning(),
        }
    }
}

fn no_key(error: Unspecified) -> Error {
    Error::setting("web.ssl_session_tickets", format!("no key can be made for them: {error}"))
}
