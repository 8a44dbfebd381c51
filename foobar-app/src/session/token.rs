//! Random tokens: what a cookie has, and what is kept of it.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// 128 bits.
const LENGTH: usize = 16;

/// A token for a row, and what the row has of it.
#[derive(Clone)]
pub(super) struct New {
    pub(super) token: String,
    pub(super) id: Vec<u8>,
}

impl New {
    pub(super) fn generate() -> Self {
        let token = generate();
        let id = hash(&token).expect("it is a token");
        Self { token, id }
    }
}

/// A new token, in 22 characters.
pub(crate) fn generate() -> String {
    let mut bytes = [0; LENGTH];
    rand::fill(&mut bytes).expect("the system has random numbers");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a store keeps of a token; `None` of what is no token.
pub(crate) fn hash(token: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == LENGTH)?; // else nobody gave it out
    Some(digest(&SHA256, &bytes).as_ref().to_vec())
}
