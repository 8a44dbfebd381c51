use std::net::IpAddr;

/// What of a certificate has to be known besides its key (RFC 5280 §4.1): it is taken apart as far as that, and what is
/// signed is checked by others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts<'a> {
    pub(crate) serial: &'a [u8],
    /// Seconds since 1970.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// In DER.
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    /// The DNS names that it is for, in lower case.
    pub(crate) names: Vec<String>,
    pub(crate) addresses: Vec<IpAddr>,
    /// Which of its keys the issuer has signed with, if it says so.
    pub(crate) authority_key: Option<&'a [u8]>,
}

pub(super) const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
const KEY_IDENTIFIER: u8 = 0x80;
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 0x23];

impl<'a> Facts<'a> {
    /// `None` if it is not a certificate in DER.
    pub(crate) fn of(certificate: &'a [u8]) -> Option<Self> {
        let mut content = Der(Der(certificate).take(SEQUENCE)?).take(SEQUENCE).map(Der)?;
        content.optional(VERSION);
        let serial = content.take(INTEGER)?;
        content.take(SEQUENCE)?; // the algorithm of its signature
        let issuer = content.take(SEQUENCE)?;
        let mut validity = Der(content.take(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let subject = content.take(SEQUENCE)?;
        content.take(SEQUENCE)?; // the key
        let (names, addresses, authority_key) = (Vec::new(), Vec::new(), None);
        let mut facts = Self { serial, not_before, not_after, issuer, subject, names, addresses, authority_key };
        while let Some((tag, value)) = content.next() {
            if tag == EXTENSIONS {
                facts.read_extensions(Der(Der(value).take(SEQUENCE)?))?;
            }
        }
        Some(facts)
    }

    /// Whether a client that asked for this name, in lower case, would be content with it (RFC 6125): a star stands for
    /// the whole first label.
    pub(crate) fn cover(&self, name: &str) -> bool {
        if let Ok(address) = name.parse::<IpAddr>() {
            return self.addresses.contains(&address);
        }
        let parent = name.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|own| own == name || own.strip_prefix("*.").is_some_and(|rest| Some(rest) == parent))
    }

    /// Whether it is for these names in lower case and addresses, and for no others.
    pub(crate) fn is_exactly_for(&self, wanted: &[String]) -> bool {
        let has = |name: &String| match name.parse() {
            Ok(address) => self.addresses.contains(&address),
            Err(_) => self.names.contains(name),
        };
        wanted.len() == self.names.len() + self.addresses.len() && wanted.iter().all(has)
    }

    fn read_extensions(&mut self, mut extensions: Der<'a>) -> Option<()> {
        while let Some((SEQUENCE, extension)) = extensions.next() {
            let mut extension = Der(extension);
            match extension.take(OBJECT_IDENTIFIER)? {
                SUBJECT_ALT_NAME => self.read_names(content(extension)?),
                AUTHORITY_KEY => self.authority_key = content(extension)?.take(KEY_IDENTIFIER), // it may say nothing of a key
                _ => {}
            }
        }
        Some(())
    }

    fn read_names(&mut self, mut names: Der<'_>) {
        while let Some((tag, name)) = names.next() {
            match tag {
                DNS_NAME => self.names.extend(str::from_utf8(name).map(str::to_ascii_lowercase)), // no text, no name
                IP_ADDRESS => self.addresses.extend(address(name)),
                _ => {}
            }
        }
    }
}

/// What an extension says, after its kind.
fn content(mut extension: Der<'_>) -> Option<Der<'_>> {
    let (mut tag, mut value) = extension.next()?;
    if tag != OCTET_STRING {
        (tag, value) = extension.next()?; // before it stands whether it is critical
    }
    Der(Some(value).filter(|_| tag == OCTET_STRING)?).take(SEQUENCE).map(Der)
}

/// When a list of revoked certificates is followed by the next, in seconds since 1970 (RFC 5280 §5.1); `None` if it is no
/// list in DER, or does not say.
pub(crate) fn next_update(list: &[u8]) -> Option<i64> {
    let mut content = Der(Der(list).take(SEQUENCE)?).take(SEQUENCE).map(Der)?;
    content.optional(INTEGER); // the version
    content.take(SEQUENCE)?; // the algorithm of its signature
    content.take(SEQUENCE)?; // who has issued it
    content.time()?;
    content.time()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from), // the length is right
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from), // the same
        _ => None,
    }
}

