use foobar_core::Scheme;
use http::Uri;
use http::header::HeaderValue;

use crate::Www;
use crate::request::Host;

/// The name with its `www.` added or removed; `None` if it is so already, or may stay as it is.
pub(crate) fn canonical_name(www: Www, name: &str) -> Option<String> {
    match (www, name.strip_prefix("www.")) {
        (Www::Add, None) => Some(format!("www.{name}")),
        (Www::Remove, Some(bare)) => Some(bare.to_owned()),
        _ => None,
    }
}

/// The URL of the same resource under another name; scheme, port, path and query are kept.
pub(crate) fn under(name: &str, scheme: Scheme, host: &Host<'_>, uri: &Uri) -> Option<HeaderValue> {
    let (colon, port) = host.port.map_or(("", ""), |port| (":", port));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    HeaderValue::try_from(format!("{}://{name}{colon}{port}{path}", scheme.as_str())).ok() // a URI has no control bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gets_or_loses_its_www() {
        assert_eq!(canonical_name(Www::Add, "foobar.com").as_deref(), Some("www.foobar.com"));
        assert_eq!(canonical_name(Www::Add, "www.foobar.com"), None);
        assert_eq!(canonical_name(Www::Remove, "www.foobar.com").as_deref(), Some("foobar.com"));
        assert_eq!(canonical_name(Www::Remove, "foobar.com"), None);
        assert_eq!(canonical_name(Www::Keep, "foobar.com"), None);
    }

    #[test]
    fn a_redirect_keeps_scheme_port_path_and_query() {
        let host = Host::parse("foobar.com:8080").expect("the host is good");
        let uri = Uri::from_static("/a%0d%0ab//?c=d&e");
        let location = under("www.foobar.com", Scheme::Https, &host, &uri).expect("the URL is good");
        assert_eq!(location, "https://www.foobar.com:8080/a%0d%0ab//?c=d&e");
    }
}
