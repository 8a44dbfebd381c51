use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use rustls::sign::CertifiedKey;

use super::chain::CertificateChain;
use super::expiry::{Expiry, seconds};
use super::pem::PemFile;
use super::provider::Provider;
use super::x509::Facts;
use crate::{Error, Warning};

/// Where a certificate and its key are, and the configuration keys that say so.
pub(crate) struct Pair<'a> {
    /// The site's key, such as `sites.main`.
    pub(crate) site: &'a str,
    pub(crate) certificate: &'a Path,
    pub(crate) key: &'a Path,
    /// Whether the server gets it by itself.
    pub(crate) is_kept: bool,
}

/// Reads a certificate with its chain and its private key, and checks what would keep it from being used. Gives too
/// what is not right with it otherwise.
pub(crate) fn load(
    pair: &Pair<'_>,
    names: &[String],
    provider: &Provider,
) -> Result<(CertifiedKey, Vec<Warning>), Error> {
    let file = pair.read("ssl_certificate", pair.certificate)?;
    let chain = file.certificates().map_err(|message| pair.error("ssl_certificate", pair.certificate, message))?;
    let key_file = pair.read("ssl_certificate_key", pair.key)?;
    let bad_key = |message: String| pair.error("ssl_certificate_key", pair.key, message);
    let key = key_file.key().map_err(bad_key)?;
    let key = provider.key_provider.load_private_key(key).map_err(|error| bad_key(unusable_key(&error)))?;
    let certified = CertifiedKey::new(chain, key);
    let chain = CertificateChain::of(&certified);
    let chain = chain.ok_or_else(|| pair.error("ssl_certificate", pair.certificate, NOT_X509))?;
    check_fit(pair, &certified)?;
    let mut warnings = Warnings { pair, found: Vec::new() };
    warnings.of_own(chain.own(), names);
    warnings.of_chain(&chain, provider);
    warnings.of_files(&file, &key_file);
    let found = warnings.found;
    Ok((certified, found))
}

const NOT_X509: &str = "the file has what is not an X.509 certificate; copy it again from where it was issued";

fn unusable_key(error: &rustls::Error) -> String {
    format!(
        "the key cannot be used: {error}; an RSA key has 2048 to 8192 bits, others are P-256, P-384, P-521 or Ed25519"
    )
}

/// Whether the key is that of the first certificate.
fn check_fit(pair: &Pair<'_>, certified: &CertifiedKey) -> Result<(), Error> {
    use rustls::{Error::InconsistentKeys, InconsistentKeys::Unknown};
    let fits = |certified: &CertifiedKey| matches!(certified.keys_match(), Ok(()) | Err(InconsistentKeys(Unknown)));
    let nth = |index: usize| CertifiedKey::new(vec![certified.cert[index].clone()], certified.key.clone());
    match (0..certified.cert.len()).find(|index| fits(&nth(*index))) {
        Some(0) => Ok(()),
        Some(index) => {
            let message = format!(
                "the key fits certificate {} of the file; put that one first, then those that signed it",
                index + 1
            );
            Err(pair.error("ssl_certificate", pair.certificate, message))
        }
        None => {
            let message = format!(
                "the key does not fit the certificate in {}; give the key that the certificate was requested with",
                pair.certificate.display()
            );
            Err(pair.error("ssl_certificate_key", pair.key, message))
        }
    }
}

impl Pair<'_> {
    fn read(&self, key: &str, path: &Path) -> Result<PemFile, Error> {
        let key = format!("{}.{key}", self.site);
        PemFile::read(path).map_err(|source| Error::Open { key, path: path.to_owned(), source })
    }

    fn error(&self, key: &str, path: &Path, message: impl fmt::Display) -> Error {
        Error::setting(format!("{}.{key}", self.site), format!("{}: {message}", path.display()))
    }
}

/// When the certificate that has been read from these files expires, and those that follow it. Of one that the server
/// gets by itself these are left out: nobody can get others.
pub(super) fn expiries(pair: &Pair<'_>, certified: &CertifiedKey) -> Vec<Expiry> {
    let Some(chain) = CertificateChain::of(certified) else { return Vec::new() };
    let new = |last, message| {
        Expiry::new(format!("{}.ssl_certificate", pair.site), pair.certificate.to_owned(), last, message)
    };
    let own = new(chain.own().not_after, EXPIRED).begun(chain.own().not_before);
    let others = chain.others().map(|(_, facts)| facts.not_after).filter(|last| *last < chain.own().not_after);
    let others = others.filter(|_| !pair.is_kept).map(|last| new(last, SIGNER_EXPIRED));
    [own].into_iter().chain(others).collect()
}

struct Warnings<'a> {
    pair: &'a Pair<'a>,
    found: Vec<Warning>,
}

impl Warnings<'_> {
    fn of_own(&mut self, own: &Facts<'_>, names: &[String]) {
        let now = seconds(SystemTime::now());
        if own.not_after < now {
            self.certificate(EXPIRED);
        }
        if own.not_before > now {
            self.certificate(NOT_YET);
        }
        if own.names.is_empty() && own.addresses.is_empty() {
            self.certificate(NAMELESS);
        } else if let Some(name) = names.iter().find(|name| !covers(own, name)) {
            self.certificate(&format!("the certificate is not for {name:?}, one of the site's names"));
        }
    }

    /// What an authority has sent, nobody can change.
    fn of_chain(&mut self, chain: &CertificateChain<'_>, provider: &Provider) {
        if !self.pair.is_kept {
            let faults = chain.faults(provider, seconds(SystemTime::now())).into_iter();
            faults.for_each(|fault| self.certificate(&fault.message));
        }
    }

    fn of_files(&mut self, certificate: &PemFile, key: &PemFile) {
        if let Some(line) = certificate.stray_line() {
            self.certificate(&format!("line {line} of the file belongs to no certificate, and is ignored"));
        }
        if let Some(line) = key.stray_line() {
            self.key(&format!("line {line} of the file belongs to no key, and is ignored"));
        }
        if key.is_public {
            self.key("everybody on this machine can read the private key; set the mode of the file to 0600");
        }
    }

    fn certificate(&mut self, message: &str) {
        self.add("ssl_certificate", self.pair.certificate, message);
    }

    fn key(&mut self, message: &str) {
        self.add("ssl_certificate_key", self.pair.key, message);
    }

    fn add(&mut self, key: &str, path: &Path, message: &str) {
        let message = format!("{}: {message}", path.display());
        self.found.push(Warning { key: format!("{}.{key}", self.pair.site), message });
    }
}

pub(super) const NAMELESS: &str = "the certificate is for no name (subjectAltName), so that clients refuse it; have one issued for the \
                                   names of `server_name`";
pub(super) const NOT_YET: &str =
    "the certificate is not valid yet, so that clients refuse it; check this machine's clock";
const SIGNER_EXPIRED: &str = "a certificate that follows the server's own in the file has expired, so that clients may refuse what it \
                              signed; get the full chain again from where the certificate was issued";
pub(super) const EXPIRED: &str = "the certificate has expired, so that clients refuse it; renew it";

/// Whether a certificate is for a name of a site, which may have a star at its beginning.
pub(super) fn covers(facts: &Facts<'_>, name: &str) -> bool {
    facts.names.iter().any(|own| own == name) || (!name.starts_with('*') && facts.cover(name))
}
