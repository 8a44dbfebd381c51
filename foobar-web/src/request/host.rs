use std::borrow::Cow;
use std::net::Ipv6Addr;

use http::header::{HOST, HeaderValue};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};
use http::{Method, Version};

/// Whom a request is for (RFC 9110 §7.2): a name in lower case without its final dot, and the port as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) port: Option<&'a str>,
}

/// A request that does not say whom it is for, or not once, or not in the form of a host: 400.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadHost;

impl<'a> Host<'a> {
    /// The host of a request; `None` in HTTP/1.0, where it may be missing.
    pub(crate) fn of(request: &'a Parts) -> Result<Option<Self>, BadHost> {
        let mut hosts = request.headers.get_all(HOST).iter();
        match (hosts.next(), hosts.next()) {
            (None, _) if request.version == Version::HTTP_10 => Ok(None),
            (Some(host), None) => Self::parse(host.to_str().map_err(|_| BadHost)?).map(Some),
            _ => Err(BadHost),
        }
    }

    pub(crate) fn parse(text: &'a str) -> Result<Self, BadHost> {
        let (name, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
            Some((address, rest)) => {
                let address: Ipv6Addr = address.parse().map_err(|_| BadHost)?;
                let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or(BadHost)?) };
                (Cow::Owned(format!("[{address}]")), port)
            }
            None => {
                let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
                (normal_name(name)?, port)
            }
        };
        let port = port.filter(|port| !port.is_empty());
        if port.is_some_and(|port| !port.bytes().all(|b| b.is_ascii_digit()) || port.parse::<u16>().is_err()) {
            return Err(BadHost);
        }
        Ok(Self { name, port })
    }
}

/// Makes a target in absolute form (RFC 9112 §3.2.2) look like any other: its authority becomes the `Host`, which it
/// overrides, so that nobody behind this reads another one.
pub(crate) fn normalise(request: &mut Parts) -> Result<(), BadHost> {
    let Some(authority) = request.uri.authority() else { return Ok(()) };
    if request.version == Version::HTTP_11 && request.headers.get_all(HOST).iter().count() != 1 {
        return Err(BadHost);
    }
    let host = HeaderValue::try_from(authority.as_str()).map_err(|_| BadHost)?;
    request.headers.insert(HOST, host);
    if request.method != Method::CONNECT {
        let path = request.uri.path_and_query().cloned();
        request.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/"))); // an authority alone
    }
    Ok(())
}

fn normal_name(name: &str) -> Result<Cow<'_, str>, BadHost> {
    let name = name.strip_suffix('.').unwrap_or(name); // a final dot means the same name
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if name.len() > 255 || !name.split('.').all(label) {
        return Err(BadHost);
    }
    let lower = !name.bytes().any(|b| b.is_ascii_uppercase());
    Ok(if lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn a_host_is_a_name_or_address_with_or_without_a_port() {
        let host = |name: &'static str, port| Ok(Host { name: name.into(), port });
        assert_eq!(Host::parse("a"), host("a", None));
        assert_eq!(Host::parse("WWW.Foobar.com.:8080"), host("www.foobar.com", Some("8080")));
        assert_eq!(Host::parse("127.0.0.1:80"), host("127.0.0.1", Some("80")));
        assert_eq!(Host::parse("[0:0::1]:80"), host("[::1]", Some("80")));
        assert_eq!(Host::parse("[::1]"), host("[::1]", None));
        assert_eq!(Host::parse("a:"), host("a", None));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in [
            "", ".", "a..b", ".a", "a,b", "a/b", "u@a", "a:99999", "a:1:2", "a:x", "a:+1", "[::1", "[::1]x", "[::1]:x",
            "[a]", "::1", "a b", "a\u{e9}", "a%41", "a*", "a;b",
        ] {
            assert_eq!(Host::parse(bad), Err(BadHost), "{bad:?}");
        }
        assert_eq!(Host::parse(&"a".repeat(256)), Err(BadHost));
    }

    fn request(version: Version, uri: &str, hosts: &[&str]) -> Parts {
        let mut request = Request::builder().version(version).uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).expect("the request is well-formed").into_parts().0
    }

    #[test]
    fn http_1_1_has_exactly_one_host_and_http_1_0_may_have_none() {
        assert_eq!(Host::of(&request(Version::HTTP_11, "/", &[])), Err(BadHost));
        assert_eq!(Host::of(&request(Version::HTTP_11, "/", &["a", "a"])), Err(BadHost));
        assert_eq!(Host::of(&request(Version::HTTP_10, "/", &["a", "a"])), Err(BadHost));
        assert_eq!(Host::of(&request(Version::HTTP_10, "/", &[])), Ok(None));
    }

    #[test]
    fn the_authority_of_an_absolute_target_overrides_the_host() {
        let mut parts = request(Version::HTTP_11, "http://b:81/x?y", &["a"]);
        assert_eq!(normalise(&mut parts), Ok(()));
        assert_eq!(parts.uri, "/x?y");
        assert_eq!(parts.headers[HOST], "b:81");
        assert_eq!(normalise(&mut request(Version::HTTP_11, "http://b/", &[])), Err(BadHost));
    }
}
