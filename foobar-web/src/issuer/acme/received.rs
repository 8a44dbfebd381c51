use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::schedule::{DAY, seconds};
use crate::net::Facts;

/// What an authority has sent is looked at before it takes the place of a certificate that may be good: whether it is a
/// chain whose first certificate is for these names and this key, and good by this machine's clock; else why not.
pub(super) fn check(chain: &str, names: &[String], key: &[u8], now: SystemTime) -> Result<(), String> {
    let read = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = read.map_err(|error| format!("the authority has sent no certificate: {error}"))?;
    let facts = chain.iter().map(|certificate| Facts::of(certificate)).collect::<Option<Vec<_>>>();
    let (Some(own), Some([facts, ..])) = (chain.first(), facts.as_deref()) else {
        return Err("the authority has sent no certificate: its chain has none, or what is no certificate".to_owned());
    };
    let is_for_key = own.windows(key.len()).any(|bytes| bytes == key);
    if !is_for_key || !names.iter().all(|name| facts.cover(name)) {
        return Err("the authority has sent a certificate for other names or another key".to_owned());
    }
    let dates = (time(facts.not_before), time(facts.not_after));
    let problem = match seconds(now) {
        now if dates.1 <= now => format!("has expired on {}", date(dates.1)),
        now if now + DAY < dates.0 => format!("is not good before {}", date(dates.0)),
        _ => return Ok(()),
    };
    Err(format!(
        "the authority has sent a certificate that {problem}; this machine's clock says {}: set it if that is wrong",
        httpdate::fmt_http_date(now)
    ))
}

/// From 1970 on.
fn time(seconds: i64) -> u64 {
    seconds.try_into().unwrap_or(0) // before
}

fn date(seconds: u64) -> String {
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(LAST)))
}

/// The last second of the year 9999, which is the last that can be written.
const LAST: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    /// What is sent for this key: a certificate that is good for these days of 2026.
    fn sent(key: &KeyPair, (from, to): (u8, u8)) -> String {
        let mut params = CertificateParams::new(names()).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2026, 5, from), date_time_ymd(2026, 5, to));
        params.self_signed(key).unwrap().pem()
    }

    fn names() -> Vec<String> {
        vec!["a.test".to_owned()]
    }

    /// That day of May 2026.
    fn may(day: u8) -> SystemTime {
        date_time_ymd(2026, 5, day).into()
    }

    fn checked(chain: &str, key: &KeyPair, now: SystemTime) -> Result<(), String> {
        check(chain, &names(), key.public_key_raw(), now)
    }

    #[test]
    fn a_certificate_that_is_good_now_is_taken_and_one_that_begins_within_a_day() {
        let key = KeyPair::generate().unwrap();
        let chain = sent(&key, (10, 20));
        for day in [9, 10, 15, 19] {
            assert_eq!(checked(&chain, &key, may(day)), Ok(()), "{day}");
        }
    }

    #[test]
    fn one_that_has_expired_or_is_to_come_is_refused_and_the_clock_named() {
        let key = KeyPair::generate().unwrap();
        let chain = sent(&key, (10, 20));
        for (day, problem) in [(20, "has expired on Wed, 20 May 2026"), (8, "is not good before Sun, 10 May 2026")] {
            let why = checked(&chain, &key, may(day)).unwrap_err();
            assert!(why.contains(problem) && why.contains("this machine's clock says"), "{why}");
        }
    }

    #[test]
    fn a_chain_with_what_is_no_certificate_is_refused() {
        let key = KeyPair::generate().unwrap();
        let own = sent(&key, (10, 20));
        let empty = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        let cut = &own[..own.len() / 2];
        for chain in [String::new(), empty.to_owned(), format!("{own}{empty}"), format!("{own}{cut}"), cut.to_owned()] {
            let why = checked(&chain, &key, may(15)).unwrap_err();
            assert!(why.starts_with("the authority has sent no certificate"), "{why}");
        }
    }

    #[test]
    fn one_for_another_key_or_other_names_is_refused() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let chain = sent(&key, (10, 20));
        let why = "the authority has sent a certificate for other names or another key";
        assert_eq!(checked(&chain, &other, may(15)), Err(why.to_owned()));
        assert_eq!(check(&chain, &["b.test".to_owned()], key.public_key_raw(), may(15)), Err(why.to_owned()));
    }
}