/// Values in DER (ITU-T X.690), one after the other.
pub(super) struct Der<'a>(pub(super) &'a [u8]);

impl<'a> Der<'a> {
    /// The next value with its tag.
    pub(super) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // More than four bytes are more than any file has.
            0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    /// The next value, if it has this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().and_then(|(found, value)| (found == tag).then_some(value))
    }

    pub(super) fn optional(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.next();
        }
    }

    fn time(&mut self) -> Option<i64> {
        let (tag, text) = self.next()?;
        let text = str::from_utf8(text).ok()?.strip_suffix('Z')?; // in DER a time is UTC
        let (year, rest) = text.split_at_checked(if tag == GENERALIZED_TIME { 4 } else { 2 })?;
        if rest.len() != 10 || !text.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let two = |at: usize| rest[at..at + 2].parse::<i64>().ok(); // digits
        let year: i64 = year.parse().ok()?; // digits
        let year = match tag {
            GENERALIZED_TIME => year,
            UTC_TIME if year < 50 => 2000 + year,
            UTC_TIME => 1900 + year,
            _ => return None,
        };
        Some(days(year, two(0)?, two(2)?) * 86_400 + two(4)? * 3600 + two(6)? * 60 + two(8)?)
    }
}

/// The days from 1970 to a date of the Gregorian calendar: years begin in March, so that a leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, month) = (year.div_euclid(400), (month + 9) % 12);
    let year = year.rem_euclid(400);
    era * 146_097 + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn certificate(names: &[&str], years: (i32, i32)) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(years.0, 3, 1);
        params.not_after = date_time_ymd(years.1, 2, 28);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_says_when_it_is_valid_and_for_whom() {
        let der = certificate(&["Foobar.com", "*.foobar.com", "192.0.2.1", "2001:db8::1"], (2024, 2051));
        let facts = Facts::of(&der).unwrap();
        assert_eq!((facts.not_before, facts.not_after), (1_709_251_200, 2_561_155_200));
        assert_eq!(facts.names, ["foobar.com", "*.foobar.com"]);
        assert_eq!(facts.issuer, facts.subject);
        for covered in ["foobar.com", "www.foobar.com", "192.0.2.1", "2001:db8::1"] {
            assert!(facts.cover(covered), "{covered}");
        }
        for other in ["foobar.org", "a.b.foobar.com", "com", "", "192.0.2.2", "::1", ".foobar.com.x"] {
            assert!(!facts.cover(other), "{other}");
        }
    }

    #[test]
    fn a_certificate_says_its_number_and_the_key_that_has_signed_it() {
        let mut params = CertificateParams::new(["a.test".to_owned()]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = rcgen::CertifiedIssuer::self_signed(params.clone(), KeyPair::generate().unwrap()).unwrap();
        params.serial_number = Some(vec![0x7f, 2, 3].into());
        params.use_authority_key_identifier_extension = true;
        let own = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        let facts = Facts::of(own.der()).unwrap();
        assert_eq!(facts.serial, [0x7f, 2, 3]);
        assert_eq!(facts.authority_key.unwrap(), params.key_identifier(issuer.key()));
        assert_eq!(Facts::of(&certificate(&["a.test"], (1970, 1999))).unwrap().authority_key, None);
    }

    #[test]
    fn what_is_cut_off_or_changed_is_no_certificate_or_another_one_and_never_a_panic() {
        let der = certificate(&["foobar.com"], (1970, 1999));
        assert!((0..der.len()).all(|length| Facts::of(&der[..length]).is_none()));
        for at in 0..der.len() {
            for byte in [0, 0x7f, 0x80, 0x84, 0x88, 0xff] {
                let mut changed = der.clone();
                changed[at] = byte;
                drop(Facts::of(&changed));
            }
        }
    }
}
