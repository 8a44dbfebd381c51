use std::fmt::Write;

use super::caller::Caller;
use super::text::beginning;

/// The most bytes of a route in a comment, before they are escaped.
const LONGEST_ROUTE: usize = 256;

/// A comment of SQL with the request and its route, as sqlcommenter writes them: what is no letter or digit is escaped as in
/// a URL, so that no text ends the comment or a quote in it.
pub(super) fn comment(caller: &Caller) -> String {
    let mut comment = "/*".to_owned();
    if let Some(route) = caller.route() {
        push(&mut comment, "route", beginning(route, LONGEST_ROUTE));
        comment.push(',');
    }
    push(&mut comment, "request", &caller.request.to_string());
    comment + "*/ "
}

fn push(comment: &mut String, key: &str, value: &str) {
    comment.push_str(key);
    comment.push_str("='");
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => comment.push(byte.into()),
            other => write!(comment, "%{other:02X}").expect("writing to a String cannot fail"),
        }
    }
    comment.push('\'');
}

#[cfg(test)]
mod tests {
    use foobar_core::{RequestId, RoutePattern};

    use super::*;

    fn of(request: &str, route: Option<&str>) -> String {
        let route = route.map(|route| RoutePattern::new(route.to_owned()));
        comment(&Caller::new(RequestId::given(request.as_bytes()).unwrap(), route))
    }

    #[test]
    fn a_comment_has_the_route_and_the_request() {
        assert_eq!(of("abc", Some("/users/{id}")), "/*route='%2Fusers%2F%7Bid%7D',request='abc'*/ ");
        assert_eq!(of("a-b_c.d:e+f/g=h@i", None), "/*request='a-b_c.d%3Ae%2Bf%2Fg%3Dh%40i'*/ ");
    }

    #[test]
    fn no_text_ends_the_comment_or_a_quote_in_it() {
        for hostile in ["*/ DROP TABLE users; /*", "'", "\\", "\"", "?", ":name", "!50000 x", "é☂\0\n", "%2A/"] {
            let comment = of("abc", Some(hostile));
            let inside = comment.strip_prefix("/*route='").unwrap().strip_suffix("',request='abc'*/ ").unwrap();
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.~%".contains(letter);
            assert!(inside.chars().all(is_plain), "{comment}");
        }
    }

    #[test]
    fn a_long_route_is_cut() {
        assert!(of("abc", Some(&"/☂".repeat(10_000))).len() < 4 * LONGEST_ROUTE);
    }
}
