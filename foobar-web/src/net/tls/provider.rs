use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// What encrypts, signs and verifies. It is handed down to wherever a configuration of TLS is made or a key is read.
pub(crate) type Provider = Arc<CryptoProvider>;

/// The one of a program that brings no other.
pub(crate) fn default_provider() -> Provider {
    Arc::new(aws_lc_rs::default_provider())
}
