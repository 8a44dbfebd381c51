use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, RootCertStore};

use super::distinguished_name;
use super::provider::Provider;
use super::x509::Facts;

/// The certificates of a file: the server's own, and those that signed it.
pub(super) struct CertificateChain<'a> {
    certificates: &'a [CertificateDer<'static>],
    facts: Vec<Facts<'a>>,
}

/// What a client makes of a chain, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// A client that goes by the file refuses it.
    Broken,
    /// There is the server's own certificate and no other: a client has to know who signed it.
    Alone,
    Whole,
}

/// What is wrong with the certificates that follow the server's own.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) reach: Reach,
    /// From when on it is none any more, in seconds since 1970.
    pub(super) until: Option<i64>,
}

impl<'a> CertificateChain<'a> {
    /// `None` if one of them is not a certificate, or there is none.
    pub(super) fn of(certified: &'a CertifiedKey) -> Option<Self> {
        let facts: Vec<_> = certified.cert.iter().map(|certificate| Facts::of(certificate)).collect::<Option<_>>()?;
        (!facts.is_empty()).then_some(Self { certificates: &certified.cert, facts })
    }

    /// The server's own certificate.
    pub(super) fn own(&self) -> &Facts<'a> {
        &self.facts[0] // `of` has seen it
    }

    /// When the first of those that signed it expires, in seconds since 1970; `None` if it is alone.
    pub(super) fn signers_expire(&self) -> Option<i64> {
        self.signers().map(|(_, facts)| facts.not_after).min()
    }

    /// At a moment, in seconds since 1970.
    pub(super) fn reach(&self, provider: &Provider, now: i64) -> Reach {
        let best = if self.facts.len() == 1 { Reach::Alone } else { Reach::Whole };
        self.faults(provider, now).iter().map(|fault| fault.reach).fold(best, Reach::min)
    }

    /// The same for what is wrong.
    pub(super) fn faults(&self, provider: &Provider, now: i64) -> Vec<Fault> {
        if self.facts.len() == 1 {
            let own = self.own();
            return if own.issuer == own.subject { Vec::new() } else { vec![Fault::lack(own)] };
        }
        let expired = self.signers().filter(|(_, facts)| facts.not_after < now);
        let early = self.signers().filter(|(_, facts)| facts.not_before > now);
        let unsigned = self.unsigned(provider).map(Fault::unsigned).into_iter();
        let expired = expired.map(|(number, facts)| Fault::expired(number, facts));
        unsigned.chain(expired).chain(early.map(|(number, facts)| Fault::early(number, facts))).collect()
    }

    /// Those that follow, each with its number in the file.
    fn signers(&self) -> impl Iterator<Item = (usize, &Facts<'a>)> {
        (1..).zip(&self.facts).skip(1)
    }

    /// The number of the first that did not sign the one before it.
    fn unsigned(&self, provider: &Provider) -> Option<usize> {
        let mut numbers = 2..=self.facts.len();
        let is_other = |number: &usize| self.facts[number - 1].subject != self.facts[number - 2].issuer;
        if let Some(number) = numbers.clone().find(is_other) {
            return Some(number);
        }
        if self.is_unsigned_by(self.facts.len(), provider) {
            return numbers.find(|number| self.is_unsigned_by(*number, provider));
        }
        None
    }

    /// Whether one of the signatures up to that of certificate `number` is not by the key of the next one. What keeps it
    /// from being found out is left to clients.
    fn is_unsigned_by(&self, number: usize, provider: &Provider) -> bool {
        let (chain, algorithms) = (&self.certificates[..number], provider.signature_verification_algorithms.all);
        let [own, between @ .., last] = chain else { return false };
        let (Ok(own), mut roots) = (ParsedCertificate::try_from(own), RootCertStore::empty()) else { return false };
        if roots.add(last.clone()).is_err() {
            return false;
        }
        let begins = self.facts[..number].iter().map(|facts| facts.not_before).max();
        let begins = Duration::from_secs(begins.map_or(0, |begins| u64::try_from(begins).unwrap_or(0))); // before 1970
        let begins = UnixTime::since_unix_epoch(begins);
        let verified = verify_server_cert_signed_by_trust_anchor(&own, &roots, between, begins, algorithms);
        matches!(verified, Err(rustls::Error::InvalidCertificate(CertificateError::BadSignature)))
    }
}

impl Fault {
    fn lack(own: &Facts<'_>) -> Self {
        let message = format!(
            "the file lacks the certificate that signed this one, that of {}; clients that do not have it refuse this one: \
             give the full chain (`fullchain.pem`)",
            name(own.issuer)
        );
        Self { message, reach: Reach::Alone, until: None }
    }

    fn unsigned(number: usize) -> Self {
        let message = format!("certificate {number} of the file did not sign the one before it");
        Self { message, reach: Reach::Broken, until: None }
    }

    fn expired(number: usize, facts: &Facts<'_>) -> Self {
        let message = format!(
            "certificate {number} of the file, that of {}, has expired, so that clients may refuse what it signed; get the \
             full chain again from where the certificate was issued",
            name(facts.subject)
        );
        Self { message, reach: Reach::Broken, until: None }
    }

    fn early(number: usize, facts: &Facts<'_>) -> Self {
        let message = format!(
            "certificate {number} of the file, that of {}, is not valid yet, so that clients may refuse what it signed; check \
             this machine's clock",
            name(facts.subject)
        );
        Self { message, reach: Reach::Broken, until: Some(facts.not_before) }
    }
}

/// That of an authority as text.
fn name(in_der: &[u8]) -> String {
    let text = distinguished_name::text(in_der).filter(|text| !text.is_empty());
    text.unwrap_or_else(|| "an authority without a name".to_owned())
}
