use std::collections::BTreeMap;

use foobar_core::List;

use super::super::compile as compile_zone;
use crate::dns::Zone;
use crate::{AcmeSettings, DnsSettings, SiteSettings, Www};

fn list(items: &[&str]) -> List<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn site(names: &[&str]) -> SiteSettings {
    SiteSettings { server_name: list(names), ..SiteSettings::default() }
}

fn settings() -> DnsSettings {
    DnsSettings {
        addresses: list(&["203.0.113.5", "2001:db8::5"]),
        nameservers: list(&["ns1.foobar.com", "ns2.provider.net"]),
        ..DnsSettings::default()
    }
}

fn compile(dns: &DnsSettings, sites: &[SiteSettings]) -> Result<Zone, String> {
    let sites: BTreeMap<_, _> = sites.iter().enumerate().map(|(at, site)| (format!("s{at}"), site.clone())).collect();
    compile_zone(dns, &AcmeSettings::default(), &sites).map_err(|error| error.to_string())
}

/// The records of a name and type.
fn records(zone: &Zone, name: &str, kind: &str) -> Vec<String> {
    let text = zone.to_string();
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let of_name = lines.filter(|words| words[0] == name && words.get(3) == Some(&kind));
    of_name.map(|words| words[4..].join(" ")).collect()
}

fn with_records(lines: &[&str]) -> Result<Zone, String> {
    let mut dns = settings();
    dns.records = list(lines);
    compile(&dns, &[site(&["foobar.com"])])
}

#[test]
fn the_zone_of_the_example_has_an_address_and_www_is_an_alias_of_it() {
    let zone = compile(&settings(), &[site(&["foobar.com", "www.foobar.com"])]).unwrap();
    assert_eq!(zone.name(), "foobar.com");
    assert_eq!(records(&zone, "foobar.com.", "A"), ["203.0.113.5"]);
    assert_eq!(records(&zone, "foobar.com.", "AAAA"), ["2001:db8::5"]);
    assert_eq!(records(&zone, "www.foobar.com.", "CNAME"), ["foobar.com."]);
    assert_eq!(records(&zone, "foobar.com.", "NS"), ["ns1.foobar.com.", "ns2.provider.net."]);
    assert_eq!(records(&zone, "ns1.foobar.com.", "A"), ["203.0.113.5"], "a name server in the zone is found");
    let soa = &records(&zone, "foobar.com.", "SOA")[0];
    let serial = zone.serial();
    assert_eq!(*soa, format!("ns1.foobar.com. hostmaster.foobar.com. {serial} 3600 900 1209600 300"));
}

#[test]
fn every_name_of_the_sites_that_lies_in_the_zone_leads_here() {
    let mut shop = site(&["shop.foobar.com", "*.img.foobar.com", "foobar.net", "www.foobar.*", "[::1]", "192.0.2.1"]);
    shop.www = Www::Remove;
    let mut dns = settings();
    dns.zone = Some("Foobar.COM".to_owned());
    let zone = compile(&dns, &[site(&["foobar.com"]), shop]).unwrap();
    for alias in ["shop", "www.shop", "*.img"] {
        assert_eq!(records(&zone, &format!("{alias}.foobar.com."), "CNAME"), ["foobar.com."], "{alias}");
    }
    assert_eq!(records(&zone, "www.foobar.com.", "CNAME"), [""; 0], "no site answers to it");
    assert!(!zone.to_string().contains("foobar.net"));
}

