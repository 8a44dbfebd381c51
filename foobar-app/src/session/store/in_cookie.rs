//! Sessions in the cookie itself, encrypted: nothing is kept on the server, so none can be ended from here before it
//! expires, and of two requests at once the last answer wins.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foobar_core::{BoxError, BoxFuture, Secret};

use super::{SessionStore, Updated};
use crate::session::key_error::{KeyError, MIN_KEY};
use crate::session::record::{SessionChange, SessionRecord};

pub(crate) struct InCookie {
    /// The first one encrypts.
    keys: Vec<RandomizedNonceKey>,
}

/// What a browser keeps of a cookie is 4 KiB, with its name and its attributes.
const MAX_TOKEN: usize = 3800;

#[derive(Debug, thiserror::Error)]
#[error(
    "the session is too large for a cookie: {0} characters, and {MAX_TOKEN} fit; keep less in it, or sessions in the \
     database (`Sessions::in_database`)"
)]
struct TooLarge(usize);

#[derive(Debug, thiserror::Error)]
#[error(
    "sessions that are kept in their cookies cannot be ended from here; keep them in the database (`Sessions::in_database`)"
)]
pub(crate) struct CannotBeEnded;

impl InCookie {
    pub(crate) fn new(keys: &[Secret]) -> Result<Self, KeyError> {
        if keys.is_empty() {
            return Err(KeyError::Missing);
        }
        if let Some(short) = keys.iter().position(|key| key.expose().len() < MIN_KEY) {
            return Err(KeyError::Short(short + 1));
        }
        Ok(Self { keys: keys.iter().map(derive).collect() })
    }

    fn seal(&self, record: &SessionRecord) -> Result<String, BoxError> {
        let mut sealed = serde_json::to_vec(record)?;
        let key = self.keys.first().expect("there is a first one");
        let nonce = key.seal_in_place_append_tag(Aad::from(PURPOSE), &mut sealed)?;
        let token = URL_SAFE_NO_PAD.encode([&nonce.as_ref()[..], &sealed].concat());
        if token.len() > MAX_TOKEN { Err(TooLarge(token.len()).into()) } else { Ok(token) }
    }

    /// `None` of what none of the keys has sealed.
    fn open(&self, token: &str) -> Option<SessionRecord> {
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?; // else nobody gave it out
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        self.keys.iter().find_map(|key| {
            let mut opened = sealed.to_vec();
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?; // its length is right
            let opened = key.open_in_place(nonce, Aad::from(PURPOSE), &mut opened).ok()?; // another key's, or forged
            serde_json::from_slice(opened).ok() // of another version of this program
        })
    }
}

const PURPOSE: &[u8] = b"foobar session cookie";

fn derive(secret: &Secret) -> RandomizedNonceKey {
    let mut key = [0; 32];
    let extracted = Salt::new(HKDF_SHA256, &[]).extract(secret.expose().as_bytes());
    let expanded = extracted.expand(&[PURPOSE], KeyLength);
    expanded.and_then(|bytes| bytes.fill(&mut key)).expect("HKDF gives as much as a key has");
    RandomizedNonceKey::new(&AES_256_GCM_SIV, &key).expect("a key of this cipher has 32 bytes")
}

/// That of AES-256.
struct KeyLength;

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

impl SessionStore for InCookie {
    fn load<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<SessionRecord>, BoxError>> {
        Box::pin(async { Ok(self.open(token)) })
    }

    fn create(&self, record: SessionRecord) -> BoxFuture<'_, Result<String, BoxError>> {
        Box::pin(async move { self.seal(&record) })
    }

    fn update<'a>(
        &'a self,
        _token: &'a str,
        mut loaded: SessionRecord,
        change: SessionChange,
    ) -> BoxFuture<'a, Result<Updated, BoxError>> {
        Box::pin(async move {
            change.apply(&mut loaded);
            self.seal(&loaded).map(Updated::Renewed)
        })
    }

    fn remove<'a>(&'a self, _token: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async { Ok(()) }) // the browser is told to forget it
    }

    fn remove_user<'a>(&'a self, _user: i64, _kept: Option<&'a str>) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async { Err(CannotBeEnded.into()) })
    }

    fn remove_expired(&self, _now: i64) -> BoxFuture<'_, Result<usize, BoxError>> {
        Box::pin(async { Ok(0) })
    }
}
