use rustls::sign::CertifiedKey;

use super::certificate::{EXPIRED, NAMELESS, NOT_YET, covers};
use super::chain::CertificateChain;
use super::provider::Provider;
use super::x509::Facts;

/// Why a certificate does not take the place of the one in use: clients would accept it for fewer names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Worse {
    pub(super) message: String,
    /// From when on that may be otherwise, in seconds since 1970.
    pub(super) until: Option<i64>,
}

/// Compares two certificates of a site by what clients make of them at a moment, in seconds since 1970. One that is no
/// worse than the one in use is good enough, whatever is wrong with both.
pub(super) fn worse(
    new: &CertifiedKey,
    used: &CertifiedKey,
    names: &[String],
    provider: &Provider,
    now: i64,
) -> Option<Worse> {
    let (new, used) = (CertificateChain::of(new)?, CertificateChain::of(used)?); // both have been read before
    if fault(used.own(), now).is_some() {
        return None;
    }
    match fault(new.own(), now) {
        Some(NOT_YET) => return Some(Worse { message: NOT_YET.to_owned(), until: Some(new.own().not_before) }),
        Some(fault) => return Some(Worse { message: fault.to_owned(), until: None }),
        None => {}
    }
    let count = |facts| names.iter().filter(|name| covers(facts, name)).count();
    if count(new.own()) < count(used.own()) {
        return Some(Worse { message: lost(new.own(), used.own(), names), until: Some(used.own().not_after + 1) });
    }
    worse_chain(&new, &used, provider, now)
}

/// The same of those that signed them.
fn worse_chain(
    new: &CertificateChain<'_>,
    used: &CertificateChain<'_>,
    provider: &Provider,
    now: i64,
) -> Option<Worse> {
    if new.reach(provider, now) >= used.reach(provider, now) {
        return None;
    }
    let used_ends = used.reaches_until(provider, now) + 1;
    let Some(gap) = new.gap(provider, now) else {
        return Some(Worse { message: SELF_SIGNED.to_owned(), until: Some(used_ends) });
    };
    let message = format!("{}, give the file another path, or restart", gap.message);
    Some(Worse { message, until: Some(gap.until.unwrap_or(used_ends).min(used_ends)) })
}

const SELF_SIGNED: &str = "the certificate is signed by nobody but itself, and the one in use by an authority; have one issued by an \
                           authority, give the file another path, or restart";

