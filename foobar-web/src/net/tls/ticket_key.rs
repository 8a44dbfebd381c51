use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;

/// How long clients may keep a ticket, in seconds. A key is used for half of that, and read for the other half.
pub(super) const LIFETIME: u32 = 12 * 3600;
/// By which a ticket says whose it is.
const NAME: usize = 16;

/// A key that tickets are encrypted with.
pub(super) struct TicketKey {
    name: [u8; NAME],
    key: RandomizedNonceKey,
}

impl TicketKey {
    /// One that nobody else has.
    pub(super) fn random() -> Result<Self, Unspecified> {
        let mut secret = [0; 80];
        rand::fill(&mut secret)?;
        Self::derive(&secret)
    }

    /// The one of a secret, whose first bytes are its name.
    pub(super) fn derive(secret: &[u8]) -> Result<Self, Unspecified> {
        let name = *secret.first_chunk().ok_or(Unspecified)?;
        let mut key = [0; 32];
        let secret = Salt::new(HKDF_SHA256, b"foobar session tickets").extract(secret);
        secret.expand(&[b"AES-256-GCM"], HKDF_SHA256)?.fill(&mut key)?;
        Ok(Self { name, key: RandomizedNonceKey::new(&AES_256_GCM, &key)? })
    }

    pub(super) fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = plain.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(&self.name), &mut sealed).ok()?; // then there is no ticket
        Some([&self.name[..], nonce.as_ref(), &sealed].concat())
    }

    /// Opens a ticket with the one of these keys that made it.
    pub(super) fn open_by<'a>(keys: impl IntoIterator<Item = &'a Self>, ticket: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_at_checked(NAME)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let key = keys.into_iter().find(|key| key.name == name)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?; // the length is right
        let mut sealed = sealed.to_vec();
        let plain = key.key.open_in_place(nonce, Aad::from(&key.name), &mut sealed).ok()?; // not ours: no session
        Some(plain.to_vec())
    }
}
