use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::provider::Provider;
use crate::Error;

/// A certificate for these names that nobody has signed: a client that does not look at it can connect, and every other
/// says what is missing.
pub(super) fn stand_in(names: &[String], provider: &Provider) -> Result<CertifiedKey, Error> {
    let failed = |why: String| Error::setting("web.state_dir", format!("cannot make a first certificate: {why}"));
    let key = KeyPair::generate().map_err(|error| failed(error.to_string()))?;
    let mut params = CertificateParams::new(names).map_err(|error| failed(error.to_string()))?;
    params.distinguished_name.push(DnType::CommonName, "Foobar: no certificate has been issued yet");
    let certificate = params.self_signed(&key).map_err(|error| failed(error.to_string()))?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider.key_provider.load_private_key(key).map_err(|error| failed(error.to_string()))?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}