/// Why no client accepts it.
fn fault(facts: &Facts<'_>, now: i64) -> Option<&'static str> {
    if facts.not_after < now {
        return Some(EXPIRED);
    }
    if facts.not_before > now {
        return Some(NOT_YET);
    }
    (facts.names.is_empty() && facts.addresses.is_empty()).then_some(NAMELESS)
}

fn lost(new: &Facts<'_>, used: &Facts<'_>, names: &[String]) -> String {
    let lost = names.iter().filter(|name| covers(used, name) && !covers(new, name));
    let lost: Vec<_> = lost.map(|name| format!("{name:?}")).collect();
    format!(
        "the certificate is not for {}, as the one in use is; have one issued for all names of the site, take what it \
         lacks out of `server_name`, give the file another path, or restart",
        lost.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::crypto::aws_lc_rs;

    use super::super::certificate::{Pair, expiries, load as load_pair};
    use super::super::certificates::tests::logged;
    use super::super::certificates::{Certificates, SiteCertificates};

    /// A site of two names whose certificate lies in a folder.
    fn site(folder: &Path) -> SiteCertificates {
        SiteCertificates {
            label: "a".to_owned(),
            key: "sites.a".to_owned(),
            certificates: vec![folder.join("pem")],
            keys: vec![folder.join("key")],
            names: vec!["a.test".to_owned(), "b.test".to_owned()],
            client_rule: None,
            kept: None,
        }
    }

    fn load(folder: &Path) -> Certificates {
        Certificates::load(&site(folder), &Arc::new(aws_lc_rs::default_provider())).unwrap().unwrap()
    }

    /// Of a certificate for these names, which is good from one day to another, counted from today.
    fn params(names: &[&str], days: [i64; 2]) -> CertificateParams {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let day = Duration::from_secs(24 * 60 * 60);
        let at = |days: i64| match u32::try_from(days) {
            Ok(days) => SystemTime::now() + day * days,
            Err(_) => SystemTime::now() - day * u32::try_from(-days).unwrap(),
        };
        [params.not_before, params.not_after] = days.map(|days| at(days).into());
        params
    }

    /// Puts a certificate there that has signed itself.
    fn issue(folder: &Path, names: &[&str], days: [i64; 2]) {
        let key = KeyPair::generate().unwrap();
        std::fs::write(folder.join("pem"), params(names, days).self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(folder.join("key"), key.serialize_pem()).unwrap();
    }

    /// One that is called as all here are.
    fn authority(days: [i64; 2]) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = params(&[], days);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    /// Puts one there that an authority has signed, and what follows it in the file.
    fn issue_chain(folder: &Path, follows: Follows) {
        let signer = authority(if let Follows::Signer(days) = follows { days } else { GOOD });
        let key = KeyPair::generate().unwrap();
        let mut leaf = params(BOTH, GOOD);
        leaf.distinguished_name.push(rcgen::DnType::CommonName, "a.test");
        let own = leaf.signed_by(&key, &signer).unwrap().pem();
        let rest = match follows {
            Follows::Nothing => String::new(),
            Follows::Signer(_) => signer.pem(),
            Follows::Namesake => authority(GOOD).pem(),
            Follows::Itself => own.clone(),
            Follows::ItselfAndSigner => own.clone() + &signer.pem(),
            Follows::SignerAndExpired => signer.pem() + &authority(OVER).pem(),
            Follows::ExpiredAndSigner => authority(OVER).pem() + &signer.pem(),
            Follows::SignerTwice => {
                let mut other = params(&[], OVER);
                other.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                other.self_signed(signer.key()).unwrap().pem() + &signer.pem()
            }
        };
        std::fs::write(folder.join("pem"), own + &rest).unwrap();
        std::fs::write(folder.join("key"), key.serialize_pem()).unwrap();
    }

    #[derive(Clone, Copy, Debug)]
    enum Follows {
        Nothing,
        /// The authority, with a certificate of these days.
        Signer([i64; 2]),
        /// Another authority of the same name.
        Namesake,
        /// The same certificate once more.
        Itself,
        ItselfAndSigner,
        /// With another authority whose certificate has expired.
        SignerAndExpired,
        ExpiredAndSigner,
        /// Two certificates of one key, of which the first has expired.
        SignerTwice,
    }

    const BOTH: &[&str] = &["a.test", "b.test"];
    const GOOD: [i64; 2] = [-1, 60];
    const OVER: [i64; 2] = [-60, -1];
    const FUTURE: [i64; 2] = [1, 60];

    /// What is logged of files that have changed, in some looks at them.
    fn looks(certificates: &Certificates) -> String {
        logged(|| (0..4).for_each(|_| certificates.refresh()))
    }

    #[test]
    fn a_certificate_that_clients_would_refuse_does_not_take_the_place_of_a_good_one_and_that_is_said_once() {
        let folder = tempfile::tempdir().unwrap();
        let cases: [(&[&str], _, _); 4] = [
            (BOTH, OVER, "the certificate has expired, so that clients refuse it; renew it"),
            (BOTH, FUTURE, "the certificate is not valid yet, so that clients refuse it; check this machine's clock"),
            (&[], GOOD, "the certificate is for no name (subjectAltName), so that clients refuse it"),
            (&["a.test"], GOOD, "the certificate is not for \"b.test\", as the one in use is; have one issued for all"),
        ];
        for (names, days, words) in cases {
            issue(folder.path(), BOTH, GOOD);
            let certificates = load(folder.path());
            issue(folder.path(), names, days);
            let told = looks(&certificates);
            assert!(
                told.contains("ERROR") && told.contains("the changed certificate is not used, the one before is"),
                "{told}"
            );
            assert!(told.contains(words) && told.lines().count() == 1, "{words}: {told}");
            assert!(certificates.cover("b.test"), "{words}");
            assert!(certificates.concerns(SystemTime::now()).is_empty(), "{words}");
        }
    }

    #[test]
    fn one_that_is_no_worse_than_the_one_in_use_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let cases: [(&[&str], _, &[&str], _); 5] = [
            (BOTH, OVER, &["a.test"], GOOD),
            (BOTH, OVER, BOTH, FUTURE),
            (&[], GOOD, &["a.test"], OVER),
            (&["a.test"], GOOD, &["b.test"], GOOD),
            (&["c.test"], GOOD, &["d.test"], GOOD),
        ];
        for (names, days, new_names, new_days) in cases {
            issue(folder.path(), names, days);
            let certificates = load(folder.path());
            issue(folder.path(), new_names, new_days);
            let told = looks(&certificates);
            assert!(told.contains("`sites.a`: the certificate has been replaced"), "{names:?}, {new_names:?}: {told}");
        }
    }

    #[test]
    fn a_chain_that_brings_clients_less_far_does_not_take_the_place_of_the_one_in_use_and_that_is_said_once() {
        use Follows::{Namesake, Nothing, Signer};
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            (Signer(GOOD), Nothing, "the file lacks the certificate that signed this one, that of CN="),
            (
                Signer(GOOD),
                Namesake,
                "none of the certificates that follow the server's own in the file signed it, so that",
            ),
            (Signer(GOOD), Signer(OVER), "has expired, so that clients may refuse what it signed"),
            (Signer(GOOD), Signer(FUTURE), "is not valid yet, so that clients may refuse what it signed"),
            (Nothing, Namesake, "none of the certificates that follow the server's own in the file signed it, so that"),
        ];
        for (used, next, words) in cases {
            issue_chain(folder.path(), used);
            let certificates = load(folder.path());
            issue_chain(folder.path(), next);
            let told = looks(&certificates);
            assert!(told.contains("the changed certificate is not used, the one before is"), "{next:?}: {told}");
            assert!(told.contains(words) && told.lines().count() == 1, "{next:?}: {told}");
            assert!(told.trim_end().ends_with(", give the file another path, or restart"), "{next:?}: {told}");
        }
        issue_chain(folder.path(), Signer(GOOD));
        let certificates = load(folder.path());
        issue(folder.path(), BOTH, GOOD);
        assert!(looks(&certificates).contains("the certificate is signed by nobody but itself, and the one in use by"));
    }

    #[test]
    fn a_chain_that_brings_clients_as_far_as_the_one_in_use_takes_its_place() {
        use Follows::{Namesake, Nothing, Signer};
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            (Nothing, Nothing),
            (Nothing, Signer(GOOD)),
            (Signer(OVER), Nothing),
            (Namesake, Signer(FUTURE)),
            (Signer(OVER), Signer(GOOD)),
        ];
        for (used, next) in cases {
            issue_chain(folder.path(), used);
            let certificates = load(folder.path());
            issue_chain(folder.path(), next);
            let told = looks(&certificates);
            assert!(told.contains("`sites.a`: the certificate has been replaced"), "{used:?}, {next:?}: {told}");
        }
    }

    #[test]
    fn a_file_in_which_a_valid_certificate_signed_the_servers_own_takes_the_place_of_any_whatever_else_is_in_it() {
        use Follows::{ExpiredAndSigner, ItselfAndSigner, Signer, SignerAndExpired, SignerTwice};
        let folder = tempfile::tempdir().unwrap();
        for next in [SignerAndExpired, ItselfAndSigner, ExpiredAndSigner, SignerTwice] {
            issue_chain(folder.path(), Signer(GOOD));
            let certificates = load(folder.path());
            issue_chain(folder.path(), next);
            let told = looks(&certificates);
            assert!(told.contains("`sites.a`: the certificate has been replaced"), "{next:?}: {told}");
            issue_chain(folder.path(), Follows::Nothing);
            let told = looks(&certificates);
            assert!(told.contains("is not used, the one before is") && told.lines().count() == 1, "{next:?}: {told}");
        }
    }

    #[test]
    fn a_certificate_that_is_in_its_file_twice_is_alone() {
        use Follows::{Itself, Nothing, Signer};
        let folder = tempfile::tempdir().unwrap();
        issue_chain(folder.path(), Nothing);
        let certificates = load(folder.path());
        issue_chain(folder.path(), Itself);
        let told = looks(&certificates);
        assert!(told.contains("has been replaced") && told.contains("the file lacks the certificate that"), "{told}");
        issue_chain(folder.path(), Signer(GOOD));
        assert!(looks(&certificates).contains("has been replaced"));
        issue_chain(folder.path(), Itself);
        assert!(looks(&certificates).contains("the changed certificate is not used, the one before is"));
    }

    #[test]
    fn of_what_follows_a_certificate_that_the_server_gets_by_itself_nothing_is_said() {
        let folder = tempfile::tempdir().unwrap();
        issue_chain(folder.path(), Follows::Signer(OVER));
        let (certificate, key) = (&*folder.path().join("pem"), &*folder.path().join("key"));
        for (is_kept, told) in [(false, 1), (true, 0)] {
            let pair = Pair { site: "sites.a", certificate, key, is_kept };
            let (certified, warnings) = load_pair(&pair, &[], &Arc::new(aws_lc_rs::default_provider())).unwrap();
            let of_signer = warnings.iter().filter(|warning| warning.message.contains("certificate 2 of the file"));
            assert_eq!((of_signer.count(), expiries(&pair, &certified).len()), (told, 1 + told), "{is_kept}");
        }
    }

    #[test]
    fn what_cannot_be_read_does_not_take_the_place_of_a_good_one_either() {
        let folder = tempfile::tempdir().unwrap();
        issue(folder.path(), BOTH, GOOD);
        let certificates = load(folder.path());
        std::fs::remove_file(folder.path().join("pem")).unwrap();
        std::fs::create_dir(folder.path().join("pem")).unwrap();
        let told = looks(&certificates);
        assert!(told.contains("is not used, the one before is") && told.lines().count() == 1, "{told}");
        assert!(certificates.cover("b.test"));
    }

    #[test]
    fn one_for_other_names_than_the_sites_is_kept_where_the_next_has_expired() {
        let folder = tempfile::tempdir().unwrap();
        issue(folder.path(), &["c.test"], GOOD);
        let certificates = load(folder.path());
        issue(folder.path(), &["c.test"], OVER);
        assert!(looks(&certificates).contains("is not used, the one before is"));
    }
}
