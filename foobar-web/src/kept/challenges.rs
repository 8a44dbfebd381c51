use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;

/// The protocol of the handshakes by which an authority looks (ALPN, RFC 8737).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// What an authority finds when it looks whether a name is this server's (RFC 8555 §8.3, RFC 8737).
#[derive(Default)]
pub(crate) struct Challenges {
    /// The hash of the account's key: with it any token is answered, whichever server of an account has asked for it.
    thumbprint: RwLock<Option<Arc<str>>>,
    /// By the name that is looked at.
    handshakes: RwLock<HashMap<String, Arc<ServerConfig>>>,
}

impl Challenges {
    pub(crate) fn set_thumbprint(&self, thumbprint: &str) {
        *self.thumbprint.write().unwrap_or_else(PoisonError::into_inner) = Some(thumbprint.into());
    }

    /// What is found at the URL of this token; `None` if it is none, or there is no account yet.
    pub(crate) fn answer(&self, token: &str) -> Option<String> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if token.is_empty() || token.len() > LONGEST_TOKEN || !token.bytes().all(is_token) {
            return None;
        }
        let thumbprint = self.thumbprint.read().unwrap_or_else(PoisonError::into_inner);
        thumbprint.as_ref().map(|thumbprint| format!("{token}.{thumbprint}"))
    }

    /// Has the handshakes for a name go by this, until they are [ended](Self::end_handshakes).
    pub(crate) fn add_handshake(&self, name: &str, config: ServerConfig) {
        let mut handshakes = self.handshakes.write().unwrap_or_else(PoisonError::into_inner);
        handshakes.insert(name.to_owned(), Arc::new(config));
    }

    pub(crate) fn end_handshakes(&self) {
        self.handshakes.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What a handshake for this name in lower case goes by.
    pub(crate) fn handshake(&self, name: &str) -> Option<Arc<ServerConfig>> {
        self.handshakes.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// Authorities use some forty letters.
const LONGEST_TOKEN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_token_is_answered_with_the_hash_of_the_accounts_key_and_nothing_else_is() {
        let challenges = Challenges::default();
        assert_eq!(challenges.answer("token"), None, "there is no account yet");
        challenges.set_thumbprint("thumbprint");
        assert_eq!(challenges.answer("a-B_9").as_deref(), Some("a-B_9.thumbprint"));
        let long = "a".repeat(LONGEST_TOKEN + 1);
        for other in ["", ".", "a.b", "a/b", "<script>", "a%20b", "ä", &long] {
            assert_eq!(challenges.answer(other), None, "{other}");
        }
    }
}
