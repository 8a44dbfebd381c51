use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::SignatureAlgorithm;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::{Pair, Provider, Warning, load};
use super::x509::Facts;
use crate::Error;

/// The certificates of one site, as they are configured.
pub(crate) struct SiteCertificates {
    /// The site's key, such as `sites.main`.
    pub(crate) key: String,
    pub(crate) certificates: Vec<PathBuf>,
    pub(crate) keys: Vec<PathBuf>,
    /// The names that the certificates should be for; those with a star at their end cannot be checked.
    pub(crate) names: Vec<String>,
}

/// The certificates of one site: of those that a client can verify, the cheapest is used.
#[derive(Debug)]
pub(crate) struct Certificates {
    current: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    /// The cheapest to sign with first.
    keys: Vec<Arc<CertifiedKey>>,
    warnings: Vec<Warning>,
}

impl Certificates {
    /// Reads those of a site; `None` if it has none.
    pub(crate) fn load(site: &SiteCertificates, provider: &Provider) -> Result<Option<Self>, Error> {
        if site.certificates.len() != site.keys.len() {
            let message = format!(
                "there are {} certificates and {} keys; write a key for each certificate, in the same order",
                site.certificates.len(),
                site.keys.len()
            );
            return Err(Error::setting(format!("{}.ssl_certificate_key", site.key), message));
        }
        let pairs: Vec<_> = site.certificates.iter().zip(&site.keys).collect();
        if pairs.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { current: RwLock::new(Current::load(&site.key, &pairs, &site.names, provider)?) }))
    }

    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).warnings.clone()
    }

    /// Whether they are for this name.
    pub(crate) fn cover(&self, name: &str) -> bool {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let mut own = current.keys.iter().filter_map(|certified| certified.cert.first());
        own.any(|certificate| Facts::of(certificate).is_some_and(|facts| facts.cover(name)))
    }
}

impl Current {
    fn load(site: &str, pairs: &[(&PathBuf, &PathBuf)], names: &[String], provider: &Provider) -> Result<Self, Error> {
        let mut current = Self { keys: Vec::new(), warnings: Vec::new() };
        for (certificate, key) in pairs {
            let (certified, warnings) = load(&Pair { site, certificate, key }, names, provider)?;
            current.keys.push(Arc::new(certified));
            current.warnings.extend(warnings);
        }
        current.keys.sort_by_key(|certified| cost(certified.key.algorithm()));
        Ok(current)
    }
}

/// A signature by RSA takes many times as long as one by an elliptic curve, which old clients do not know.
const fn cost(algorithm: SignatureAlgorithm) -> u8 {
    match algorithm {
        SignatureAlgorithm::ECDSA => 0,
        SignatureAlgorithm::ED25519 | SignatureAlgorithm::ED448 => 1,
        _ => 2,
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let fits = |certified: &&Arc<CertifiedKey>| certified.key.choose_scheme(hello.signature_schemes()).is_some();
        current.keys.iter().find(fits).cloned()
    }
}
