use http::HeaderMap;
use http::header::{CONNECTION, HeaderValue};

/// Whether `Connection` names this option (RFC 9110 §7.6.1).
pub(crate) fn has_option(headers: &HeaderMap, option: &str) -> bool {
    let names = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| value.split(',').any(|name| name.trim().eq_ignore_ascii_case(option)))
    };
    headers.get_all(CONNECTION).iter().any(names)
}
