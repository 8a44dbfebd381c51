use foobar_core::ClientCertificate;
use rustls::ServerConnection;

use super::distinguished_name;
use super::x509::Facts;

/// The certificate that a client has shown in a handshake which is done, and that was verified.
pub(super) fn certificate(session: &ServerConnection) -> Option<ClientCertificate> {
    let chain = session.peer_certificates()?;
    let subject = Facts::of(chain.first()?).and_then(|own| distinguished_name::text(own.subject));
    let subject = subject.unwrap_or_default(); // what was verified has one, though it may be empty
    Some(ClientCertificate::new(chain.iter().map(|certificate| certificate.to_vec()).collect(), subject))
}
