/// A place on this site, from what a client says: a path with its query, and never another site. `None` of everything
/// else: `//evil.test`, `https:evil.test`, `/\evil.test`.
///
/// ```
/// # use foobar_app as foobar;
/// assert_eq!(foobar::local_path("/account?tab=2"), Some("/account?tab=2"));
/// assert_eq!(foobar::local_path("//evil.test"), None);
/// ```
pub fn local_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix('/')?;
    let is_elsewhere = rest.starts_with(['/', '\\']); // browsers read both as the beginning of a host
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'); // they drop tabs and line ends
    (!is_elsewhere && is_plain).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_go_back_to_is_on_this_site() {
        for path in ["/", "/account", "/a?next=//b", "/a/%2F/b", "/a#b", "/%0d%0aSet-Cookie:x"] {
            assert_eq!(local_path(path), Some(path));
        }
    }

    #[test]
    fn what_a_browser_may_read_as_another_site_is_no_place() {
        for path in [
            "",
            "//evil",
            "//evil/..",
            "https:evil",
            "https://evil",
            "/\\evil",
            "\\/evil",
            "\\\\evil",
            "/\t/evil",
            "/\n/evil",
            "\t//evil",
            " //evil",
            " /a",
            "/a b",
            "javascript:alert(1)",
            "evil",
            "./a",
            "/a\r\nSet-Cookie: b",
            "/a\0",
            "/ä",
            "/a\\b",
        ] {
            assert_eq!(local_path(path), None, "{path:?}");
        }
    }
}
