use http::HeaderMap;
use http::header::CONNECTION;

/// What `Connection` says (RFC 9110 §7.6.1), as far as this server knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ConnectionOptions {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
}

impl ConnectionOptions {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut options = Self::default();
        let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok()); // options are text
        for option in values.flat_map(|value| value.split(',')).map(str::trim) {
            options.close |= option.eq_ignore_ascii_case("close");
            options.keep_alive |= option.eq_ignore_ascii_case("keep-alive");
            options.upgrade |= option.eq_ignore_ascii_case("upgrade");
        }
        options
    }
}
