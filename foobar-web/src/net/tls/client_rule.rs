use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::RootCertStore;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::certificate::Provider;
use super::pem::PemFile;
use super::x509;
use crate::Error;

/// What a site asks of its clients' certificates.
#[derive(Clone, Debug)]
pub(crate) struct ClientRule {
    /// The site's key, such as `sites.main`.
    pub(crate) key: String,
    /// Whether a client without a certificate is refused.
    pub(crate) is_required: bool,
    /// Files with the certificates of the authorities whose word counts.
    pub(crate) authorities: Vec<PathBuf>,
    /// Files with their lists of what they have revoked.
    pub(crate) revocation_lists: Vec<PathBuf>,
}

type Crl = CertificateRevocationListDer<'static>;

impl ClientRule {
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.authorities.iter().chain(&self.revocation_lists).cloned().collect()
    }

    /// What verifies certificates by these files, as they are now. With lists, each certificate of a chain has to be known
    /// to one that has not expired, as in nginx.
    pub(super) fn verifier(&self, provider: &Provider) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let mut roots = RootCertStore::empty();
        self.authorities.iter().try_for_each(|path| self.add_authorities(path, &mut roots))?;
        let roots = Arc::new(roots);
        let verifier = |lists: Vec<Crl>| {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(provider));
            let verifier = verifier.with_crls(lists).enforce_revocation_expiration();
            if self.is_required { verifier.build() } else { verifier.allow_unauthenticated().build() }
        };
        let mut lists = Vec::new();
        for path in &self.revocation_lists {
            let read = self.read_lists(path)?;
            verifier(read.clone()).map_err(|error| self.error(LISTS, path, &error.to_string()))?;
            lists.extend(read);
        }
        verifier(lists).map_err(|error| Error::setting(format!("{}.{AUTHORITIES}", self.key), error.to_string()))
    }

    fn add_authorities(&self, path: &Path, roots: &mut RootCertStore) -> Result<(), Error> {
        let certificates = self.open(AUTHORITIES, path)?.certificates();
        for certificate in certificates.map_err(|message| self.error(AUTHORITIES, path, &message))? {
            roots.add(certificate).map_err(|error| {
                let message = format!("it has what is no certificate of an authority: {error}");
                self.error(AUTHORITIES, path, &message)
            })?;
        }
        Ok(())
    }

    fn read_lists(&self, path: &Path) -> Result<Vec<Crl>, Error> {
        let bad = |message: &str| self.error(LISTS, path, message);
        let lists = self.open(LISTS, path)?.revocation_lists().map_err(|message| bad(&message))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs().cast_signed()); // 1970 at least
        for list in &lists {
            match x509::next_update(list) {
                None => {
                    return Err(bad(
                        "the file has what is no list of revoked certificates that says when the next one comes",
                    ));
                }
                Some(next) if next < now => {
                    return Err(bad("the list has expired; get the next one from its authority"));
                }
                Some(_) => {}
            }
        }
        Ok(lists)
    }

    fn open(&self, name: &str, path: &Path) -> Result<PemFile, Error> {
        PemFile::read(path).map_err(|source| Error::Open {
            key: format!("{}.{name}", self.key),
            path: path.to_owned(),
            source,
        })
    }

    fn error(&self, name: &str, path: &Path, message: &str) -> Error {
        Error::setting(format!("{}.{name}", self.key), format!("{}: {message}", path.display()))
    }
}

const AUTHORITIES: &str = "ssl_client_certificate";
const LISTS: &str = "ssl_crl";
