use std::io;
use std::path::Path;

use super::pem::PemFile;
use super::x509::Facts;

/// What a certificate says of itself, for whoever asks for whom it is and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateOverview {
    /// The names and addresses that it is for; a name in lower case.
    pub names: Vec<String>,
    /// When it begins to be valid, in seconds since 1970.
    pub not_before: i64,
    /// When it ends to be valid.
    pub not_after: i64,
}

impl CertificateOverview {
    /// Of the first certificate of a PEM file, which is the server's own. An error says why the file cannot be read, or what
    /// is wrong with it.
    pub fn read(path: &Path) -> io::Result<Self> {
        let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
        let chain = PemFile::read(path)?.certificates().map_err(invalid)?;
        let facts = chain.first().and_then(|certificate| Facts::of(certificate));
        let facts = facts.ok_or_else(|| invalid("it holds what is not an X.509 certificate".to_owned()))?;
        let addresses = facts.addresses.iter().map(ToString::to_string);
        let names = facts.names.iter().cloned().chain(addresses).collect();
        Ok(Self { names, not_before: facts.not_before, not_after: facts.not_after })
    }
}
