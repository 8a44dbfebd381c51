//! The certificate by which a server knows this program.

use std::path::{Path, PathBuf};

use mysql_async::ClientIdentity;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::readable::read;
use crate::mysql::provider;
use crate::{DatabaseSettings, Error};

/// The files of the certificate and its key, if there are.
pub(super) fn of(settings: &DatabaseSettings, has_tls: bool) -> Result<Option<(PathBuf, PathBuf)>, Error> {
    match (&settings.tls_cert, &settings.tls_key) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Error::Setting { key: "tls_cert", why: "needs `database.tls_key`" }),
        (None, Some(_)) => Err(Error::Setting { key: "tls_key", why: "needs `database.tls_cert`" }),
        (Some(_), Some(_)) if !has_tls => {
            let why = "needs TLS: write `?ssl-mode=required` at the end of `database.url`";
            Err(Error::Setting { key: "tls_cert", why })
        }
        (Some(certificate), Some(key)) => Ok(Some((certificate.clone(), key.clone()))),
    }
}

/// What is in the files, for the driver.
pub(super) struct Identity {
    /// In PEM or DER, as it was looked at.
    certificate: Vec<u8>,
    file: PathBuf,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    pub(super) fn read(certificate: &Path, file: &Path) -> Result<Self, Error> {
        let unreadable = |key, file: &Path, error: std::io::Error| Error::File {
            key,
            file: file.to_owned(),
            why: format!("cannot be read: {error}"),
        };
        let chain_file = read(certificate).map_err(|error| unreadable("tls_cert", certificate, error))?;
        let of_key = read(file).map_err(|error| unreadable("tls_key", file, error))?;
        let Ok(key) = PrivateKeyDer::from_pem_slice(&of_key) else {
            return Err(wrong(file, "has no private key in PEM")); // the words of the error may be those of the file
        };
        let signing_key = provider::load(&key).map_err(|_in_no_detail| wrong(file, NOT_USABLE))?;
        let chain =
            super::certificates::of_pem_or_der(&chain_file).map_err(|why| wrong_certificate(certificate, why))?;
        match CertifiedKey::new(chain, signing_key).keys_match() {
            Ok(()) | Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Self { certificate: chain_file, file: file.to_owned(), key })
            }
            Err(TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(wrong(file, OF_ANOTHER)),
            Err(_unreadable) => Err(wrong_certificate(certificate, super::certificates::NOT_USABLE)),
        }
    }

    /// As the driver takes it, which gives it to this provider, if one has been chosen: any takes a key of RSA.
    pub(super) fn for_driver(self, chosen: Option<&CryptoProvider>) -> Result<ClientIdentity, Error> {
        let key = match &self.key {
            PrivateKeyDer::Pkcs1(key) => key.secret_pkcs1_der().to_vec(),
            key => match inner_rsa_key(key.secret_der()) {
                Some(rsa) => rsa.to_vec(),
                None if chosen.is_some_and(|it| provider::takes_marked(it, key.secret_der())) => {
                    provider::marked(key.secret_der())
                }
                None => return Err(wrong(&self.file, OTHER_PROVIDER)),
            },
        };
        Ok(ClientIdentity::new(self.certificate.into(), key.into()))
    }
}

fn wrong(file: &Path, why: &str) -> Error {
    Error::File { key: "tls_key", file: file.to_owned(), why: why.to_owned() }
}

fn wrong_certificate(file: &Path, why: &str) -> Error {
    Error::File { key: "tls_cert", file: file.to_owned(), why: why.to_owned() }
}

const OF_ANOTHER: &str = "has the key of another certificate than the first one in `database.tls_cert`";

const NOT_USABLE: &str = "has a key that cannot be used; an RSA key has 2048 to 8192 bits, others are P-256, P-384, P-521 \
    or Ed25519";

const OTHER_PROVIDER: &str = "has a key that is none of RSA, and this program has not chosen Foobar's provider of \
    cryptography, which alone takes it here; call `foobar::tiers::crypto_provider().install_default()` before anything else \
    chooses one, or give an RSA key";

/// The identifier of RSA keys (1.2.840.113549.1.1.1), as DER has it.
const RSA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// The key in PKCS#1, which the driver takes, inside of one in PKCS#8: a version, an algorithm, and the key.
fn inner_rsa_key(pkcs8: &[u8]) -> Option<&[u8]> {
    let (sequence, _) = content(0x30, pkcs8)?;
    let (_version, rest) = content(0x02, sequence)?;
    let (algorithm, rest) = content(0x30, rest)?;
    algorithm.starts_with(&RSA).then(|| content(0x04, rest).map(|(key, _)| key)).flatten()
}

/// What an element of DER of this kind holds, and what is behind it.
fn content(kind: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[kind])?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
