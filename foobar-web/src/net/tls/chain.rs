use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use super::distinguished_name;
use super::provider::Provider;
use super::signature::is_signed_by;
use super::x509::Facts;

/// The certificates of a file: the server's own, and those that signed it.
pub(super) struct CertificateChain<'a> {
    certificates: &'a [CertificateDer<'static>],
    facts: Vec<Facts<'a>>,
}

/// What a client makes of a chain, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// There are others, and none of them is valid and signed the server's own.
    Broken,
    /// There is the server's own certificate and no other: a client has to know who signed it.
    Alone,
    /// One that is valid signed the server's own. The way from there is found by clients, from what they have besides.
    Whole,
}

/// What is wrong with the certificates that follow the server's own.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) message: String,
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

    /// At a moment, in seconds since 1970.
    pub(super) fn reach(&self, provider: &Provider, now: i64) -> Reach {
        if self.others().next().is_none() {
            Reach::Alone
        } else if self.valid_signers(provider, now).next().is_some() {
            Reach::Whole
        } else {
            Reach::Broken
        }
    }

    /// Until when it reaches as far as at this moment, in seconds since 1970.
    pub(super) fn reaches_until(&self, provider: &Provider, now: i64) -> i64 {
        let signers = self.valid_signers(provider, now).map(|(_, facts)| facts.not_after).max();
        signers.unwrap_or(i64::MAX).min(self.own().not_after)
    }

    /// What somebody may want to change.
    pub(super) fn faults(&self, provider: &Provider, now: i64) -> Vec<Fault> {
        if self.others().next().is_none() {
            return self.lack().into_iter().collect();
        }
        let expired = self.others().filter(|(_, facts)| facts.not_after < now);
        let early = self.others().filter(|(_, facts)| facts.not_before > now);
        let unsigned = (2..=self.facts.len()).find(|number| !self.is_signed(*number - 1, *number, provider));
        let expired = expired.map(|(number, facts)| Fault::expired(number, facts));
        let early = early.map(|(number, facts)| Fault::early(number, facts));
        unsigned.map(Fault::unsigned).into_iter().chain(expired).chain(early).collect()
    }

    /// What keeps it from a better reach; `None` if there is nothing but a certificate that signed itself.
    pub(super) fn gap(&self, provider: &Provider, now: i64) -> Option<Fault> {
        if self.others().next().is_none() {
            return self.lack();
        }
        let early = self.signers(provider).filter(|(_, facts)| facts.not_before > now);
        if let Some((number, facts)) = early.min_by_key(|(_, facts)| facts.not_before) {
            return Some(Fault::early(number, facts));
        }
        let expired = self.signers(provider).max_by_key(|(_, facts)| facts.not_after);
        Some(expired.map_or_else(Fault::unrelated, |(number, facts)| Fault::expired(number, facts)))
    }

    fn lack(&self) -> Option<Fault> {
        let own = self.own();
        (own.issuer != own.subject).then(|| Fault::lack(own))
    }

    /// Those that are not the server's own once more, each with its number in the file.
    pub(super) fn others(&self) -> impl Iterator<Item = (usize, &Facts<'a>)> {
        let is_own = |number: usize| self.certificates[number - 1] == self.certificates[0];
        (1..).zip(&self.facts).filter(move |(number, _)| !is_own(*number))
    }

    /// Those of them that signed the server's own, whenever they are valid.
    fn signers(&self, provider: &Provider) -> impl Iterator<Item = (usize, &Facts<'a>)> {
        self.others().filter(|(number, _)| self.is_signed(1, *number, provider))
    }

    fn valid_signers(&self, provider: &Provider, now: i64) -> impl Iterator<Item = (usize, &Facts<'a>)> {
        self.signers(provider).filter(move |(_, facts)| facts.not_before <= now && facts.not_after >= now)
    }

    /// Whether one certificate is signed by another, which both have their numbers. Where the signature cannot be judged,
    /// their names say so.
    fn is_signed(&self, number: usize, signer: usize, provider: &Provider) -> bool {
        let is_signed = is_signed_by(&self.certificates[number - 1], &self.certificates[signer - 1], provider);
        is_signed.unwrap_or_else(|| self.facts[number - 1].issuer == self.facts[signer - 1].subject)
    }
}

impl Fault {
    fn lack(own: &Facts<'_>) -> Self {
        let message = format!(
            "the file lacks the certificate that signed this one, that of {}; clients that do not have it refuse this one: \
             give the full chain (`fullchain.pem`)",
            name(own.issuer)
        );
        Self { message, until: None }
    }

    fn unsigned(number: usize) -> Self {
        let message = format!("certificate {number} of the file did not sign the one before it");
        Self { message, until: None }
    }

    fn unrelated() -> Self {
        let message = "none of the certificates that follow the server's own in the file signed it, so that clients may \
                       refuse it; give the full chain (`fullchain.pem`)";
        Self { message: message.to_owned(), until: None }
    }

    fn expired(number: usize, facts: &Facts<'_>) -> Self {
        let message = format!(
            "certificate {number} of the file, that of {}, has expired, so that clients may refuse what it signed; get the \
             full chain again from where the certificate was issued",
            name(facts.subject)
        );
        Self { message, until: None }
    }

    fn early(number: usize, facts: &Facts<'_>) -> Self {
        let message = format!(
            "certificate {number} of the file, that of {}, is not valid yet, so that clients may refuse what it signed; check \
             this machine's clock",
            name(facts.subject)
        );
        Self { message, until: Some(facts.not_before) }
    }
}

/// That of an authority as text.
fn name(in_der: &[u8]) -> String {
    let text = distinguished_name::text(in_der).filter(|text| !text.is_empty());
    text.unwrap_or_else(|| "an authority without a name".to_owned())
}
