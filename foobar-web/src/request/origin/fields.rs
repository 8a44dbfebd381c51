use std::net::IpAddr;

use foobar_core::Scheme;
use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::claims::{Claim, Claims};
use super::told::Origin;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

impl Claims for HeaderMap {
    fn values(&self, claim: Claim) -> impl Iterator<Item = &[u8]> {
        let name = match claim {
            Claim::Forwarded => FORWARDED,
            Claim::For => X_FORWARDED_FOR,
            Claim::Host => X_FORWARDED_HOST,
            Claim::Proto => X_FORWARDED_PROTO,
        };
        self.get_all(name).into_iter().map(HeaderValue::as_bytes)
    }
}

/// Puts what was found to be true in the place of what the fields said, in those that came: each has one value then, and
/// whoever reads any of them reads the same. What nobody knows is removed.
pub(crate) fn clean(headers: &mut HeaderMap, origin: &Origin) {
    let client = origin.client.map(|client| client.ip());
    let scheme = origin.scheme.map(Scheme::as_str);
    let mut replace = |name: HeaderName, value: &dyn Fn() -> Option<String>| {
        if headers.remove(&name).is_some()
            && let Some(Ok(value)) = value().map(HeaderValue::try_from)
        {
            headers.insert(name, value);
        }
    };
    replace(X_FORWARDED_FOR, &|| client.map(|client| client.to_string()));
    replace(X_FORWARDED_PROTO, &|| scheme.map(str::to_owned));
    replace(X_FORWARDED_HOST, &|| origin.host.clone());
    replace(FORWARDED, &|| Some(forwarded(client, scheme, origin.host.as_deref())));
}

fn forwarded(client: Option<IpAddr>, scheme: Option<&str>, host: Option<&str>) -> String {
    let mut text = match client {
        Some(IpAddr::V6(client)) => format!("for=\"[{client}]\""),
        Some(client) => format!("for={client}"),
        None => "for=unknown".to_owned(),
    };
    text.extend(host.map(|host| format!(";host=\"{host}\"")));
    text.extend(scheme.map(|scheme| format!(";proto={scheme}")));
    text
}

/// Takes from a request all that it says of where it came from.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let claims: Vec<HeaderName> = headers.keys().filter(|name| is_claim(name.as_str())).cloned().collect();
    for name in claims {
        headers.remove(name);
    }
}

/// Whether proxies use a field of this name, or applications believe one, for who asked, how and for what.
fn is_claim(name: &str) -> bool {
    match name.as_bytes()[0] {
        b'x' => name.starts_with("x-forwarded") || X_CLAIMS.contains(&name),
        b'c' | b'f' | b't' => CLAIMS.contains(&name),
        _ => false,
    }
}

const CLAIMS: [&str; 8] = [
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "forwarded-for",
    "front-end-https",
    "true-client-ip",
];
const X_CLAIMS: [&str; 16] = [
    "x-appengine-user-ip",
    "x-azure-clientip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-url",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-real-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-rewrite-url",
    "x-scheme",
    "x-url-scheme",
];
