use std::net::SocketAddr;
use std::process::Output;

use super::resolver::{Resolver, Says};
use super::{folder, foobar};

const SITE: &str = r#"
    [dns]
    zone = "foobar.com"
    addresses = ["203.0.113.5", "2001:db8::5"]
    nameservers = ["ns1.provider.net", "ns2.provider.net"]
    caa = ["letsencrypt.org"]

    [sites.www]
    server_name = ["foobar.com", "www.foobar.com"]
    root = "public"
"#;

type Said = (&'static str, &'static str, Says);

/// What a resolver says of the site where everything is as it should be.
const GOOD: &[Said] = &[
    ("foobar.com.", "NS", Says::Data(&["ns2.provider.net.", "NS1.provider.net."])),
    ("foobar.com.", "MX", Says::Data(&["10 mail.provider.net."])),
    ("foobar.com.", "A", Says::Data(&["203.0.113.5"])),
    ("foobar.com.", "AAAA", Says::Data(&["2001:db8::5"])),
    ("foobar.com.", "CAA", Says::Data(&["0 issue \"letsencrypt.org\""])),
    ("www.foobar.com.", "A", Says::Alias("foobar.com.", &["203.0.113.5"])),
    ("www.foobar.com.", "AAAA", Says::Alias("foobar.com.", &["2001:db8::5"])),
    ("www.foobar.com.", "CAA", Says::Alias("foobar.com.", &["0 issue \"letsencrypt.org\""])),
];

/// Checks the site where a resolver says this besides, or instead.
fn check_with(others: &[Said]) -> (Option<i32>, String, String) {
    let resolver = Resolver::start(others.iter().chain(GOOD).copied());
    checked(SITE, resolver.address())
}

