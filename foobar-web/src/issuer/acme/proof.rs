use std::sync::Arc;

use instant_acme::ChallengeType;

use super::dns_hook::DnsHook;
use crate::issuer::reach::Reach;
use crate::kept::DnsAnswers;
use crate::{AcmeSettings, Challenge, Error};

/// How it is proved to an authority that names are this server's.
pub(in crate::issuer) struct Proof {
    reach: Reach,
    wanted: Challenge,
    dns: Option<DnsProvider>,
}

/// Where records of the DNS are set.
enum DnsProvider {
    /// A program sets them: names are proved there alone, as the server may be where no authority reaches it.
    Hook(DnsHook),
    /// They are served by the program itself: only names with a star have to be proved there.
    Served(Arc<dyn DnsAnswers>),
}

impl Proof {
    /// By the settings of an issuer, whose key is `key`; `served` is what the program itself serves.
    pub(in crate::issuer) fn of(
        key: &str,
        settings: &AcmeSettings,
        reach: Reach,
        served: Option<&Arc<dyn DnsAnswers>>,
    ) -> Result<Self, Error> {
        let hook = DnsHook::of(key, settings)?.map(DnsProvider::Hook);
        let dns = hook.or_else(|| served.cloned().map(DnsProvider::Served));
        let impossible = match settings.challenge {
            Challenge::Dns01 if dns.is_none() => {
                "\"dns-01\" needs a program that sets records (`dns_hook`), or a zone that is served (`dns.listen`)"
            }
            Challenge::Http01 if reach == Reach::TlsAlone => {
                "\"http-01\" needs an address of `web.listen` without `ssl`, which the authority reaches at port 80"
            }
            wanted => return Ok(Self { reach, wanted, dns }),
        };
        Err(Error::setting(format!("{key}.challenge"), impossible))
    }

    /// That names of the application's customers can be proved, who have their own DNS; `key` is the issuer's.
    pub(super) fn check_on_demand(&self, key: &str) -> Result<(), Error> {
        match (self.wanted, &self.dns) {
            (Challenge::Dns01, Some(DnsProvider::Served(_))) => Err(Error::setting(
                format!("{key}.challenge"),
                "\"dns-01\" in the zone that is served proves no name of a customer (`ssl_on_demand`); leave it out",
            )),
            _ => Ok(()),
        }
    }

    /// Whether these names have to be proved in the DNS, and cannot be.
    pub(super) fn lacks_dns(&self, names: &[String]) -> bool {
        let has_star = names.iter().any(|name| name.starts_with("*."));
        match self.wanted {
            Challenge::Dns01 => !self.covers(names),
            Challenge::Auto => has_star && !self.covers(names),
            Challenge::Http01 | Challenge::TlsAlpn01 => has_star,
        }
    }

    /// Whether all these names can be proved in the DNS.
    fn covers(&self, names: &[String]) -> bool {
        self.answers().is_some_and(|dns| names.iter().all(|name| dns.covers(name)))
    }

    /// The challenge for a certificate for these names, and where it is answered if that is the DNS. After two failures
    /// it is the other one over the network, if there is one.
    pub(super) fn challenge(&self, names: &[String], failures: u32) -> (ChallengeType, Option<&dyn DnsAnswers>) {
        match self.wanted {
            Challenge::Auto => self.automatic(names, failures),
            Challenge::Http01 => (ChallengeType::Http01, None),
            Challenge::TlsAlpn01 => (ChallengeType::TlsAlpn01, None),
            Challenge::Dns01 => (ChallengeType::Dns01, self.answers()),
        }
    }

    fn automatic(&self, names: &[String], failures: u32) -> (ChallengeType, Option<&dyn DnsAnswers>) {
        let is_in_dns =
            matches!(self.dns, Some(DnsProvider::Hook(_))) || names.iter().any(|name| name.starts_with("*."));
        if let (true, Some(dns)) = (is_in_dns, self.answers()) {
            return (ChallengeType::Dns01, Some(dns));
        }
        let challenge = match (self.reach, (failures / 2).is_multiple_of(2)) {
            (Reach::HttpFirst, true) | (Reach::TlsFirst, false) => ChallengeType::Http01,
            _ => ChallengeType::TlsAlpn01,
        };
        (challenge, None)
    }

