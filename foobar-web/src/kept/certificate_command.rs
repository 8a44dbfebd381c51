use foobar_core::choice;

/// What operators have done with a certificate that the server gets by itself (`ssl_certificate = "auto"`). The server may
/// be running meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateCommand {
    /// Orders the certificate of the site of this label, or with this name, at once: the running server does, within a
    /// minute, or else the next start.
    Renew(String),
    /// Has the authority declare it void, and another one ordered.
    Revoke(String, Option<Revocation>),
    /// Gives another key to the account at the authority of `[acme]`, or of `[acme.NAME]`.
    ChangeAccountKey(Option<String>),
}

choice! {
    /// Why a certificate is revoked (RFC 5280 section 5.3.1).
    pub enum Revocation {
        /// No reason.
        Unspecified = "unspecified",
        /// Somebody else may have its key.
        KeyCompromise = "key-compromise",
        /// Whoever it belongs to has another name.
        AffiliationChanged = "affiliation-changed",
        /// Another one has taken its place.
        Superseded = "superseded",
        /// The site is no more.
        CessationOfOperation = "cessation-of-operation",
    }
}
