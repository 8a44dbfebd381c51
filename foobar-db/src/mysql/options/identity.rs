//! The certificate by which a server knows this program.

use std::path::{Path, PathBuf};

use mysql_async::ClientIdentity;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::readable::readable;
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

pub(super) fn read(certificate: &Path, key: &Path) -> Result<ClientIdentity, Error> {
    let unreadable = |key, file: &Path, error: std::io::Error| Error::File {
        key,
        file: file.to_owned(),
        why: format!("cannot be read: {error}"),
    };
    readable(certificate).map_err(|error| unreadable("tls_cert", certificate, error))?;
    readable(key).map_err(|error| unreadable("tls_key", key, error))?;
    let wrong = |why: &str| Error::File { key: "tls_key", file: key.to_owned(), why: why.to_owned() };
    let der = match PrivateKeyDer::from_pem_file(key) {
        Ok(PrivateKeyDer::Pkcs1(key)) => key.secret_pkcs1_der().to_vec(),
        Ok(PrivateKeyDer::Pkcs8(key)) => inner_rsa_key(key.secret_pkcs8_der()).ok_or_else(|| wrong(NO_RSA))?.to_vec(),
        Ok(_) => return Err(wrong(NO_RSA)),
        Err(_) => return Err(wrong("has no private key in PEM")), // its words may be those of the file
    };
    Ok(ClientIdentity::new(certificate.to_owned().into(), der.into()))
}

const NO_RSA: &str = "has a key that is none of RSA, and the driver takes no other";

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
