use foobar_core::Scheme;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::settings::CookieName;
use super::store::MAX_TOKEN;

/// The cookie of a session, for requests of one scheme.
pub(super) struct SessionCookie<'a> {
    pub(super) name: &'a CookieName,
    pub(super) scheme: Scheme,
}

impl SessionCookie<'_> {
    /// The token that a request brings; `None` where what it brings cannot be one.
    pub(super) fn token(&self, request: &HeaderMap) -> Option<String> {
        let pairs = request.get_all(COOKIE).iter().flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
        let pairs = pairs.filter_map(|pair| str::from_utf8(pair).ok()); // another one is not ours
        let mut pairs = pairs.filter_map(|pair| pair.trim_ascii().split_once('='));
        let (_, token) = pairs.find(|(name, token)| self.is(name) && is_token(token))?;
        Some(token.to_owned())
    }

    fn is(&self, name: &str) -> bool {
        name.strip_prefix(self.prefix()) == Some(self.name.as_str())
    }

    /// The field that makes a browser keep `token` until it is closed.
    pub(super) fn set(&self, token: &str) -> HeaderValue {
        self.field(token, "")
    }

    /// The field that makes a browser forget it.
    pub(super) fn unset(&self) -> HeaderValue {
        self.field("", "; Max-Age=0")
    }

    fn field(&self, token: &str, life: &str) -> HeaderValue {
        let (prefix, name) = (self.prefix(), self.name.as_str());
        let secure = if self.scheme == Scheme::Https { "; Secure" } else { "" };
        let field = format!("{prefix}{name}={token}; Path=/; HttpOnly; SameSite=Lax{secure}{life}");
        HeaderValue::try_from(field).expect("a name of a cookie and a token are visible characters")
    }

    /// A browser takes one of this prefix over TLS alone, from this host, for all of its paths.
    const fn prefix(&self) -> &'static str {
        match self.scheme {
            Scheme::Https => "__Host-",
            Scheme::Http => "",
        }
    }
}

/// Whether a store may have made it.
pub(super) fn is_token(text: &str) -> bool {
    let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_TOKEN).contains(&text.len()) && text.bytes().all(is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(scheme: Scheme, field: &str) -> Option<String> {
        let name = CookieName::try_from("session".to_owned()).unwrap();
        let fields = HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(field.as_bytes()).unwrap())]);
        SessionCookie { name: &name, scheme }.token(&fields)
    }

    #[test]
    fn a_token_is_found_under_the_name_for_its_scheme_alone() {
        for (scheme, field, expected) in [
            (Scheme::Http, "session=abc", Some("abc")),
            (Scheme::Http, "a=b;  session=abc; c", Some("abc")),
            (Scheme::Http, "__Host-session=abc", None),
            (Scheme::Https, "session=planted; __Host-session=abc", Some("abc")),
            (Scheme::Https, "session=planted", None),
            (Scheme::Http, "xsession=abc; Session=abc", None),
            (Scheme::Http, "name=Zoë; session=abc; ö=ü", Some("abc")),
        ] {
            assert_eq!(token(scheme, field).as_deref(), expected, "{field}");
        }
    }

    #[test]
    fn a_cookie_of_other_bytes_beside_it_loses_no_session() {
        let name = CookieName::try_from("session".to_owned()).unwrap();
        let field = HeaderValue::from_bytes(b"latin=\xe9\xff; session=abc; \x80").unwrap();
        let cookie = SessionCookie { name: &name, scheme: Scheme::Http };
        assert_eq!(cookie.token(&HeaderMap::from_iter([(COOKIE, field)])).as_deref(), Some("abc"));
    }

    #[test]
    fn what_no_store_has_made_is_no_token() {
        let long = format!("session={}", "a".repeat(MAX_TOKEN + 1));
        for field in ["session=", "session=a b", "session=\"abc\"", "session=a%00", "session=ä", "session", &long] {
            assert_eq!(token(Scheme::Http, field), None, "{field}");
        }
        assert_eq!(token(Scheme::Http, "session=\"\"; session=abc").as_deref(), Some("abc"));
    }
}
