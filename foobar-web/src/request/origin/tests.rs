use super::*;
use foobar_core::{Scheme, TrustedProxy};
use http::{HeaderMap, HeaderName, HeaderValue};

const PEER: &str = "10.0.0.1:1";

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let field =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::try_from(*value).unwrap());
    let mut headers = HeaderMap::new();
    fields.iter().map(field).for_each(|(name, value)| _ = headers.append(name, value));
    headers
}

fn origin(fields: &[(&'static str, &str)]) -> Origin {
    let trusted = ["10.0.0.0/8", "2001:db8::/32"].map(|text| TrustedProxy::try_from(text.to_owned()).unwrap());
    let is_proxy = |remote: Option<SocketAddr>| trusted.iter().any(|proxy| proxy.is(remote));
    find(&headers(fields), Some(PEER.parse().unwrap()), is_proxy)
}

/// Client, scheme and host in one word.
fn said(fields: &[(&'static str, &str)]) -> String {
    let Origin { client, scheme, host } = origin(fields);
    let client = client.unwrap();
    let client = if client.port() == 0 { client.ip().to_string() } else { client.to_string() };
    format!("{client} {} {}", scheme.map_or("-", Scheme::as_str), host.as_deref().unwrap_or("-"))
}

#[test]
fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
    for (value, client) in [
        ("203.0.113.9", "203.0.113.9"),
        ("192.0.2.66, 203.0.113.9", "203.0.113.9"),
        ("192.0.2.66, 203.0.113.9, 10.1.1.1,10.2.2.2", "203.0.113.9"),
        ("10.9.9.9, 10.1.1.1", "10.9.9.9"),
        ("203.0.113.9:4711", "203.0.113.9:4711"),
        ("[2001:DB9::1]:4711", "[2001:db9::1]:4711"),
        ("2001:db9::1, 2001:db8::7", "2001:db9::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        (" , 203.0.113.9 ,", "203.0.113.9"),
        ("", "10.0.0.1:1"),
    ] {
        assert_eq!(said(&[("x-forwarded-for", value)]), format!("{client} - -"), "{value}");
    }
}

#[test]
fn nothing_is_believed_beyond_what_is_no_address() {
    for value in ["203.0.113.9, unknown", "203.0.113.9, _hidden", "a, 1.2.3", "203.0.113.9, 10.1.1.1x", "127.1", "'\""]
    {
        assert_eq!(said(&[("x-forwarded-for", value)]), "10.0.0.1:1 - -", "{value}");
    }
    assert_eq!(said(&[("x-forwarded-for", "203.0.113.9, evil, 10.1.1.1")]), "10.1.1.1 - -");
}

#[test]
fn several_fields_are_one_list() {
    let fields = [("x-forwarded-for", "192.0.2.66"), ("x-forwarded-for", "203.0.113.9, 10.1.1.1")];
    assert_eq!(said(&fields), "203.0.113.9 - -");
    let fields = [("forwarded", "for=192.0.2.66"), ("forwarded", "for=203.0.113.9;proto=https, for=10.1.1.1")];
    assert_eq!(said(&fields), "203.0.113.9 https -");
}

#[test]
fn scheme_and_host_are_those_of_the_client_where_they_can_be_told_apart_and_else_the_nearest() {
    let chain = ("x-forwarded-for", "192.0.2.66, 203.0.113.9, 10.1.1.1");
    for (schemes, scheme) in [
        ("https", "https"),
        ("http, https, http", "https"),
        ("https, http, https", "http"),
        ("https, http", "http"),
        ("WSS", "https"),
        ("ws", "http"),
        ("gopher", "-"),
        ("https, gopher", "-"),
        ("", "-"),
    ] {
        assert_eq!(said(&[chain, ("x-forwarded-proto", schemes)]), format!("203.0.113.9 {scheme} -"), "{schemes}");
    }
    for (hosts, host) in
        [("a.com:8080", "a.com:8080"), ("evil, A.com, in", "A.com"), ("evil, in", "in"), ("a b", "-"), ("a/b", "-")]
    {
        assert_eq!(said(&[chain, ("x-forwarded-host", hosts)]), format!("203.0.113.9 - {host}"), "{hosts}");
    }
    assert_eq!(said(&[("x-forwarded-proto", "https")]), "10.0.0.1:1 https -");
}

#[test]
fn forwarded_is_read_with_quotes_in_any_case_and_each_proxy_speaks_for_itself() {
    for (value, expected) in [
        ("for=203.0.113.9", "203.0.113.9 - -"),
        ("For=\"[2001:DB9::1]:80\";Proto=HTTPS;HOST=\"a.com:1\"", "[2001:db9::1]:80 https a.com:1"),
        ("for=203.0.113.9:80;by=_x", "203.0.113.9:80 - -"),
        ("for=192.0.2.66;proto=https;host=evil, for=203.0.113.9;host=a", "203.0.113.9 - a"),
        ("for=203.0.113.9;proto=https;host=a, for=10.1.1.1;proto=http;host=in", "203.0.113.9 https a"),
        ("for=\"203.0.113\\.9\" ; proto=https ,,", "203.0.113.9 https -"),
        ("for=192.0.2.66;secret=\"x, for=1.1.1.1\", for=203.0.113.9", "203.0.113.9 - -"),
        ("for=192.0.2.66, for=unknown;proto=https", "10.0.0.1:1 https -"),
        ("for=192.0.2.66, proto=https", "10.0.0.1:1 https -"),
    ] {
        assert_eq!(said(&[("forwarded", value)]), expected, "{value}");
    }
}

#[test]
fn a_malformed_forwarded_says_nothing() {
    for value in [
        "203.0.113.9",
        "for=\"203.0.113.9",
        "for=1.1.1.1;for=203.0.113.9",
        "for=",
        "for=a\"b",
        "for=\"a\"b",
        "for=1.1.1.1 x",
    ] {
        assert_eq!(said(&[("forwarded", value)]), "10.0.0.1:1 - -", "{value}");
        let later = format!("{value}, for=203.0.113.9");
        assert_eq!(said(&[("forwarded", &later)]), "10.0.0.1:1 - -", "{later}");
    }
}

#[test]
fn x_forwarded_for_counts_and_forwarded_beside_it_does_not() {
    let forwarded = ("forwarded", "for=192.0.2.66;proto=https;host=evil");
    assert_eq!(said(&[forwarded, ("x-forwarded-for", "203.0.113.9")]), "203.0.113.9 - -");
    assert_eq!(said(&[forwarded, ("x-forwarded-for", "unknown")]), "10.0.0.1:1 - -");
}

#[test]
fn beside_a_field_that_proxies_write_forwarded_is_the_word_of_the_client() {
    let forwarded = ("forwarded", "for=192.0.2.66, for=203.0.113.9;proto=https;host=a.com, for=10.1.1.1");
    for (fields, expected) in [
        (&[("x-forwarded-proto", "http")][..], "10.0.0.1:1 http -"),
        (&[("x-forwarded-host", "b.com")], "10.0.0.1:1 - b.com"),
        (&[("x-forwarded-proto", "gopher"), ("x-forwarded-host", "b.com")], "10.0.0.1:1 - b.com"),
        (&[("x-forwarded-port", "443")], "203.0.113.9 https a.com"),
    ] {
        assert_eq!(said(&[&[forwarded], fields].concat()), expected, "{fields:?}");
    }
}

#[test]
fn the_fields_that_came_say_the_same_afterwards_and_nothing_else() {
    let fields = [
        ("forwarded", "for=192.0.2.66"),
        ("x-forwarded-for", "192.0.2.66, 2001:db9::1"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-host", "a.com"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-port", "443"),
        ("x-real-ip", "192.0.2.66"),
        ("true-client-ip", "192.0.2.66"),
        ("cf-connecting-ip", "192.0.2.66"),
        ("x-original-url", "/admin"),
        ("x-forwarded-user", "ada"),
        ("via", "1.1 proxy"),
    ];
    let mut cleaned = headers(&fields);
    clean(&mut cleaned, &origin(&fields));
    let expected = [
        ("forwarded", "for=\"[2001:db9::1]\";host=\"a.com\""),
        ("x-forwarded-for", "2001:db9::1"),
        ("x-forwarded-host", "a.com"),
        ("x-real-ip", "2001:db9::1"),
        ("true-client-ip", "2001:db9::1"),
        ("cf-connecting-ip", "2001:db9::1"),
        ("x-original-url", "/admin"),
        ("x-forwarded-user", "ada"),
        ("via", "1.1 proxy"),
    ];
    assert_eq!(cleaned, headers(&expected));
    let mut bare = headers(&[("x-forwarded-proto", "https")]);
    clean(&mut bare, &origin(&[("x-forwarded-proto", "https")]));
    assert_eq!(bare, headers(&[("x-forwarded-proto", "https")]));
    let of_a_proxy_that_says_no_more = headers(&[("x-real-ip", "203.0.113.9")]);
    let mut kept = of_a_proxy_that_says_no_more.clone();
    clean(&mut kept, &origin(&[]));
    assert_eq!(kept, of_a_proxy_that_says_no_more);
}

#[test]
fn of_a_client_that_is_not_trusted_no_claim_is_left() {
    let claims = [
        "forwarded",
        "forwarded-for",
        "x-forwarded",
        "x-forwarded-for",
        "x-forwarded-anything",
        "x-real-ip",
        "client-ip",
        "x-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "x-original-url",
        "front-end-https",
        "x-scheme",
        "fly-client-ip",
        "cloudfront-viewer-address",
        "cloudfront-forwarded-proto",
        "wl-proxy-client-ip",
        "proxy-client-ip",
        "do-connecting-ip",
        "ali-cdn-real-ip",
        "x-vercel-forwarded-for",
        "x-nf-client-connection-ip",
        "x-azure-socketip",
        "x-envoy-original-path",
        "x-host",
        "x-original-proto",
    ];
    let others = ["host", "via", "cookie", "te", "from", "x-requested-with", "x-request-id", "content-type", "f"];
    let mut stripped = headers(&claims.iter().chain(&others).map(|name| (*name, "1")).collect::<Vec<_>>());
    strip(&mut stripped);
    assert_eq!(stripped, headers(&others.map(|name| (name, "1"))));
}
