//! Certificates that the server gets by itself: from an authority of its own (`ssl_certificate = "internal"`). It must not
//! know a request, or how a handshake is made.
//!
//! - What it gets is kept in the state folder (`web.state_dir`): for each site one file with chain and key, which is
//!   replaced as a whole. TLS watches it as any other certificate, so no handshake is lost when it changes.
//! - Nothing is made before the start: `foobar check` leaves everything as it is.

mod local_authority;
mod source;
mod state_folder;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, SystemTime};

use foobar_core::{Chain, config};

use crate::kept::Kept;
use crate::{Error, SiteSettings, WebSettings};
use local_authority::LocalAuthority;
use source::Source;
use state_folder::StateFolder;

/// The issuers of a server, and the certificates that it gets from them.
#[derive(Clone)]
pub(crate) struct Issuers {
    folder: StateFolder,
    /// By the labels of the sites.
    internal: BTreeMap<String, Arc<Kept>>,
}

/// As long as it is there, certificates are renewed.
pub(crate) struct Renewing {
    _until: Sender<()>,
}

impl Issuers {
    /// Checks the settings; makes nothing. `None` where every site brings its own certificate, or has none.
    pub(crate) fn compile(web: &WebSettings, sites: &BTreeMap<String, SiteSettings>) -> Result<Option<Self>, Error> {
        let mut issuers = Self { folder: StateFolder::of(web), internal: BTreeMap::new() };
        for (label, site) in sites {
            let key = config::key(&["sites", label]);
            if Source::of(&key, site)? == Source::Internal {
                let names = local_authority::names(&key, site)?;
                let path = issuers.folder.certificate(local_authority::FOLDER, label);
                issuers.internal.insert(label.clone(), Arc::new(Kept { path, names }));
            }
        }
        if issuers.internal.is_empty() {
            return Ok(None);
        }
        issuers.folder.check_hidden(sites)?;
        Ok(Some(issuers))
    }

    /// Where a site's certificate is kept; `None` if it brings its own, or has none.
    pub(crate) fn kept(&self, label: &str) -> Option<&Arc<Kept>> {
        self.internal.get(label)
    }

    /// Makes what the server can make by itself, and says how clients trust it.
    pub(crate) fn prepare(&self) -> Result<(), Error> {
        let authority = self.issue_internal()?;
        tracing::info!("{}", authority.how_to_trust());
        Ok(())
    }

    /// Renews certificates in time, until the other end is dropped.
    pub(crate) fn start(&self) -> Result<Renewing, Error> {
        let (until, end) = channel();
        let (name, issuers) = ("foobar-web-cert".to_owned(), self.clone());
        let thread = Builder::new().name(name.clone()).spawn(move || issuers.renew(&end));
        thread.map(|_| Renewing { _until: until }).map_err(|source| Error::Thread { name, source })
    }

    fn renew(&self, until: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = until.recv_timeout(LOOK) {
            if let Err(error) = self.issue_internal() {
                tracing::error!(error = %Chain(&error), "certificates of the local authority are not renewed");
            }
        }
    }

    fn issue_internal(&self) -> Result<LocalAuthority, Error> {
        let _lock = self.folder.lock()?; // another process may have the same folder
        let authority = LocalAuthority::open(&self.folder)?;
        self.internal.values().try_for_each(|kept| authority.keep(&self.folder, kept, SystemTime::now()))?;
        Ok(authority)
    }
}

/// The time between two looks at what is due.
const LOOK: Duration = Duration::from_secs(60 * 60);
