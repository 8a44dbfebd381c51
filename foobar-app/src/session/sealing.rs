//! Encrypts by `session.keys`: the first key seals, and those after it still open.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foobar_core::Secret;

use super::key_error::{KeyError, MIN_KEY};

/// The keys for one purpose: what is sealed for another one does not open.
pub(crate) struct Sealing {
    purpose: &'static [u8],
    /// The first one seals.
    keys: Vec<Key>,
}

struct Key {
    aead: RandomizedNonceKey,
    /// What tells it from the others, and says nothing of it.
    name: String,
}

/// How many bytes a name has before it is text.
const NAME: usize = 9;

impl Sealing {
    pub(crate) fn new(secrets: &[Secret], purpose: &'static [u8]) -> Result<Self, KeyError> {
        check(secrets)?;
        if secrets.is_empty() { Err(KeyError::Missing) } else { Ok(Self::of(secrets, purpose)) }
    }

    fn of(secrets: &[Secret], purpose: &'static [u8]) -> Self {
        Self { purpose, keys: secrets.iter().map(|secret| Key::derive(secret, purpose)).collect() }
    }

    /// Seals `content` for its owner: as another's it does not open.
    pub(crate) fn seal(&self, mut content: Vec<u8>, owner: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let key = self.keys.first().expect("there is a first one");
        let nonce = key.aead.seal_in_place_append_tag(self.aad(owner), &mut content)?;
        Ok([&nonce.as_ref()[..], &content].concat())
    }

    /// `None` of what none of the keys has sealed for this purpose and owner.
    pub(crate) fn open(&self, sealed: &[u8], owner: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        self.keys.iter().find_map(|key| {
            let mut opened = sealed.to_vec();
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?; // its length is right
            let opened = key.aead.open_in_place(nonce, self.aad(owner), &mut opened).ok()?; // another key's, or forged
            Some(opened.to_vec())
        })
    }

    fn aad(&self, owner: &[u8]) -> Aad<Vec<u8>> {
        Aad::from([self.purpose, owner].concat())
    }
}

#[cfg(feature = "accounts")]
impl Sealing {
    /// The name of the key that seals.
    pub(crate) fn name(&self) -> &str {
        &self.keys.first().expect("there is a first one").name
    }

    /// The names of the keys that only open.
    pub(crate) fn older(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().skip(1).map(|key| &*key.name)
    }
}

/// Whether keys that are given are long enough.
pub(crate) fn check(secrets: &[Secret]) -> Result<(), KeyError> {
    match secrets.iter().position(|key| key.expose().len() < MIN_KEY) {
        Some(short) => Err(KeyError::Short(short + 1)),
        None => Ok(()),
    }
}

impl Key {
    fn derive(secret: &Secret, purpose: &[u8]) -> Self {
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(secret.expose().as_bytes());
        let key: [u8; 32] = expand(&extracted, &[purpose]);
        let name: [u8; NAME] = expand(&extracted, &[purpose, b" name"]);
        let aead = RandomizedNonceKey::new(&AES_256_GCM_SIV, &key).expect("a key of this cipher has 32 bytes");
        Self { aead, name: URL_SAFE_NO_PAD.encode(name) }
    }
}

fn expand<const LENGTH: usize>(extracted: &Prk, info: &[&[u8]]) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let expanded = extracted.expand(info, Length(LENGTH)).and_then(|expanded| expanded.fill(&mut bytes));
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
