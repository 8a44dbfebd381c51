//! What TLS knows of a certificate that the server gets by itself. It must not know who issues it.

use std::path::PathBuf;

/// The certificate of a site that the server gets by itself (`ssl_certificate = "internal"`).
#[derive(Debug)]
pub(crate) struct Kept {
    /// The file with its chain and its key, which is replaced as a whole; it may not be there yet.
    pub(crate) path: PathBuf,
    /// What it is for: names in lower case, of which the first label may be a star, and IP addresses.
    pub(crate) names: Vec<String>,
}
