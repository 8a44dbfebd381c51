use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::time::{Duration, SystemTime};

use super::distinguished_name;
use super::x509::Facts;
use crate::kept::Kept;

/// A certificate of a site, for whoever asks who has signed it and how long it is good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SiteCertificate {
    /// The site's label: NAME in `[sites.NAME]`.
    pub site: String,
    /// The names and addresses that it is for.
    pub names: Vec<String>,
    /// Who has signed it, such as `CN=R11,O=Let's Encrypt,C=US`; `None` where there is none yet.
    pub issuer: Option<String>,
    /// When it expires; `None` where there is none yet.
    pub expires: Option<SystemTime>,
    /// When the server orders the next one; `None` if somebody else looks after it.
    pub renews: Option<SystemTime>,
    /// Why the last order has failed, or has not brought all names.
    pub error: Option<String>,
}

impl SiteCertificate {
    /// That of the site of this label.
    pub(super) fn of(label: &str, facts: &Facts<'_>) -> Self {
        let addresses = facts.addresses.iter().map(ToString::to_string);
        let seconds = u64::try_from(facts.not_after).unwrap_or(0); // expired before 1970
        Self {
            names: facts.names.iter().cloned().chain(addresses).collect(),
            issuer: Some(distinguished_name::text(facts.issuer).unwrap_or_default()), // it may be nameless
            expires: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
            ..Self::empty(label)
        }
    }

    /// What is kept there, if it can be read.
    pub(crate) fn read(label: &str, kept: &Kept) -> Self {
        let own = CertificateDer::from_pem_file(&kept.path).ok(); // there is none yet
        let facts = own.as_ref().and_then(|own| Facts::of(own));
        facts.map_or_else(|| Self::missing(label, kept), |facts| Self::of(label, &facts))
    }

    /// There is none yet.
    pub(super) fn missing(label: &str, kept: &Kept) -> Self {
        Self { names: kept.names.clone(), ..Self::empty(label) }
    }

    fn empty(label: &str) -> Self {
        Self { site: label.to_owned(), names: Vec::new(), issuer: None, expires: None, renews: None, error: None }
    }
}
