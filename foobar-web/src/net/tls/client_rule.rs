use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::expiry::{Expiry, seconds};
use super::pem::PemFile;
use super::provider::Provider;
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
    /// to one that has not expired, as in nginx. Gives too when each of them expires.
    pub(super) fn verifier(&self, provider: &Provider) -> Result<(Arc<dyn ClientCertVerifier>, Vec<Expiry>), Error> {
        let mut roots = RootCertStore::empty();
        self.authorities.iter().try_for_each(|path| self.add_authorities(path, &mut roots))?;
        let roots = Arc::new(roots);
        let verifier = |lists: Vec<Crl>| {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(provider));
            let verifier = verifier.with_crls(lists).enforce_revocation_expiration();
            if self.is_required { verifier.build() } else { verifier.allow_unauthenticated().build() }
        };
        let (mut lists, mut expiries) = (Vec::new(), Vec::new());
        for path in &self.revocation_lists {
            let (read, next) = self.read_lists(path)?;
            verifier(read.clone()).map_err(|error| self.error(LISTS, path, &error.to_string()))?;
            lists.extend(read);
            let expiry = |next| Expiry::new(format!("{}.{LISTS}", self.key), path.clone(), next, EXPIRED_SINCE);
            expiries.extend(next.map(expiry));
        }
        let verifier = verifier(lists);
        let verifier =
            verifier.map_err(|error| Error::setting(format!("{}.{AUTHORITIES}", self.key), error.to_string()));
        Ok((verifier?, expiries))
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

    /// The lists of a file, and when the first of them is followed by the next.
    fn read_lists(&self, path: &Path) -> Result<(Vec<Crl>, Option<i64>), Error> {
        let bad = |message: &str| self.error(LISTS, path, message);
        let lists = self.open(LISTS, path)?.revocation_lists().map_err(|message| bad(&message))?;
        let now = seconds(SystemTime::now());
        let mut first = None;
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
                Some(next) => first = Some(first.map_or(next, |first: i64| first.min(next))),
            }
        }
        Ok((lists, first))
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
const EXPIRED_SINCE: &str = "the list of revoked certificates has expired, so that no certificate of its authority is accepted any more; \
    get the next one from there";

#[cfg(test)]
mod tests {
    use super::super::certificates::tests::logged;
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa, KeyIdMethod,
        KeyPair, KeyUsagePurpose, date_time_ymd,
    };
    use rustls::crypto::aws_lc_rs;
    use std::time::Duration;

    /// An authority and its list of what it has revoked, which expires in the year 5000.
    fn files(folder: &Path) -> [PathBuf; 2] {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(1990, 1, 1),
            next_update: date_time_ymd(5000, 1, 1),
            crl_number: 1_u64.into(),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&issuer).unwrap();
        [("ca", issuer.pem()), ("crl", list.pem().unwrap())].map(|(name, text)| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        })
    }

    #[test]
    fn that_a_list_of_revoked_certificates_expires_is_said_once_when_it_happens() {
        let folder = tempfile::tempdir().unwrap();
        let [authority, list] = files(folder.path());
        let rule = ClientRule {
            key: "sites.a".to_owned(),
            is_required: true,
            authorities: vec![authority],
            revocation_lists: vec![list.clone()],
        };
        let (_, expiries) = rule.verifier(&Arc::new(aws_lc_rs::default_provider())).unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let last = 95_617_584_000; // the first of January 5000
        let tell = |now| logged(|| expiries.iter().for_each(|expiry| expiry.tell(now)));
        assert_eq!(tell(at(last)), "");
        let told = tell(at(last + 1));
        assert!(told.contains("ERROR") && told.contains(&format!("`sites.a.ssl_crl`: {}: ", list.display())), "{told}");
        assert_eq!(tell(at(last + 2)), "", "it has been said");
    }
}