fn checked(configuration: &str, resolver: SocketAddr) -> (Option<i32>, String, String) {
    let folder = folder(configuration);
    let Output { status, stdout, stderr } =
        foobar(folder.path(), &["check", "--dns", "--resolver", &resolver.to_string()]);
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn names_that_lead_here_are_good() {
    let (code, output, error) = check_with(&[]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{output}");
    assert_eq!(
        output,
        "good  foobar.com NS ns1.provider.net, ns2.provider.net\n\
         good  foobar.com A 203.0.113.5\n\
         good  foobar.com AAAA 2001:db8::5\n\
         good  www.foobar.com A 203.0.113.5\n\
         good  www.foobar.com AAAA 2001:db8::5\n\
         the names lead here\n"
    );
}

#[test]
fn what_is_wrong_is_said_in_a_sentence_with_what_to_do() {
    use Says::{Alias, AliasOfNothing, Data, NoSuchName, ServFail};
    const NOTHING: Says = Data(&[]);
    type Case = (&'static [Said], &'static str);
    let cases: &[Case] = &[
        (
            &[("foobar.com.", "A", Data(&["198.51.100.7"]))],
            "foobar.com A leads to 198.51.100.7, which is not this server; set it to 203.0.113.5 (`dns.addresses`)",
        ),
        (
            &[("foobar.com.", "A", Data(&["203.0.113.5", "198.51.100.7"]))],
            "foobar.com A leads to 198.51.100.7, which is not this server; set it to 203.0.113.5 (`dns.addresses`)",
        ),
        (&[("foobar.com.", "A", NOTHING)], "foobar.com has no record A; add \"foobar.com. A 203.0.113.5\""),
        (
            &[("www.foobar.com.", "A", NoSuchName), ("www.foobar.com.", "AAAA", NoSuchName)],
            "www.foobar.com does not exist (NXDOMAIN); add \"www.foobar.com. CNAME foobar.com.\"",
        ),
        (
            &[("foobar.com.", "A", NoSuchName), ("foobar.com.", "NS", NoSuchName)],
            "foobar.com does not exist (NXDOMAIN); is it registered, and does the registrar know its name servers?",
        ),
        (
            &[("foobar.com.", "AAAA", Data(&["2001:db8::7"]))],
            "foobar.com AAAA leads to 2001:db8::7, which is not this server; set it to 2001:db8::5 (`dns.addresses`)",
        ),
        (&[("foobar.com.", "AAAA", NOTHING)], "foobar.com has no record AAAA; add \"foobar.com. AAAA 2001:db8::5\""),
        (
            &[("www.foobar.com.", "CAA", Alias("foobar.com.", &["0 issue \"digicert.com\""]))],
            "www.foobar.com may not have a certificate from letsencrypt.org: CAA of foobar.com allows digicert.com \
             alone; add the record foobar.com. CAA 0 issue \"letsencrypt.org\"",
        ),
        (
            &[("foobar.com.", "CAA", NOTHING), ("com.", "CAA", Data(&["0 issue \";\""]))],
            "foobar.com may not have a certificate from letsencrypt.org: CAA of com allows nobody; \
             add the record foobar.com. CAA 0 issue \"letsencrypt.org\"",
        ),
        (
            &[
                ("www.foobar.com.", "A", AliasOfNothing("foo.bar.net.")),
                ("www.foobar.com.", "AAAA", AliasOfNothing("foo.bar.net.")),
            ],
            "www.foobar.com is an alias of foo.bar.net, which does not exist (NXDOMAIN); add the records of foo.bar.net, or \
             change the CNAME of www.foobar.com",
        ),
        (
            &[("foobar.com.", "NS", Data(&["ns1.elsewhere.org."]))],
            "the name servers of foobar.com are ns1.elsewhere.org and not ns1.provider.net, ns2.provider.net; tell its \
             registrar, or change `dns.nameservers`",
        ),
        (
            &[("foobar.com.", "NS", NOTHING)],
            "foobar.com has no name servers of its own; tell its registrar ns1.provider.net, ns2.provider.net \
             (`dns.nameservers`)",
        ),
        (
            &[("foobar.com.", "A", ServFail)],
            "could not look up A of foobar.com. (SERVFAIL); do the zone's name servers",
        ),
        (&[("www.foobar.com.", "CAA", ServFail)], "could not look up CAA of www.foobar.com. (SERVFAIL)"),
    ];
    for (others, sentence) in cases {
        let (code, output, error) = check_with(others);
        assert_eq!(code, Some(1), "{sentence}: {output}{error}");
        let lines: Vec<&str> = error.lines().collect();
        assert!(
            lines.len() == 1 && lines[0].starts_with("error: ") && lines[0].contains(sentence),
            "{sentence}:\n{error}"
        );
        assert!(!output.contains("the names lead here"), "{output}");
    }
}

#[test]
fn an_address_family_that_this_server_does_not_have_is_wrong() {
    let without = SITE.replace(", \"2001:db8::5\"", "");
    let resolver = Resolver::start(GOOD.iter().copied());
    let (code, _, error) = checked(&without, resolver.address());
    assert_eq!(code, Some(1));
    for name in ["foobar.com", "www.foobar.com"] {
        let sentence = format!(
            "error: {name} AAAA leads to 2001:db8::5, and this server has no such address (`dns.addresses`); remove that \
             record AAAA\n"
        );
        assert!(error.contains(&sentence), "{error}");
    }
}

#[test]
fn mail_without_a_server_of_its_own_is_a_warning_and_no_failure() {
    let (code, output, error) = check_with(&[("foobar.com.", "MX", Says::Data(&[]))]);
    assert_eq!(code, Some(0));
    assert!(
        error.starts_with("warning: foobar.com has no record MX, so that mail for it is sent to this server"),
        "{error}"
    );
    assert!(output.ends_with("the names lead here\n"), "{output}");
}

#[test]
fn a_resolver_that_does_not_answer_ends_the_check_and_is_named() {
    let silent = Resolver::start(GOOD.iter().copied().map(|(name, kind, _)| (name, kind, Says::Nothing)));
    let (code, output, error) = checked(SITE, silent.address());
    assert_eq!((code, output.as_str()), (Some(1), ""));
    let sentence = format!("error: no resolver answered in time (asked: {}); is the network up?", silent.address());
    assert!(error.starts_with(&sentence) && error.lines().count() == 1, "{error}");
}

#[test]
fn a_question_that_is_lost_is_sent_again() {
    let resolver = Resolver::start(GOOD.iter().copied()).forgetting(1);
    let (code, _, error) = checked(SITE, resolver.address());
    assert_eq!((code, error.as_str()), (Some(0), ""));
}

#[test]
fn a_name_with_a_star_is_asked_for_by_one_that_it_stands_for() {
    let site = SITE.replace("\"www.foobar.com\"", "\"*.foobar.com\"");
    let star = [
        ("foobar-check.foobar.com.", "A", Says::Data(&["198.51.100.7"])),
        ("foobar-check.foobar.com.", "AAAA", Says::Alias("foobar.com.", &["2001:db8::5"])),
        ("foobar.com.", "CAA", Says::Data(&["0 issue \"letsencrypt.org\"", "0 issuewild \";\""])),
    ];
    let resolver = Resolver::start(star.iter().chain(GOOD).copied());
    let (code, _, error) = checked(&site, resolver.address());
    assert_eq!(code, Some(1));
    for sentence in [
        "*.foobar.com A leads to 198.51.100.7, which is not this server",
        "*.foobar.com may not have a certificate from letsencrypt.org: CAA of foobar.com allows nobody",
    ] {
        assert!(error.contains(sentence), "{error}");
    }
}

#[test]
fn what_the_check_needs_is_said_with_its_key() {
    let resolver = Resolver::start(GOOD.iter().copied());
    let without = SITE.replace("addresses = [\"203.0.113.5\", \"2001:db8::5\"]", "");
    let (code, _, error) = checked(&without, resolver.address());
    assert_eq!(code, Some(2));
    assert!(error.contains("`dns.addresses`: the addresses at which clients reach this server are missing"), "{error}");
    let folder = folder(SITE);
    let refused = foobar(folder.path(), &["check", "--dns", "--resolver", "dns.google"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("write an address, such as 9.9.9.9"));
}
