use rustls::sign::CertifiedKey;

use super::certificate::{EXPIRED, NAMELESS, NOT_YET, covers};
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
pub(super) fn worse(new: &CertifiedKey, used: &CertifiedKey, names: &[String], now: i64) -> Option<Worse> {
    let (new, used) = (Facts::of(new.cert.first()?)?, Facts::of(used.cert.first()?)?); // both have been read before
    if worth(&new, names, now) >= worth(&used, names, now) {
        return None;
    }
    Some(match fault(&new, now) {
        Some(NOT_YET) => Worse { message: NOT_YET.to_owned(), until: Some(new.not_before) },
        Some(fault) => Worse { message: fault.to_owned(), until: None },
        None => Worse { message: lost(&new, &used, names), until: Some(used.not_after + 1) },
    })
}

/// Whether a client may accept it at all, and for how many of the names.
fn worth(facts: &Facts<'_>, names: &[String], now: i64) -> (bool, usize) {
    match fault(facts, now) {
        Some(_) => (false, 0),
        None => (true, names.iter().filter(|name| covers(facts, name)).count()),
    }
}

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

    use rcgen::{CertificateParams, KeyPair};
    use rustls::crypto::aws_lc_rs;

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

    /// Puts a certificate for these names there, which is good from one day to another, counted from today.
    fn issue(folder: &Path, names: &[&str], days: [i64; 2]) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let (mut params, key) = (CertificateParams::new(names).unwrap(), KeyPair::generate().unwrap());
        let day = Duration::from_secs(24 * 60 * 60);
        let at = |days: i64| match u32::try_from(days) {
            Ok(days) => SystemTime::now() + day * days,
            Err(_) => SystemTime::now() - day * u32::try_from(-days).unwrap(),
        };
        [params.not_before, params.not_after] = days.map(|days| at(days).into());
        std::fs::write(folder.join("pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(folder.join("key"), key.serialize_pem()).unwrap();
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
