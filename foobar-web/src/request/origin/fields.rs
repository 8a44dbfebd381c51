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
/// whoever reads any of them reads the same. What nobody knows is removed, and what may be the client's own word.
pub(crate) fn clean(headers: &mut HeaderMap, origin: &Origin) {
    let client = origin.client.map(|client| client.ip());
    let scheme = origin.scheme.map(Scheme::as_str);
    let truth = |name: &HeaderName| match name.as_str() {
        "x-forwarded-proto" => scheme.map(str::to_owned),
        "x-forwarded-host" => origin.host.clone(),
        "forwarded" => Some(forwarded(client, scheme, origin.host.as_deref())),
        name if ADDRESSES.contains(&name) => client.map(|client| client.to_string()),
        _ => None,
    };
    let claims: Vec<HeaderName> = headers.keys().filter(|name| is_claim(name.as_str())).cloned().collect();
    for name in claims {
        headers.remove(&name);
        if let Some(Ok(value)) = truth(&name).map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
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
    name.starts_with("x-forwarded") || ADDRESSES.contains(&name) || OTHERS.contains(&name)
}

/// Those whose value is the address of the client.
const ADDRESSES: [&str; 22] = [
    "ali-cdn-real-ip",
    "cf-connecting-ip",
    "client-ip",
    "do-connecting-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "proxy-client-ip",
    "true-client-ip",
    "wl-proxy-client-ip",
    "x-appengine-user-ip",
    "x-azure-clientip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-forwarded-for",
    "x-nf-client-connection-ip",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-real-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-vercel-forwarded-for",
];

/// `Via` is none of them: it names proxies and protocols, and no client.
const OTHERS: [&str; 17] = [
    "cf-connecting-ipv6",
    "cloudfront-forwarded-proto",
    "cloudfront-viewer-address",
    "forwarded",
    "forwarded-for",
    "front-end-https",
    "x-azure-socketip",
    "x-envoy-original-path",
    "x-host",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-proto",
    "x-original-url",
    "x-real-port",
    "x-rewrite-url",
    "x-scheme",
    "x-url-scheme",
];
