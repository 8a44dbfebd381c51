use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::failure::Failure;
use crate::kept::ACME_TLS;
use crate::net::Provider;

/// What a handshake goes by in which an authority looks whether this name is ours: its certificate has the hash of what
/// the authority expects (RFC 8737).
pub(super) fn config(name: &str, hash: &[u8], provider: &Provider) -> Result<ServerConfig, Failure> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(hash)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider.key_provider.load_private_key(key).map_err(failed)?;
    // Not by `with_single_cert`, which refuses an extension that is critical and that it does not know.
    let certified = SingleCertAndKey::from(CertifiedKey::new(vec![certificate.der().clone()], key));
    let config = ServerConfig::builder_with_provider(Arc::clone(provider)).with_safe_default_protocol_versions();
    let mut config = config.map_err(failed)?.with_no_client_auth().with_cert_resolver(Arc::new(certified));
    config.alpn_protocols = vec![ACME_TLS.to_vec()];
    Ok(config)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn failed(error: rustls::Error) -> Failure {
    Failure::new(format!("a handshake for the challenge tls-alpn-01 cannot be prepared: {error}"))
}
