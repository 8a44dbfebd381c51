use foobar_core::{List, Period, Size, config::settings};
use http::HeaderValue;

use crate::TrustedProxy;

settings! {
    /// `[app]`: the application tier.
    pub struct AppSettings in "app" {
        /// How long the application's own start (`App::start`: seed data, caches) may take, not counting the migrations
        /// and the waiting for a database that is down. One that takes longer ends the program. `"0"` for no limit. One
        /// query of it takes `database.query_timeout` at most.
        pub start_timeout: Period = r#""10m""#,
        /// How long a handler may take to the head of its response; then the client gets 504 and the handler is
        /// dropped. Bodies that stream and upgraded connections are not cut. `"0"` for no limit.
        pub request_timeout: Period = r#""30s""#,
        /// The largest frame that a WebSocket client may send; one that announces more ends its connection. `"0"` for no
        /// limit: then one client can fill the memory.
        pub max_websocket_frame: Size = r#""1MiB""#,
        /// The proxies in front of this server: addresses (`"127.0.0.1"`, `"::1"`), networks (`"10.0.0.0/8"`), or
        /// `"unix"` for connections over a Unix socket. From all others the application does not get `Forwarded` and
        /// the `X-Forwarded-` fields. A proxy must set each field that it uses in place of the client's (nginx:
        /// `X-Forwarded-For $remote_addr`) and remove the others: of several values actix-web believes the first.
        pub trusted_proxies: List<TrustedProxy> = "[]",
        /// The header `Content-Security-Policy` of responses that do not set it; `""` for none.
        pub content_security_policy: HeaderText = CONTENT_SECURITY_POLICY,
        /// The header `X-Frame-Options`, for browsers that do not know `frame-ancestors`, of responses that do not set
        /// it; `""` for none.
        pub frame_options: HeaderText = r#""DENY""#,
        /// The header `Referrer-Policy` of responses that do not set it; `""` for none.
        pub referrer_policy: HeaderText = r#""strict-origin-when-cross-origin""#,
        /// The header `Cross-Origin-Opener-Policy` of responses that do not set it; `""` for none.
        pub cross_origin_opener_policy: HeaderText = r#""same-origin""#,
    }
}

const CONTENT_SECURITY_POLICY: &str =
    r#""default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'""#;

/// The value of a header field, checked; an empty text is no field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct HeaderText(Option<HeaderValue>);

impl HeaderText {
    pub(crate) fn value(&self) -> Option<&HeaderValue> {
        self.0.as_ref()
    }
}

impl TryFrom<String> for HeaderText {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let value = (!text.is_empty()).then(|| HeaderValue::try_from(text)).transpose();
        value.map(Self).map_err(|_| "the value of a header is one line of visible characters")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foobar_core::config::Loader;

    #[test]
    fn a_header_text_is_one_line_and_an_empty_one_is_no_header() {
        assert_eq!(HeaderText::try_from(String::new()).map(|text| text.0), Ok(None));
        assert!(HeaderText::try_from("DENY".to_owned()).is_ok_and(|text| text.value().is_some()));
        assert!(HeaderText::try_from("a\r\nSet-Cookie: b".to_owned()).is_err());
    }

    fn proxies(value: &str) -> Result<List<TrustedProxy>, String> {
        let loader = Loader::default().section::<AppSettings>().set("app.trusted_proxies", value, "--set");
        let section = loader.load().expect("the key is known").section::<AppSettings>();
        section.map(|settings| settings.trusted_proxies).map_err(|error| error.to_string())
    }

    #[test]
    fn the_proxies_are_a_list_and_a_bad_one_is_an_error_that_says_what_is_accepted() {
        assert!(AppSettings::default().trusted_proxies.is_empty());
        let all = ["10.0.0.0/8", "::1", "unix"].map(|text| TrustedProxy::try_from(text.to_owned()));
        let all: List<_> = all.into_iter().collect::<Result<_, _>>().expect("they are proxies");
        assert_eq!(proxies("10.0.0.0/8, ::1, unix"), Ok(all));
        let error = proxies("10.0.0.0/8, localhost").expect_err("a name is no proxy");
        for part in ["app.trusted_proxies", "\"localhost\"", "127.0.0.1", "10.0.0.0/8", "unix"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
