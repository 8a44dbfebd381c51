//! What TLS and HTTP know of certificates that the server gets by itself: where they are kept, and what proves to an
//! authority that a name is this server's. It must not know who issues them.

mod certificate_command;
mod challenges;
mod dns_answers;
mod on_demand;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub use certificate_command::{CertificateCommand, Revocation};
pub(crate) use challenges::{ACME_TLS, Challenges};
pub use dns_answers::DnsAnswers;
pub(crate) use on_demand::OnDemand;

/// The certificate of a site that the server gets by itself (`ssl_certificate = "internal"` or `"auto"`).
#[derive(Debug)]
pub(crate) struct Kept {
    /// The file with its chain and its key, which is replaced as a whole; it may not be there yet.
    pub(crate) path: PathBuf,
    /// What it is for: names in lower case, of which the first label may be a star, and IP addresses.
    pub(crate) names: Vec<String>,
    /// Those for names that no site has, if such names lead to this one.
    pub(crate) on_demand: Option<Arc<OnDemand>>,
    is_issued: AtomicBool,
}

impl Kept {
    pub(crate) const fn new(path: PathBuf, names: Vec<String>) -> Self {
        Self { path, names, on_demand: None, is_issued: AtomicBool::new(false) }
    }

    /// Whether clients are shown it; before that, one that nobody has signed.
    pub(crate) fn is_issued(&self) -> bool {
        self.is_issued.load(Relaxed)
    }

    /// From now on clients are shown it.
    pub(crate) fn set_issued(&self) {
        self.is_issued.store(true, Relaxed);
    }
}
