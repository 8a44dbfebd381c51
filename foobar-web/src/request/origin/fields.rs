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
/// whoever reads any of them reads the same. What nobody knows of the origin is removed. An address in a field such as
/// `X-Real-IP` stays where the proxy says nothing else of who asked, and so does what it says of other things: who has
/// signed in (`X-Forwarded-User`), which path it has rewritten.
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
    let names_client = headers.contains_key(FORWARDED) || headers.contains_key(X_FORWARDED_FOR);
    let is_of_origin = |name: &str| match ADDRESSES.contains(&name) {
        true => names_client,
        false => OF_ORIGIN.contains(&name),
    };
    let claims: Vec<HeaderName> = headers.keys().filter(|name| is_of_origin(name.as_str())).cloned().collect();
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
    name.starts_with("x-forwarded") || ADDRESSES.contains(&name) || OF_ORIGIN.contains(&name) || PATHS.contains(&name)
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

/// What else is said of who asked, and how. `Via` is none of them: it names proxies and protocols, and no client.
const OF_ORIGIN: [&str; 21] = [
    "cf-connecting-ipv6",
    "cloudfront-forwarded-proto",
    "cloudfront-viewer-address",
    "forwarded",
    "forwarded-for",
    "front-end-https",
    "x-azure-socketip",
    "x-forwarded",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-host",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-proto",
    "x-real-port",
    "x-scheme",
    "x-url-scheme",
];

/// What a request was for before a proxy rewrote it.
const PATHS: [&str; 3] = ["x-envoy-original-path", "x-original-url", "x-rewrite-url"];
