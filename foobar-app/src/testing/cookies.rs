use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use actix_web::cookie::Cookie;

/// The cookies of one browser (RFC 6265 section 5, with what its successor, RFC 6265bis, says of `Secure` and of
/// names). It has no list of public suffixes: a name without a dot is taken for one.
#[derive(Default)]
pub(super) struct CookieJar(Vec<Stored>);

/// Where a request goes, or an answer comes from.
pub(super) struct Place {
    host: String,
    path: String,
    is_secure: bool,
}

impl Place {
    /// `host` is in lower case, without a port. This machine is as good as TLS: what does not leave it cannot be
    /// overheard (Secure Contexts section 3.1), and so browsers have it.
    pub(super) fn new(host: String, path: &str, is_over_tls: bool) -> Self {
        Self { is_secure: is_over_tls || is_loopback(&host), host, path: path.to_owned() }
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// A cookie, in the order of creation among the others.
struct Stored {
    name: String,
    value: String,
    domain: Domain,
    path: String,
    is_secure: bool,
    /// `None`: with the browser.
    expires: Option<SystemTime>,
}

#[derive(PartialEq)]
enum Domain {
    /// This host alone.
    Host(String),
    /// It, and all below.
    Suffix(String),
}

impl CookieJar {
    /// The value of `Cookie` in a request, if there is any cookie for it: longer paths first, then older cookies.
    pub(super) fn header(&mut self, place: &Place, now: SystemTime) -> Option<String> {
        self.0.retain(|cookie| !cookie.is_over(now));
        let mut cookies: Vec<_> = self.0.iter().filter(|cookie| cookie.goes_to(place)).collect();
        cookies.sort_by_key(|cookie| Reverse(cookie.path.len()));
        let pairs: Vec<_> = cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Takes a `Set-Cookie` field of an answer; what a browser ignores is ignored.
    pub(super) fn set(&mut self, field: &[u8], from: &Place, now: SystemTime) {
        let Some(cookie) = std::str::from_utf8(field).ok().and_then(|field| Stored::parse(field, from, now)) else {
            return; // as a browser does
        };
        if !from.is_secure && self.0.iter().any(|other| other.is_secure && cookie.would_hide(other)) {
            return;
        }
        let same = self.0.iter().position(|other| {
            (&other.name, &other.domain, &other.path) == (&cookie.name, &cookie.domain, &cookie.path)
        });
        match same {
            Some(same) if cookie.is_over(now) => drop(self.0.remove(same)),
            Some(same) => self.0[same] = cookie,
            None if cookie.is_over(now) => {}
            None => self.0.push(cookie),
        }
    }

    /// The value of a cookie, the oldest of this name.
    pub(super) fn value(&self, name: &str, now: SystemTime) -> Option<String> {
        let cookie = self.0.iter().find(|cookie| cookie.name == name && !cookie.is_over(now))?;
        Some(cookie.value.clone())
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Stored {
    /// `None` if a browser ignores it.
    fn parse(field: &str, from: &Place, now: SystemTime) -> Option<Self> {
        let attributes = Cookie::parse(field).ok()?; // no cookie at all
        let (name, value) = field.split(';').next()?.split_once('=')?; // with its quotes, which the parser drops
        let (name, value) = (name.trim(), value.trim());
        let is_secure = attributes.secure() == Some(true);
        let path = attributes.path().filter(|path| path.starts_with('/'));
        let has_domain = attributes.domain().is_some_and(|domain| !domain.is_empty());
        let fits = match prefix(name) {
            Prefix::None => true,
            Prefix::Secure => is_secure,
            Prefix::Host => is_secure && path == Some("/") && !has_domain,
        };
        let has_controls = field.chars().any(|letter| letter.is_control() && letter != '\t'); // RFC 6265bis section 5.6
        if has_controls || !fits || (is_secure && !from.is_secure) || name.len() + value.len() > LONGEST {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: domain(attributes.domain(), &from.host)?,
            path: path.map_or_else(|| default_path(&from.path), str::to_owned),
            is_secure,
            expires: expiry(&attributes, now),
        })
    }

    fn is_over(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn goes_to(&self, place: &Place) -> bool {
        (place.is_secure || !self.is_secure) && self.domain.covers(&place.host) && covers_path(&self.path, &place.path)
    }

    /// Whether a request would have both, so that this one would be taken for `other`.
    fn would_hide(&self, other: &Self) -> bool {
        let (mine, its) = (self.domain.name(), other.domain.name());
        self.name == other.name && (is_below(mine, its) || is_below(its, mine)) && covers_path(&other.path, &self.path)
    }
}

/// The most bytes of a name and its value.
const LONGEST: usize = 4096;

/// What a name promises.
enum Prefix {
    None,
    Secure,
    Host,
}

fn prefix(name: &str) -> Prefix {
    let begins_with = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    match (begins_with("__Secure-"), begins_with("__Host-")) {
        (true, _) => Prefix::Secure,
        (_, true) => Prefix::Host,
        _ => Prefix::None,
    }
}

impl Domain {
    fn name(&self) -> &str {
        let (Self::Host(name) | Self::Suffix(name)) = self;
        name
    }

    fn covers(&self, host: &str) -> bool {
        match self {
            Self::Host(name) => name == host,
            Self::Suffix(name) => is_below(host, name),
        }
    }
}

/// Whose a cookie of `host` is; `None` if it may not be.
fn domain(attribute: Option<&str>, host: &str) -> Option<Domain> {
    match attribute.filter(|domain| !domain.is_empty()).map(str::to_ascii_lowercase) {
        None => Some(Domain::Host(host.to_owned())),
        Some(domain) if domain == host && !domain.contains('.') => Some(Domain::Host(domain)),
        Some(domain) => (domain.contains('.') && is_below(host, &domain)).then_some(Domain::Suffix(domain)),
    }
}

/// Whether a host is this domain or below it; an address is below none.
fn is_below(host: &str, domain: &str) -> bool {
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.') && !is_address)
}

/// The folder of a path (RFC 6265 section 5.1.4).
fn default_path(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, _)) if folder.starts_with('/') => folder.to_owned(),
        _ => "/".to_owned(),
    }
}

/// Whether a cookie of `path` goes to `asked`.
fn covers_path(path: &str, asked: &str) -> bool {
    asked.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || path.ends_with('/'))
}

/// `Max-Age` counts before `Expires`.
fn expiry(cookie: &Cookie<'_>, now: SystemTime) -> Option<SystemTime> {
    match cookie.max_age() {
        Some(age) if !age.is_positive() => Some(SystemTime::UNIX_EPOCH),
        Some(age) => now.checked_add(Duration::from_secs(age.whole_seconds().unsigned_abs())), // else it has no end
        None => cookie.expires_datetime().map(SystemTime::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn place(url: &str) -> Place {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (host, path) = rest.split_at(rest.find('/').expect("a path"));
        Place::new(host.to_owned(), path, scheme == "https")
    }

    fn later(seconds: u64) -> SystemTime {
        NOW + Duration::from_secs(seconds)
    }

    /// What `asked` is sent after an answer from `from` with these fields.
    fn sent(from: &str, fields: &[&str], asked: &str) -> String {
        let mut jar = CookieJar::default();
        fields.iter().for_each(|field| jar.set(field.as_bytes(), &place(from), NOW));
        jar.header(&place(asked), NOW).unwrap_or_default() // no field
    }

    const HOME: &str = "http://a.test/";
    const SECURE: &str = "https://a.test/";

    #[test]
    fn a_cookie_with_a_control_character_is_ignored() {
        for field in ["a=b\u{1}", "a\0=b", "a=b; Path=/\u{7f}"] {
            assert_eq!(sent(HOME, &[field], HOME), "", "{field:?}");
        }
    }

    #[test]
    fn a_cookie_goes_back_as_it_came_with_its_quotes_and_without_its_attributes() {
        for (field, pair) in [
            ("a=b", "a=b"),
            (" a = b ; Path=/; HttpOnly; SameSite=Lax", "a=b"),
            ("a=\"b c\"", "a=\"b c\""),
            ("a=", "a="),
            ("a=b=c", "a=b=c"),
            ("a=b; Max-Age=x; Expires=never; Unknown", "a=b"),
            ("a=ü%20", "a=ü%20"),
        ] {
            assert_eq!(sent(HOME, &[field], HOME), pair, "{field}");
        }
    }

    #[test]
    fn what_is_no_cookie_is_ignored() {
        for field in ["", "a", "=b", ";a=b", "a; b=c"] {
            assert_eq!(sent(HOME, &[field], HOME), "", "{field}");
        }
        assert_eq!(sent(HOME, &[&format!("a={}", "b".repeat(4095))], HOME).len(), 4097);
        assert_eq!(sent(HOME, &[&format!("a={}", "b".repeat(4096))], HOME), "");
    }

    #[test]
    fn a_path_is_met_in_whole_segments() {
        for (path, asked, goes) in [
            ("/", "/a/b", true),
            ("/a", "/a", true),
            ("/a", "/a/b", true),
            ("/a", "/ab", false),
            ("/a/", "/a/b", true),
            ("/a/", "/a", false),
            ("/a", "/", false),
        ] {
            let sent = sent(HOME, &[&format!("c=1; Path={path}")], &format!("http://a.test{asked}"));
            assert_eq!(!sent.is_empty(), goes, "{path} {asked}");
        }
    }

    #[test]
    fn without_a_path_a_cookie_is_the_folders() {
        let from = "http://a.test/shop/basket/add";
        for field in ["c=1", "c=1; Path=", "c=1; Path=relative"] {
            assert_eq!(sent(from, &[field], "http://a.test/shop/basket"), "c=1", "{field}");
            assert_eq!(sent(from, &[field], "http://a.test/shop"), "", "{field}");
        }
        assert_eq!(sent("http://a.test/login", &["c=1"], HOME), "c=1");
    }

    #[test]
    fn a_secure_cookie_comes_and_goes_over_tls_alone() {
        assert_eq!(sent(SECURE, &["c=1; Secure"], SECURE), "c=1");
        assert_eq!(sent(SECURE, &["c=1; Secure"], HOME), "");
        assert_eq!(sent(HOME, &["c=1; Secure"], SECURE), "");
        assert_eq!(sent(HOME, &["c=1"], SECURE), "c=1");
    }

    #[test]
    fn this_machine_has_secure_cookies_without_tls() {
        let field = "__Host-c=1; Secure; Path=/";
        for host in ["localhost", "shop.localhost", "127.0.0.1", "127.8.9.10", "[::1]"] {
            let home = format!("http://{host}/");
            assert_eq!(sent(&home, &[field], &home), "__Host-c=1", "{host}");
        }
        for host in ["localhost.test", "notlocalhost", "128.0.0.1", "[::2]", "127.0.0.1.test"] {
            let home = format!("http://{host}/");
            assert_eq!(sent(&home, &[field], &home), "", "{host}");
        }
    }

    #[test]
    fn a_secure_cookie_is_not_replaced_without_tls() {
        for (field, kept) in [
            ("c=2", "c=1"),
            ("c=; Max-Age=0", "c=1"),
            ("c=2; Path=/login", "c=1"),
            ("c=2; Domain=a.test", "c=1"),
            ("d=2", "c=1; d=2"),
        ] {
            let mut jar = CookieJar::default();
            jar.set(b"c=1; Secure", &place(SECURE), NOW);
            jar.set(field.as_bytes(), &place(HOME), NOW);
            assert_eq!(jar.header(&place(SECURE), NOW).as_deref(), Some(kept), "{field}");
        }
    }

    #[test]
    fn names_keep_their_promises() {
        for (field, is_kept) in [
            ("__Secure-c=1; Secure", true),
            ("__Secure-c=1", false),
            ("__secure-c=1", false),
            ("__Host-c=1; Secure; Path=/", true),
            ("__Host-c=1; Path=/", false),
            ("__Host-c=1; Secure", false),
            ("__Host-c=1; Secure; Path=/; Domain=a.test", false),
        ] {
            assert_eq!(!sent(SECURE, &[field], SECURE).is_empty(), is_kept, "{field}");
        }
    }

    #[test]
    fn a_cookie_is_its_hosts_and_with_a_domain_that_of_all_below() {
        for (from, field, asked, goes) in [
            ("a.test", "c=1", "a.test", true),
            ("a.test", "c=1", "b.a.test", false),
            ("b.a.test", "c=1; Domain=a.test", "a.test", true),
            ("b.a.test", "c=1; Domain=.A.test", "x.y.a.test", true),
            ("b.a.test", "c=1; Domain=a.test", "ba.test", false),
            ("a.test", "c=1; Domain=b.a.test", "b.a.test", false),
            ("a.test", "c=1; Domain=test", "a.test", false),
            ("a.test", "c=1; Domain=other.test", "a.test", false),
            ("localhost", "c=1; Domain=localhost", "localhost", true),
            ("localhost", "c=1; Domain=localhost", "a.localhost", false),
            ("127.0.0.1", "c=1; Domain=0.0.1", "127.0.0.1", false),
            ("127.0.0.1", "c=1; Domain=127.0.0.1", "127.0.0.1", true),
        ] {
            let sent = sent(&format!("http://{from}/"), &[field], &format!("http://{asked}/"));
            assert_eq!(!sent.is_empty(), goes, "{from} {field} {asked}");
        }
    }

    #[test]
    fn max_age_ends_a_cookie_and_counts_before_expires() {
        let past = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        for (field, at, goes) in [
            ("c=1; Max-Age=60".to_owned(), 59, true),
            ("c=1; Max-Age=60".to_owned(), 60, false),
            (format!("c=1; Max-Age=60; {past}"), 59, true),
            ("c=1; Max-Age=99999999999999999999".to_owned(), 1 << 40, true),
            ("c=1; Expires=Thu, 01 Jan 1970 00:01:00 GMT".to_owned(), 59, true),
            ("c=1; Expires=Thu, 01 Jan 1970 00:01:00 GMT".to_owned(), 60, false),
            ("c=1".to_owned(), 1 << 40, true),
        ] {
            let mut jar = CookieJar::default();
            jar.set(field.as_bytes(), &place(HOME), NOW);
            assert_eq!(jar.value("c", later(at)).is_some(), goes, "{field}");
            assert_eq!(jar.header(&place(HOME), later(at)).is_some(), goes, "{field}");
        }
    }

    #[test]
    fn a_cookie_is_deleted_by_one_that_is_over_at_its_own_path_and_domain() {
        for (field, left) in [
            ("c=; Max-Age=0", ""),
            ("c=; Max-Age=-1", ""),
            ("c=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ""),
            ("c=; Max-Age=0; Path=/", ""),
            ("c=; Max-Age=0; Path=/other", "c=1"),
            ("c=; Max-Age=0; Domain=a.test", "c=1"),
            ("d=; Max-Age=0", "c=1"),
        ] {
            assert_eq!(sent(HOME, &["c=1", field], HOME), left, "{field}");
        }
    }

    #[test]
    fn longer_paths_come_first_then_older_cookies_and_a_new_value_keeps_its_place() {
        let fields = ["a=1", "b=1", "c=1; Path=/x", "a=2"];
        assert_eq!(sent(HOME, &fields, "http://a.test/x"), "c=1; a=2; b=1");
    }
}
