use foobar_core::config::settings;
use foobar_core::{List, Period, Secret};

settings! {
    /// `[session]`: the sessions of visitors, where the application keeps any (`App::sessions`).
    pub struct SessionSettings in "session" {
        /// The name of the cookie. Over TLS it begins with `__Host-` besides, so that no other host can set it.
        pub cookie: CookieName = r#""session""#,
        /// How long after its last use a session ends. The time of the last use is written every five minutes at most.
        pub idle_timeout: Period = r#""14d""#,
        /// How long after its beginning, or after the last sign-in, a session ends, however it is used.
        pub lifetime: Period = r#""90d""#,
        /// The keys of sessions that are kept in the cookie itself (`Sessions::in_cookie`), and of the secrets of
        /// second factors: random texts of 32 characters at least, such as `openssl rand -base64 32` makes. The first
        /// one encrypts; those after it are still read. First add a new one at the end everywhere and reload, then move
        /// it to the front and reload again, and drop the old one after `lifetime`: a worker or a process that lacks a
        /// key can read nothing that another has encrypted by it.
        pub keys: List<Secret> = "[]",
    }
}

/// The name of a cookie: a token of RFC 9110.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct CookieName(String);

impl CookieName {
    /// The name without a prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CookieName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_plain = !name.is_empty() && name.bytes().all(is_name) && !name.starts_with("__");
        is_plain
            .then_some(Self(name))
            .ok_or("the name of a cookie has letters, digits, `-`, `_` and `.`, and no `__` in front")
    }
}
