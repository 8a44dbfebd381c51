//! The text of a token: a prefix by which scanners of secrets know it, and 256 random bits.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const PREFIX: &str = "foobar_";
const LENGTH: usize = 32;

/// A new token, and what is kept of it.
pub(super) fn generate() -> (String, Vec<u8>) {
    let mut bytes = [0; LENGTH];
    rand::fill(&mut bytes).expect("the system has random numbers");
    (format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)), hash_of(&bytes))
}

/// What is kept of a token; `None` of what is no token.
pub(super) fn hash(token: &str) -> Option<Vec<u8>> {
    let text = token.strip_prefix(PREFIX)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == LENGTH)?; // else nobody gave it out
    Some(hash_of(&bytes))
}

fn hash_of(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_again_by_its_hash_and_what_is_none_is_not() {
        let (token, kept) = generate();
        assert_eq!(token.len(), PREFIX.len() + 43);
        assert_eq!(hash(&token), Some(kept));
        let bare = token.strip_prefix(PREFIX).unwrap();
        for text in
            ["", PREFIX, bare, &token[..49], &format!("{token}A"), &format!("Foobar_{bare}"), &format!("{token}=")]
        {
            assert_eq!(hash(text), None, "{text}");
        }
    }
}