    fn answers(&self) -> Option<&dyn DnsAnswers> {
        match self.dns.as_ref()? {
            DnsProvider::Hook(hook) => Some(hook),
            DnsProvider::Served(served) => Some(&**served),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::future::ready;

    use foobar_core::{BoxError, BoxFuture};

    use super::*;

    /// A server of this zone.
    struct Zone(&'static str);

    impl DnsAnswers for Zone {
        fn covers(&self, name: &str) -> bool {
            name.ends_with(self.0)
        }

        fn set<'a>(&'a self, _name: &'a str, _value: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
            Box::pin(ready(Ok(())))
        }

        fn clear<'a>(&'a self, _name: &'a str, _value: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
            Box::pin(ready(Ok(())))
        }
    }

    /// By a hook, a zone, both or none.
    pub(in crate::issuer::acme) fn proof(hook: Option<&str>, zone: Option<&'static str>, reach: Reach) -> Proof {
        let settings = AcmeSettings { dns_hook: hook.map(Into::into), ..AcmeSettings::default() };
        let zone = zone.map(|zone| Arc::new(Zone(zone)) as Arc<dyn DnsAnswers>);
        Proof::of("acme", &settings, reach, zone.as_ref()).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    use ChallengeType::{Dns01, Http01, TlsAlpn01};

    #[test]
    fn after_two_failures_the_authority_is_asked_to_look_another_way() {
        for (reach, ways) in [
            (Reach::HttpFirst, [Http01, Http01, TlsAlpn01, TlsAlpn01, Http01]),
            (Reach::TlsFirst, [TlsAlpn01, TlsAlpn01, Http01, Http01, TlsAlpn01]),
            (Reach::TlsAlone, [TlsAlpn01, TlsAlpn01, TlsAlpn01, TlsAlpn01, TlsAlpn01]),
        ] {
            let proof = proof(None, None, reach);
            let way = |failures| proof.challenge(&names(&["foobar.com"]), failures).0;
            assert_eq!([0, 1, 2, 3, 4].map(way), ways, "{reach:?}");
        }
    }

    #[test]
    fn a_hook_proves_every_name_and_a_zone_those_with_a_star() {
        let way = |hook, zone, asked: &[&str]| proof(hook, zone, Reach::HttpFirst).challenge(&names(asked), 0).0;
        assert_eq!(way(Some("sh"), None, &["foobar.com"]), Dns01);
        assert_eq!(way(Some("sh"), Some("foobar.com"), &["foobar.com"]), Dns01);
        assert_eq!(way(None, Some("foobar.com"), &["foobar.com"]), Http01);
        assert_eq!(way(None, Some("foobar.com"), &["foobar.com", "*.foobar.com"]), Dns01);
    }

    fn wanting(challenge: Challenge, hook: Option<&str>, reach: Reach) -> Result<Proof, Error> {
        let settings = AcmeSettings { challenge, dns_hook: hook.map(Into::into), ..AcmeSettings::default() };
        Proof::of("acme", &settings, reach, None)
    }

    #[test]
    fn names_of_customers_are_proved_in_no_zone_that_is_served() {
        let zone = Arc::new(Zone("foobar.com")) as Arc<dyn DnsAnswers>;
        let checked = |challenge, hook: Option<&str>| {
            let settings = AcmeSettings { challenge, dns_hook: hook.map(Into::into), ..AcmeSettings::default() };
            Proof::of("acme", &settings, Reach::HttpFirst, Some(&zone)).unwrap().check_on_demand("acme")
        };
        let refused = checked(Challenge::Dns01, None).unwrap_err().to_string();
        assert!(refused.starts_with("`acme.challenge`: \"dns-01\" in the zone"), "{refused}");
        checked(Challenge::Dns01, Some("sh")).unwrap(); // which may set records elsewhere
        checked(Challenge::Auto, None).unwrap();
    }

    #[test]
    fn the_challenge_that_is_wanted_is_used_whatever_has_failed_before() {
        for (wanted, used) in
            [(Challenge::Http01, Http01), (Challenge::TlsAlpn01, TlsAlpn01), (Challenge::Dns01, Dns01)]
        {
            let proof = wanting(wanted, Some("sh"), Reach::TlsFirst).unwrap();
            for failures in 0..5 {
                assert_eq!(proof.challenge(&names(&["foobar.com"]), failures).0, used);
            }
        }
    }

    #[test]
    fn a_challenge_that_cannot_be_met_is_refused() {
        for (wanted, reach, part) in [
            (Challenge::Dns01, Reach::HttpFirst, "`acme.challenge`: \"dns-01\" needs a program"),
            (Challenge::Http01, Reach::TlsAlone, "`acme.challenge`: \"http-01\" needs an address"),
        ] {
            let error = wanting(wanted, None, reach).err().expect("it is refused").to_string();
            assert!(error.starts_with(part), "{error}");
        }
        let over_network = wanting(Challenge::Http01, Some("sh"), Reach::HttpFirst).unwrap();
        assert!(over_network.lacks_dns(&names(&["*.foobar.com"])) && !over_network.lacks_dns(&names(&["foobar.com"])));
    }

    #[test]
    fn all_names_of_a_certificate_have_to_lie_in_the_zone_that_is_served() {
        let covers = |hook, zone, asked: &[&str]| !proof(hook, zone, Reach::HttpFirst).lacks_dns(&names(asked));
        assert!(covers(None, Some("foobar.com"), &["foobar.com", "*.foobar.com"]));
        assert!(!covers(None, Some("foobar.com"), &["foobar.org", "*.foobar.com"]));
        assert!(!covers(None, None, &["*.foobar.com"]));
        assert!(covers(Some("sh"), Some("foobar.com"), &["foobar.org", "*.foobar.com"]));
    }
}
