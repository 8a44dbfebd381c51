use http::header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderValue};

use crate::AppSettings;

/// The headers that a response gets unless it has them.
pub(super) struct SecurityHeaders(Vec<(HeaderName, HeaderValue)>);

impl SecurityHeaders {
    pub(super) fn new(settings: &AppSettings) -> Self {
        let configured = [
            (CONTENT_SECURITY_POLICY, &settings.content_security_policy),
            (X_FRAME_OPTIONS, &settings.frame_options),
            (REFERRER_POLICY, &settings.referrer_policy),
            (CROSS_ORIGIN_OPENER_POLICY, &settings.cross_origin_opener_policy),
        ];
        let configured = configured.into_iter().filter_map(|(name, text)| Some((name, text.value()?.clone())));
        let always = (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Self(std::iter::once(always).chain(configured).collect())
    }

    pub(super) fn add(&self, headers: &mut HeaderMap) {
        headers.reserve(self.0.len() + 1);
        for (name, value) in &self.0 {
            headers.entry(name).or_insert_with(|| value.clone());
        }
    }
}

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
