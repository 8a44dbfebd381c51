use foobar_core::{Request, Scheme};
use http::header::HOST;
use http::uri::Authority;

/// Whether `origin` (RFC 6454) is that of the request itself: of its `own` scheme, and of the same host and port.
pub(super) fn is_own(origin: &[u8], request: &Request, own: Scheme) -> bool {
    let Some((scheme, host)) = std::str::from_utf8(origin).ok().and_then(|origin| origin.split_once("://")) else {
        return false; // `null` too, the origin of what has none
    };
    let Some(theirs) = Place::of(host, own) else { return false };
    scheme == own.as_str() && hosts(request).filter_map(|host| Place::of(host, own)).any(|ours| ours == theirs)
}

/// The names that the client may have asked for: what a trusted proxy says of them comes first.
fn hosts(request: &Request) -> impl Iterator<Item = &str> {
    let fields = request.headers();
    let forwarded = fields.get("x-forwarded-host").and_then(|host| host.to_str().ok()); // no name of a host else
    let asked = request.uri().authority().map(Authority::as_str);
    let asked = asked.or_else(|| fields.get(HOST).and_then(|host| host.to_str().ok())); // the same
    forwarded.into_iter().chain(asked)
}

/// A host and its port.
#[derive(PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
}

impl Place {
    fn of(text: &str, scheme: Scheme) -> Option<Self> {
        let authority: Authority = text.parse().ok().filter(|_| !text.contains('@'))?; // no origin has a user
        let port = match (text.ends_with(':'), authority.port()) {
            (true, _) => return None,
            (false, Some(port)) => port.as_str().parse().ok()?, // too large
            (false, None) if scheme == Scheme::Https => 443,
            (false, None) => 80,
        };
        Some(Self { host: authority.host().to_ascii_lowercase(), port })
    }
}
