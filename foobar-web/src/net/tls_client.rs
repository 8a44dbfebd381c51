use foobar_core::ClientCertificate;

/// What a TLS handshake has said of the client.
#[derive(Clone, Debug)]
pub(crate) struct TlsClient {
    /// The site whose rules the handshake went by: the one that has the name that the client asked for.
    pub(crate) site: usize,
    /// What it has shown, if that was asked for.
    pub(crate) certificate: Option<ClientCertificate>,
}
