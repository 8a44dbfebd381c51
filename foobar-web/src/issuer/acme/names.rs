use std::net::IpAddr;

use super::proof::Proof;
use crate::site::certificate_names;
use crate::{AcmeSettings, Error, SiteSettings};

/// The names that a site's certificate is for, if an authority signs them all; `key` is the site's.
pub(super) fn names(key: &str, site: &SiteSettings, acme: &AcmeSettings, proof: &Proof) -> Result<Vec<String>, Error> {
    let error = |message: String| Error::setting(format!("{key}.server_name"), message);
    let names = certificate_names(key, site)?;
    if let Some(name) = site.server_name.iter().find(|name| name.ends_with(".*")) {
        return Err(error(format!(
            "no certificate can be for {name:?}; with `ssl_certificate = \"auto\"` write each name"
        )));
    }
    if names.is_empty() {
        return Err(error(
            "`ssl_certificate = \"auto\"` needs the site's names here, such as \"foobar.com\"".to_owned(),
        ));
    }
    if names.len() > MOST_NAMES {
        let message =
            format!("a certificate is for at most {MOST_NAMES} names, and these are {}; make more sites", names.len());
        return Err(error(message));
    }
    let star = names.iter().find(|name| name.starts_with("*.")).or_else(|| names.first());
    let unproved = star.filter(|_| proof.lacks_dns(&names)).map(|name| (name, UNPROVED));
    match names.iter().find_map(|name| Some((name, unsigned(name, acme)?))).or(unproved) {
        Some((name, why)) => Err(error(format!("`ssl_certificate = \"auto\"`: {name:?} {why}"))),
        None => Ok(names),
    }
}

/// Why no authority signs this name; one of somebody's own signs more than those that browsers know.
pub(super) fn unsigned(name: &str, acme: &AcmeSettings) -> Option<&'static str> {
    let is_public = acme.ssl_trusted_certificate.is_empty();
    let end = name.rsplit('.').next().unwrap_or(name); // it is a name without dots
    if name.parse::<IpAddr>().is_ok() {
        Some("is an address, and certificates are for names; write a name that leads to it")
    } else if end == "localhost" {
        Some("is a name of each machine, which no authority signs; write \"internal\" for it")
    } else if !name.contains('.') {
        Some("has no dot, and no authority signs such a name; write it whole, such as \"foobar.com\"")
    } else if end.bytes().all(|byte| byte.is_ascii_digit()) {
        Some("is no name of the public network; write one such as \"foobar.com\"")
    } else if is_public && (NOT_PUBLIC.contains(&end) || name.ends_with(".home.arpa")) {
        Some("is no name of the public network, so that no authority signs it; write \"internal\" for it")
    } else {
        None
    }
}

/// Of a name that has to be proved in the DNS, because it has a star or `challenge` says so.
const UNPROVED: &str = "is proved in the DNS alone (the challenge dns-01): name a program in `dns_hook`, or serve a zone with \
                        all names of the site (`dns.listen`), or write each name";
/// Those of Let's Encrypt; others take no more.
const MOST_NAMES: usize = 100;
/// Names that are nobody's (RFC 6761, RFC 6762, RFC 7686, RFC 9476 and ICANN).
const NOT_PUBLIC: [&str; 8] = ["test", "example", "invalid", "local", "internal", "onion", "alt", "lan"];

#[cfg(test)]
mod tests {
    use super::super::proof::tests::proof;
    use super::*;
    use crate::issuer::reach::Reach;

    fn check(names_of_site: &[&str], acme: &AcmeSettings) -> Result<Vec<String>, String> {
        prove(names_of_site, acme, &proof(None, None, Reach::HttpFirst))
    }

    fn prove(names_of_site: &[&str], acme: &AcmeSettings, proof: &Proof) -> Result<Vec<String>, String> {
        let server_name = names_of_site.iter().map(|name| (*name).to_owned()).collect();
        let site = SiteSettings { server_name, ..SiteSettings::default() };
        names("sites.a", &site, acme, proof).map_err(|error| error.to_string())
    }

    #[test]
    fn names_that_no_authority_signs_are_refused_with_what_to_do() {
        let acme = AcmeSettings::default();
        for (name, why) in [
            ("*.foobar.com", "dns-01"),
            ("www.foobar.*", "write each name"),
            ("192.0.2.1", "is an address"),
            ("[2001:db8::1]", "is an address"),
            ("localhost", "\"internal\""),
            ("a.localhost", "\"internal\""),
            ("intranet", "has no dot"),
            ("printer.local", "\"internal\""),
            ("a.test", "\"internal\""),
            ("router.home.arpa", "\"internal\""),
            ("a.123", "no name of the public network"),
        ] {
            let error = check(&["foobar.com", name], &acme).expect_err(name);
            assert!(error.starts_with("`sites.a.server_name`: ") && error.contains(why), "{error}");
        }
        assert!(check(&[], &acme).unwrap_err().contains("needs the site's names here"));
        let many: Vec<String> = (0..101).map(|number| format!("n{number}.foobar.com")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(check(&many, &acme).unwrap_err().contains("at most 100 names"));
    }

    #[test]
    fn an_authority_of_somebodys_own_signs_names_that_are_not_public() {
        let ssl_trusted_certificate = std::iter::once("ca.pem".into()).collect();
        let acme = AcmeSettings { ssl_trusted_certificate, ..AcmeSettings::default() };
        assert_eq!(check(&["A.test", "b.internal"], &acme).unwrap(), ["a.test", "b.internal"]);
        assert!(check(&["localhost"], &acme).is_err());
    }

    #[test]
    fn a_name_with_a_star_is_proved_by_a_hook_or_in_the_zone_that_is_served() {
        let acme = AcmeSettings::default();
        for proof in [proof(Some("sh"), None, Reach::TlsAlone), proof(None, Some("foobar.com"), Reach::TlsAlone)] {
            let names = prove(&["*.foobar.com", "foobar.com"], &acme, &proof).unwrap();
            assert_eq!(names, ["*.foobar.com", "foobar.com"]);
        }
        let zone = proof(None, Some("foobar.org"), Reach::TlsAlone);
        assert!(prove(&["*.foobar.com", "foobar.com"], &acme, &zone).unwrap_err().contains("`dns.listen`"));
        for (name, why) in [("*.foobar.local", "\"internal\""), ("*.localhost", "\"internal\""), ("*.com.1", "no name")]
        {
            assert!(check(&[name], &acme).expect_err(name).contains(why));
        }
    }
}
