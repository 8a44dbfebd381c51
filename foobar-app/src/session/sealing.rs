//! Encrypts by `session.keys`: the first key seals, and those after it still open.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use foobar_core::Secret;

use super::key_error::{KeyError, MIN_KEY};

/// The keys for one purpose: what is sealed for another one does not open.
pub(crate) struct Sealing {
    purpose: &'static [u8],
    /// The first one seals.
    keys: Vec<RandomizedNonceKey>,
}

impl Sealing {
    pub(crate) fn new(secrets: &[Secret], purpose: &'static [u8]) -> Result<Self, KeyError> {
        check(secrets)?;
        if secrets.is_empty() { Err(KeyError::Missing) } else { Ok(Self::of(secrets, purpose)) }
    }

    fn of(secrets: &[Secret], purpose: &'static [u8]) -> Self {
        let key = |secret| RandomizedNonceKey::new(&AES_256_GCM_SIV, &derive::<32>(secret, &[purpose]));
        let keys = secrets.iter().map(|secret| key(secret).expect("a key of this cipher has 32 bytes")).collect();
        Self { purpose, keys }
    }

    /// Seals `content` for its owner: as another's it does not open.
    pub(crate) fn seal(&self, mut content: Vec<u8>, owner: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let key = self.keys.first().expect("there is a first one");
        let nonce = key.seal_in_place_append_tag(self.aad(owner), &mut content)?;
        Ok([&nonce.as_ref()[..], &content].concat())
    }

    /// `None` of what none of the keys has sealed for this purpose and owner.
    pub(crate) fn open(&self, sealed: &[u8], owner: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        self.keys.iter().find_map(|key| {
            let mut opened = sealed.to_vec();
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?; // its length is right
            let opened = key.open_in_place(nonce, self.aad(owner), &mut opened).ok()?; // another key's, or forged
            Some(opened.to_vec())
        })
    }

    fn aad(&self, owner: &[u8]) -> Aad<Vec<u8>> {
        Aad::from([self.purpose, owner].concat())
    }
}

/// Whether keys that are given are long enough.
pub(crate) fn check(secrets: &[Secret]) -> Result<(), KeyError> {
    match secrets.iter().position(|key| key.expose().len() < MIN_KEY) {
        Some(short) => Err(KeyError::Short(short + 1)),
        None => Ok(()),
    }
}

/// As many bytes as are wanted, which say nothing of the key that they come from, nor of those for another purpose.
pub(crate) fn derive<const LENGTH: usize>(secret: &Secret, purpose: &[&[u8]]) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let extracted = Salt::new(HKDF_SHA256, &[]).extract(secret.expose().as_bytes());
    let expanded = extracted.expand(purpose, Length(LENGTH)).and_then(|expanded| expanded.fill(&mut bytes));
    expanded.expect("HKDF gives as much as a key has");
    bytes
}

/// How many bytes HKDF is to give.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
