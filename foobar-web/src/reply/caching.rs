use http::HeaderMap;
use http::header::{CACHE_CONTROL, EXPIRES, HeaderName, PRAGMA};

/// Whether a field tells a cache what it may keep: `Cache-Control`, what goes before it in the caches of CDNs and proxies
/// (RFC 9213, `Surrogate-Control`), and what older ones read.
pub(crate) fn is_for_caches(name: &HeaderName) -> bool {
    [CACHE_CONTROL, EXPIRES, PRAGMA].contains(name) || is_for_shared_caches(name)
}

/// Whether it tells so a cache of a server's side alone.
fn is_for_shared_caches(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.ends_with("-cache-control") || name.starts_with("surrogate-") || name == "edge-control"
}

/// Removes every field that tells a cache what it may keep but `Cache-Control` and `Expires`.
pub(crate) fn remove_beside_cache_control(headers: &mut HeaderMap) {
    let is_beside = |name: &&HeaderName| is_for_shared_caches(name) || **name == PRAGMA;
    let names: Vec<_> = headers.keys().filter(is_beside).cloned().collect();
    names.iter().for_each(|name| _ = headers.remove(name));
}
