use std::fmt;
use std::sync::Arc;

/// The certificate by which a client has shown in its TLS handshake who it is, verified as the site wants it
/// (`ssl_verify_client`).
///
/// The web tier puts it into the extensions of each request of such a connection, and says it in no field: what a field
/// says, somebody else may have sent. A handler on actix-web takes it as `ReqData<ClientCertificate>`, or
/// `Option<ReqData<ClientCertificate>>` where a client may have none. It is that of whoever has connected: behind a
/// proxy that speaks TLS itself, the proxy's.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate(Arc<Content>);

#[derive(PartialEq, Eq)]
struct Content {
    chain: Vec<Vec<u8>>,
    subject: String,
}

impl ClientCertificate {
    /// One of this chain, in DER and the client's own first, with its subject.
    pub fn new(chain: Vec<Vec<u8>>, subject: String) -> Self {
        Self(Arc::new(Content { chain, subject }))
    }

    /// The client's certificate and those that it has sent with it, in DER.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.0.chain
    }

    /// For whom it was issued, as in RFC 4514: `CN=Ann,O=Foobar`.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("subject", &self.subject()).finish_non_exhaustive()
    }
}
