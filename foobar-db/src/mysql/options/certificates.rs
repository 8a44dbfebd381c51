//! The certificates of a file, which the driver and rustls would look at only while they connect, and blame on the server.

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

const NONE: &str = "has no certificate in PEM";
const NOT_READABLE: &str = "has a certificate that cannot be read";
pub(super) const NOT_USABLE: &str = "has a certificate that cannot be used; it has to be one of X.509 in its version 3";

/// Those of a PEM file; what is wrong with it where there is none.
pub(super) fn of_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err(NONE),
        Ok(all) => Ok(all),
        Err(_in_no_detail) => Err(NOT_READABLE),
    }
}

/// Those of a PEM file, or the one that it is in DER, as the driver takes a file that is no text.
pub(super) fn of_pem_or_der(file: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    if str::from_utf8(file).is_err() { Ok(vec![CertificateDer::from(file).into_owned()]) } else { of_pem(file) }
}

/// Whether each can be an authority. One alone may be in DER, as the driver takes it.
pub(super) fn check_authorities(file: &[u8]) -> Result<(), &'static str> {
    let (mut store, der) = (RootCertStore::empty(), CertificateDer::from(file));
    match of_pem(file) {
        Err(NONE) if store.add(der.into_owned()).is_ok() => Ok(()),
        Err(why) => Err(why),
        Ok(all) => all.into_iter().try_for_each(|one| store.add(one).map_err(|_in_no_detail| NOT_READABLE)),
    }
}
