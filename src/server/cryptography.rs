use std::sync::Arc;

use super::Server;
use rustls::crypto::CryptoProvider;

impl Server {
    /// The cryptography of the web tier's TLS and of the admin listener's, in the place of aws-lc-rs, as of
    /// [`WebBuilder::crypto_provider`](crate::tiers::WebBuilder::crypto_provider). A [web tier of your
    /// own](Self::web_tier) makes no use of it, and neither does a database: its driver takes the provider of the process.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use foobar::Server;
    /// use foobar::tiers::rustls::{CipherSuite, crypto::aws_lc_rs};
    ///
    /// let mut provider = aws_lc_rs::default_provider();
    /// provider.cipher_suites.retain(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    /// let server = Server::new().crypto_provider(Arc::new(provider));
    /// ```
    pub fn crypto_provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.parts.crypto_provider = Some(provider);
        self
    }
}
