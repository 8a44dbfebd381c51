use std::path::PathBuf;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::pem::PemFile;
use super::provider::Provider;
use crate::Error;

/// How the server speaks TLS as a client of others: with whom these files vouch for, which the key names, or the
/// authorities that browsers know.
pub(crate) fn client_config(
    key: &str,
    authorities: &[PathBuf],
    provider: &Provider,
) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore { roots: Vec::new() };
    if authorities.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for path in authorities {
        let error = |message: String| Error::setting(key, format!("{}: {message}", path.display()));
        let open = |source| Error::Open { key: key.to_owned(), path: path.clone(), source };
        for certificate in PemFile::read(path).map_err(open)?.certificates().map_err(error)? {
            roots
                .add(certificate)
                .map_err(|problem| error(format!("it is no certificate of an authority: {problem}")))?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::clone(provider));
    let config = config.with_safe_default_protocol_versions();
    let config = config.map_err(|problem| Error::setting(key, format!("TLS cannot be spoken: {problem}")))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}
