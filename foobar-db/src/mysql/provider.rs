//! The cryptography of the driver's TLS.
//!
//! The driver takes the provider that rustls holds for the process, and gives it each key as one of PKCS#1, which is RSA
//! alone. So a key of another kind goes to the driver behind a mark, and the provider of this room knows by it to look at
//! what the key really is. All else it does as aws-lc-rs does.

use std::sync::Arc;

use rustls::Error;
use rustls::crypto::{CryptoProvider, KeyProvider, aws_lc_rs};
use rustls::sign::SigningKey;
use rustls_pki_types::PrivateKeyDer;

/// rustls's provider by aws-lc-rs, with which a client certificate for MySQL may have a key of P-256, P-384, P-521 or
/// Ed25519; rustls's own takes RSA there alone.
///
/// `Server::run` installs it for the process, unless the program has chosen another before. A program that opens a database
/// by itself, or starts its server inside its own runtime, does so once at its beginning; an error means that one has been
/// chosen already, which stays:
///
/// ```
/// # mod foobar { pub mod tiers { pub use foobar_db::crypto_provider; } }
/// _ = foobar::tiers::crypto_provider().install_default();
/// ```
#[must_use]
pub fn crypto_provider() -> CryptoProvider {
    CryptoProvider { key_provider: &Keys, ..aws_lc_rs::default_provider() }
}

/// What stands before a key for the driver that is none of PKCS#1. No key begins so, nor does a text in UTF-8, which the
/// driver would take for PEM.
const MARK: u8 = 0xff;

/// A key as the driver takes it, for the provider above.
pub(super) fn marked(key: &[u8]) -> Vec<u8> {
    [&[MARK][..], key].concat()
}

/// The key in aws-lc-rs, where it is one that can be used.
pub(super) fn load(key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, Error> {
    aws_lc_rs::sign::any_supported_type(key)
}

/// Whether a provider knows the mark.
pub(super) fn takes_marked(provider: &CryptoProvider, key: &[u8]) -> bool {
    provider.key_provider.load_private_key(PrivateKeyDer::Pkcs1(marked(key).into())).is_ok()
}

#[derive(Debug)]
struct Keys;

impl KeyProvider for Keys {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        match key.secret_der().strip_prefix(&[MARK]) {
            Some(key) => load(&PrivateKeyDer::try_from(key).map_err(|why| Error::General(why.to_owned()))?),
            None => load(&key),
        }
    }

    fn fips(&self) -> bool {
        aws_lc_rs::default_provider().key_provider.fips()
    }
}
