use std::path::Path;
use std::time::SystemTime;

use instant_acme::CertificateIdentifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::record::Record;
use super::schedule;
use crate::net::Facts;

/// When the certificate that is there is renewed; `None` if there is none, or not this one.
pub(super) fn renewal(record: &Record, path: &Path) -> Option<u64> {
    let certificate = CertificateDer::from_pem_file(path).ok().filter(|_| record.is_issued)?; // none, or of elsewhere
    PrivateKeyDer::from_pem_file(path).ok()?; // the file is cut off
    let facts = Facts::of(&certificate).filter(|facts| record.signed_names().iter().all(|name| facts.cover(name)))?;
    let (from, to) = (facts.not_before.try_into().ok()?, facts.not_after.try_into().ok()?); // not before 1970
    let at = record.renew_at.unwrap_or_else(|| schedule::renewal(from, to)); // the authority does not say
    Some(schedule::within(at, from, to))
}

/// Whether one of these names has a certificate whose last tenth has not begun: one without it would take it away.
pub(super) fn still_serves(record: &Record, path: &Path, names: &[String]) -> bool {
    let certificate = CertificateDer::from_pem_file(path).ok().filter(|_| record.is_issued);
    let Some(facts) = certificate.as_ref().and_then(|certificate| Facts::of(certificate)) else { return false };
    let (Ok(from), Ok(to)) = (facts.not_before.try_into(), facts.not_after.try_into()) else { return false }; // before 1970
    let last = schedule::within(u64::MAX, from, to);
    schedule::seconds(SystemTime::now()) < last && names.iter().any(|name| facts.cover(name))
}

/// By which the authority knows a certificate; `None` if it says nothing of who has signed it.
pub(super) fn identifier(certificate: &[u8]) -> Option<CertificateIdentifier<'static>> {
    let facts = Facts::of(certificate)?;
    Some(CertificateIdentifier::new(facts.authority_key?.into(), facts.serial.into()).into_owned())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn a_certificate_serves_its_names_until_its_last_tenth() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut record = Record::new("https://ca.test/directory", &names(&["a.test", "b.test"]));
        let file = tempfile::NamedTempFile::new().unwrap();
        let serves = |record: &Record, asked: &[&str], to| {
            let mut params = CertificateParams::new(names(&["a.test", "b.test"])).unwrap();
            (params.not_before, params.not_after) = (date_time_ymd(1980, 1, 1), date_time_ymd(to, 1, 1));
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            std::fs::write(file.path(), certificate.pem()).unwrap();
            still_serves(record, file.path(), &names(asked))
        };
        assert!(!serves(&record, &["b.test"], 4000), "it is of elsewhere");
        record.is_issued = true;
        assert!(serves(&record, &["b.test"], 4000));
        assert!(serves(&record, &["c.test", "a.test"], 4000));
        assert!(!serves(&record, &["c.test"], 4000) && !serves(&record, &[], 4000));
        assert!(!serves(&record, &["b.test"], 1990), "it has expired");
    }
}
