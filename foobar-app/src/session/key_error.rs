/// How many characters a key has at least.
pub(super) const MIN_KEY: usize = 32;

/// Why sessions cannot be kept in cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key is configured.
    #[error(
        "sessions are kept in their cookies, and there is no key to encrypt them: give a random text, as `openssl rand \
         -base64 32` makes it, in `session.keys` or the environment"
    )]
    Missing,
    /// One is too short.
    #[error(
        "key {0} of `session.keys` has fewer than {MIN_KEY} characters: `openssl rand -base64 32` makes one that is long enough"
    )]
    Short(usize),
}