#[test]
fn further_records_are_lines_of_a_zone_file_and_a_name_that_has_some_is_no_alias() {
    let zone = with_records(&[
        "@ MX 10 mail",
        "mail 300 IN A 192.0.2.25",
        "www A 192.0.2.80",
        r#"@ TXT "v=spf1 mx -all; \"x\"" "second part""#,
        "_sip._tcp SRV 0 5 5060 mail.foobar.com.",
        "@ CAA 0 iodef \"mailto:a@foobar.com\"",
        "bücher CNAME example.org.",
        "@ HTTPS 1 . alpn=h2",
        "old cname @",
    ])
    .unwrap();
    assert_eq!(records(&zone, "foobar.com.", "MX"), ["10 mail.foobar.com."]);
    assert!(zone.to_string().lines().any(|line| line.starts_with("mail.foobar.com.") && line.contains(" 300 ")));
    assert_eq!(records(&zone, "www.foobar.com.", "A"), ["192.0.2.80"]);
    assert_eq!(records(&zone, "www.foobar.com.", "CNAME"), [""; 0]);
    assert_eq!(records(&zone, "foobar.com.", "TXT"), [r#""v=spf1 mx -all; \"x\"" "second part""#]);
    assert_eq!(records(&zone, "_sip._tcp.foobar.com.", "SRV"), ["0 5 5060 mail.foobar.com."]);
    assert_eq!(records(&zone, "xn--bcher-kva.foobar.com.", "CNAME"), ["example.org."]);
    assert_eq!(records(&zone, "old.foobar.com.", "CNAME"), ["foobar.com."]);
    assert_eq!(records(&zone, "foobar.com.", "HTTPS"), [r"\# 10 00010000010003026832"]);
}

#[test]
fn a_record_that_is_wrong_is_refused_with_the_key_the_value_and_what_to_do() {
    let long = format!("@ TXT \"{}\"", "a".repeat(256));
    for (line, why) in [
        ("", "NAME [TTL] TYPE DATA"),
        ("www", "NAME [TTL] TYPE DATA"),
        ("www A", "NAME [TTL] TYPE DATA"),
        ("www A 192.0.2", "NAME [TTL] TYPE DATA"),
        ("www A 192.0.2.1\nb A 192.0.2.1", "write one"),
        ("$INCLUDE /etc/passwd", "write one"),
        (r"a TXT \195\188", "write the letter itself"),
        ("a..b A 192.0.2.1", "Malformed label"),
        ("www.foobar.net. A 192.0.2.1", "does not lie in the zone foobar.com"),
        ("www CH A 192.0.2.1", "leave it out, or write IN"),
        ("@ SOA a b 1 2 3 4 5", "is made by the server"),
        ("@ NS ns3", "`dns.nameservers`"),
        ("sub NS ns3.provider.net.", "delegated"),
        ("@ HINFO a b", "write one of A, AAAA"),
        ("@ ANAME b", "write one of A, AAAA"),
        ("www 700000 A 192.0.2.1", "at most 604800"),
        (&long, "at most 255 bytes"),
    ] {
        let error = with_records(&[line]).expect_err(line);
        assert!(error.starts_with("`dns.records`: ") && error.contains(why), "{line}: {error}");
        assert!(error.contains(&format!("{line:?}")), "{line}: {error}");
    }
}

#[test]
fn records_that_contradict_each_other_are_refused_with_the_name_and_what_to_do() {
    for (lines, why) in [
        (&["@ CNAME example.org."][..], "foobar.com is an alias (CNAME) and has a record SOA too"),
        (&["a CNAME example.org.", "a TXT x"], "a.foobar.com is an alias (CNAME) and has a record TXT too"),
        (&["a CNAME example.org.", "A CNAME example.net."], "a.foobar.com is an alias (CNAME) and has a record CNAME"),
        (&["a CNAME b", "b CNAME a"], "leads to itself"),
        (&["a CNAME a"], "leads to itself"),
        (&["a CNAME b"], "b.foobar.com, which the zone does not have"),
        (&["a TXT x", "a TXT x"], "is there twice"),
        (&["a 60 TXT x", "a TXT y"], "different TTLs"),
        (&["@ A 203.0.113.5"], "is there twice"),
        (&["@ MX 10 mail"], "mail.foobar.com, which has no address"),
        (&["@ MX 10 mail", "mail CNAME example.org."], "name the host that it leads to"),
        (&["_a._tcp SRV 0 0 1 b"], "b.foobar.com, which has no address"),
        (&["ns1 TXT x"], "ns1.foobar.com, which has no address"),
        (&["ns1 CNAME @"], "name the host that it leads to"),
    ] {
        let error = with_records(lines).expect_err(&lines.join(" / "));
        assert!(error.starts_with("`dns.records`: ") && error.contains(why), "{lines:?}: {error}");
    }
    with_records(&["@ MX 0 .", "*.a A 192.0.2.1", "b CNAME c.a", "@ SRV 0 0 1 d.a"]).expect("each leads somewhere");
}

#[test]
fn a_setting_that_is_missing_or_wrong_is_refused_with_its_key_the_value_and_what_to_do() {
    type Break = fn(&mut DnsSettings);
    let cases: [(Break, &str, &[&str]); 12] = [
        (|dns| dns.zone = Some("foo bar".to_owned()), "zone", &["\"foo bar\"", "\"foobar.com\""]),
        (|dns| dns.zone = Some("com".to_owned()), "zone", &["\"com\"", "\"foobar.com\""]),
        (|dns| dns.zone = Some("192.0.2.1".to_owned()), "zone", &["\"192.0.2.1\"", "\"foobar.com\""]),
        (|dns| dns.addresses = list(&[]), "addresses", &["\"203.0.113.5\""]),
        (|dns| dns.addresses = list(&["203.0.113"]), "addresses", &["\"203.0.113\"", "\"203.0.113.5\""]),
        (|dns| dns.addresses = list(&["0.0.0.0"]), "addresses", &["\"0.0.0.0\"", "\"203.0.113.5\""]),
        (|dns| dns.addresses = list(&["::1", "0::1"]), "addresses", &["::1 is there twice"]),
        (|dns| dns.nameservers = list(&[]), "nameservers", &["at least one", "\"ns1.foobar.com\""]),
        (|dns| dns.nameservers = list(&["192.0.2.1"]), "nameservers", &["\"192.0.2.1\"", "\"ns1.foobar.com\""]),
        (|dns| dns.hostmaster = Some("admin".to_owned()), "hostmaster", &["\"admin\"", "\"admin@foobar.com\""]),
        (|dns| dns.caa = Some(list(&["https://a.b"])), "caa", &["\"https://a.b\"", "\"letsencrypt.org\""]),
        (|dns| dns.ttl = "8d".parse().unwrap(), "ttl", &["seven days", "\"1h\""]),
    ];
    for (spoil, key, parts) in cases {
        let mut dns = settings();
        spoil(&mut dns);
        let error = compile(&dns, &[site(&["foobar.com"])]).expect_err(key);
        assert!(error.starts_with(&format!("`dns.{key}`: ")), "{key}: {error}");
        parts.iter().for_each(|part| assert!(error.contains(part), "{key}: {error}"));
    }
}

#[test]
fn sites_without_a_name_in_common_need_the_zone_written_out() {
    for names in [&["foobar.com", "foobar.net"][..], &["localhost"], &[]] {
        let error = compile(&settings(), &[site(names)]).expect_err("there is none");
        assert!(error.starts_with("`dns.zone`: ") && error.contains("write the zone"), "{error}");
    }
}

#[test]
fn who_may_issue_certificates_is_said_where_it_is_known() {
    let mut auto = site(&["foobar.com"]);
    auto.ssl_certificate = ["auto"].map(Into::into).into_iter().collect();
    let caa = |dns: &DnsSettings, site: &SiteSettings| {
        let sites = std::slice::from_ref(site);
        records(&compile(dns, sites).unwrap(), "foobar.com.", "CAA")
    };
    assert_eq!(caa(&settings(), &auto), ["0 issue \"letsencrypt.org\""]);
    assert_eq!(caa(&settings(), &site(&["foobar.com"])), [""; 0]);
    let mut other = auto.clone();
    other.ssl_certificate = ["auto:corporate"].map(Into::into).into_iter().collect();
    assert_eq!(caa(&settings(), &other), [""; 0]);
    let mut dns = settings();
    dns.caa = Some(list(&["ca.example.org"]));
    assert_eq!(caa(&dns, &auto), ["0 issue \"ca.example.org\""]);
    dns.caa = Some(list(&[]));
    assert_eq!(caa(&dns, &auto), [""; 0]);
}

#[test]
fn the_serial_is_the_same_for_the_same_records_and_another_for_others() {
    let zone = |lines: &[&str]| with_records(lines).unwrap().serial();
    assert_eq!(zone(&["a A 192.0.2.1"]), zone(&["a A 192.0.2.1"]));
    assert_ne!(zone(&["a A 192.0.2.1"]), zone(&["a A 192.0.2.2"]));
    assert_ne!(zone(&["a A 192.0.2.1"]), zone(&["a 60 A 192.0.2.1"]));
}
