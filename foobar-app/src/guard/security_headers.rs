use foobar_core::DefaultFields;
use http::HeaderValue;
use http::header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};

use crate::AppSettings;

/// The headers that a response gets unless it has them.
pub(super) fn of(settings: &AppSettings) -> DefaultFields {
    let configured = [
        (CONTENT_SECURITY_POLICY, &settings.content_security_policy),
        (X_FRAME_OPTIONS, &settings.frame_options),
        (REFERRER_POLICY, &settings.referrer_policy),
        (CROSS_ORIGIN_OPENER_POLICY, &settings.cross_origin_opener_policy),
    ];
    let configured = configured.into_iter().filter_map(|(name, text)| Some((name, text.value()?.clone())));
    let always = (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    DefaultFields::new(std::iter::once(always).chain(configured))
}

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
