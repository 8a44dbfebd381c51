use foobar_core::{Period, Size, config::settings};
use http::HeaderValue;

settings! {
    /// `[app]`: the application tier.
    pub struct AppSettings in "app" {
        /// How long the application's own start (`App::start`: seed data, caches) may take, not counting the migrations
        /// and the waiting for a database that is down. One that takes longer ends the program. `"0"` for no limit. One
        /// query of it takes `database.query_timeout` at most.
        pub start_timeout: Period = r#""10m""#,
        /// How long a handler may take to the head of its response; then the client gets 504 and the handler is
        /// dropped. Bodies that stream and upgraded connections are not cut. What is being kept of a session comes
        /// to its end first. `"0"` for no limit.
        pub request_timeout: Period = r#""30s""#,
        /// The largest frame that a WebSocket client may send; one that announces more ends its connection. `"0"` for
        /// no limit: then one client can fill the memory.
        pub max_websocket_frame: Size = r#""1MiB""#,
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

    #[test]
    fn a_header_text_is_one_line_and_an_empty_one_is_no_header() {
        assert_eq!(HeaderText::try_from(String::new()).map(|text| text.0), Ok(None));
        assert!(HeaderText::try_from("DENY".to_owned()).is_ok_and(|text| text.value().is_some()));
        assert!(HeaderText::try_from("a\r\nSet-Cookie: b".to_owned()).is_err());
    }
}
