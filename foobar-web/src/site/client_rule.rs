use std::path::PathBuf;

use foobar_core::List;

use crate::{Error, SiteSettings, VerifyClient};

/// What a site asks of its clients' certificates. Two sites that ask for the same share the connections of a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientRule {
    /// Whether the site is on TLS listeners at all.
    has_certificate: bool,
    verify: VerifyClient,
    authorities: List<PathBuf>,
    revocation_lists: List<PathBuf>,
}

impl ClientRule {
    /// `key` is the site's, such as `sites.main`.
    pub(crate) fn compile(key: &str, site: &SiteSettings) -> Result<Self, Error> {
        let verifies = site.ssl_verify_client != VerifyClient::Off;
        let unused = [("ssl_client_certificate", &site.ssl_client_certificate), ("ssl_crl", &site.ssl_crl)];
        if let (false, Some((name, _))) = (verifies, unused.iter().find(|(_, files)| !files.is_empty())) {
            let message = "it verifies nothing without `ssl_verify_client`; set that to \"on\" or \"optional\"";
            return Err(Error::setting(format!("{key}.{name}"), message));
        }
        if verifies && site.ssl_client_certificate.is_empty() {
            let message =
                "it needs the authorities whose certificates are good; name their files in `ssl_client_certificate`";
            return Err(Error::setting(format!("{key}.ssl_verify_client"), message));
        }
        if verifies && site.ssl_certificate.is_empty() {
            let message = "clients show certificates over TLS alone, and the site has no `ssl_certificate`";
            return Err(Error::setting(format!("{key}.ssl_verify_client"), message));
        }
        Ok(Self {
            has_certificate: !site.ssl_certificate.is_empty(),
            verify: site.ssl_verify_client,
            authorities: site.ssl_client_certificate.clone(),
            revocation_lists: site.ssl_crl.clone(),
        })
    }

    /// Whether a connection may be used for this site whose handshake went by that rule; `None` is one without TLS.
    pub(crate) fn admits(&self, handshake: Option<&Self>) -> bool {
        match handshake {
            Some(handshake) => self.has_certificate && self == handshake,
            None => self.verify != VerifyClient::On,
        }
    }
}
