use std::time::{Duration, SystemTime};

use foobar_core::Chain;
use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Identifier, NewOrder, Order, OrderStatus,
    Problem, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::failure::Failure;
use super::repeated::repeated;
use super::{received, tls_alpn};
use crate::kept::{Challenges, DnsAnswers};
use crate::net::Provider;

/// An order of a certificate.
pub(super) struct Request<'a> {
    pub(super) names: &'a [String],
    pub(super) provider: &'a Provider,
    /// How the authority looks whether the names are ours.
    pub(super) challenge: ChallengeType,
    /// Where the answers of dns-01 are set.
    pub(super) dns: Option<&'a dyn DnsAnswers>,
    /// The kind of certificate.
    pub(super) profile: Option<&'a str>,
    /// The certificate that is renewed, where the authority wants to know.
    pub(super) replaces: Option<CertificateIdentifier<'a>>,
}

/// What an authority has signed.
pub(super) struct Signed {
    /// The certificate with those that have signed it, in PEM.
    pub(super) chain: String,
    pub(super) key: KeyPair,
}

/// What an authority looks for in the DNS.
struct TxtRecord {
    name: String,
    value: String,
}

impl TxtRecord {
    /// The one that belongs to a name of a certificate, which may begin with a star.
    fn new(name: &str, value: String) -> Self {
        let name = name.strip_prefix("*.").unwrap_or(name); // the star's record is that of the name
        Self { name: format!("_acme-challenge.{name}"), value }
    }
}

/// Whether an authority that knows of renewals (RFC 9773) takes an order, but not the word that it is one: it has never
/// heard of the certificate before, has renewed it already, or does not repeat the word as it must.
fn is_about_replacing(error: &instant_acme::Error) -> bool {
    const KINDS: [&str; 4] = ["alreadyReplaced", "conflict", "malformed", "unauthorized"];
    match error {
        instant_acme::Error::Unsupported(_) => true,
        instant_acme::Error::Api(Problem { r#type: Some(of), .. }) => {
            of.strip_prefix("urn:ietf:params:acme:error:").is_some_and(|kind| KINDS.contains(&kind))
        }
        instant_acme::Error::Other(error) => error.to_string().starts_with("replaces field mismatch"),
        _ => false,
    }
}

/// Fetches what the authority wants to see of each name; it is asked no more for what is there.
async fn fetch(order: &mut Order) -> Result<(), instant_acme::Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        authorization?;
    }
    Ok(())
}

/// How often is asked whether an authority is done, and how long.
const POLLING: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).backoff(1.5).timeout(Duration::from_secs(120));

impl Request<'_> {
    /// Carries it out.
    pub(super) async fn carry_out(&self, account: &Account, challenges: &Challenges) -> Result<Signed, Failure> {
        let failed = |error: instant_acme::Error| Failure::of(&error, self.names);
        let identifiers: Vec<_> = self.names.iter().cloned().map(Identifier::Dns).collect();
        let order = self.begin(account, &identifiers).await;
        let mut order = order.map_err(|error| Failure::of_order(&error, self.names))?;
        let mut records = Vec::new();
        let proved = self.prove(&mut order, challenges, &mut records).await;
        challenges.end_handshakes();
        self.clear(&records).await;
        proved?;
        let (request, key) = self.signing_request()?;
        repeated!(order.finalize_csr(&request)).map_err(failed)?;
        let chain = repeated!(order.poll_certificate(&POLLING)).map_err(failed)?;
        self.check(&chain, &key)?;
        Ok(Signed { chain, key })
    }

    async fn begin(&self, account: &Account, names: &[Identifier]) -> Result<Order, instant_acme::Error> {
        if let Some(replaces) = self.replaces.clone() {
            match repeated!(account.new_order(&self.order(names).replaces(replaces.clone()))) {
                Err(error) if is_about_replacing(&error) => {
                    tracing::debug!(%error, "the order does not say what it replaces")
                }
                ordered => return ordered,
            }
        }
        repeated!(account.new_order(&self.order(names)))
    }

    fn order<'b>(&'b self, names: &'b [Identifier]) -> NewOrder<'b> {
        let order = NewOrder::new(names);
        match self.profile {
            Some(profile) => order.profile(profile),
            None => order,
        }
    }

    /// Shows the authority that the names are ours; notes the records that are set for it.
    async fn prove(
        &self,
        order: &mut Order,
        challenges: &Challenges,
        records: &mut Vec<TxtRecord>,
    ) -> Result<(), Failure> {
        repeated!(fetch(order))?;
        self.answer(order, challenges, records).await?;
        if let Err(error) = self.have_it_look(order).await {
            let failure = Failure::of(&error, self.names);
            let Failure { refused, message, .. } = self.refusal(order, failure.message.clone()).await; // it has looked at once
            return Err(Failure { refused, message, ..failure });
        }
        match repeated!(order.poll_ready(&POLLING)) {
            Ok(OrderStatus::Ready | OrderStatus::Valid | OrderStatus::Processing) => Ok(()),
            Ok(_) => Err(self.refusal(order, "the order is invalid".to_owned()).await),
            Err(error) => Err(self.refusal(order, Failure::from(error).message).await),
        }
    }

    /// Prepares for each name what the authority looks for. All of it is there before it looks for any.
    async fn answer(
        &self,
        order: &mut Order,
        challenges: &Challenges,
        records: &mut Vec<TxtRecord>,
    ) -> Result<(), Failure> {
        let (mut refused, mut reasons) = (Vec::new(), Vec::new());
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue; // it has looked before
            }
            let name = authorization.identifier().to_string();
            let challenge = authorization.challenge(self.challenge.clone()).ok_or_else(|| self.not_offered(&name))?;
            let key = challenge.key_authorization();
            match (&self.challenge, self.dns) {
                (ChallengeType::TlsAlpn01, _) => {
                    challenges.add_handshake(&name, tls_alpn::config(&name, key.digest().as_ref(), self.provider)?);
                }
                (ChallengeType::Dns01, Some(dns)) => {
                    let record = TxtRecord::new(&name, key.dns_value());
                    let set = dns.set(&record.name, &record.value).await;
                    records.push(record); // a program that has failed may have set it
                    if let Err(error) = set {
                        reasons.push(Chain(&*error).to_string());
                        refused.push(name);
                    }
                }
                _ => {} // any token is answered
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(Failure { refused, ..Failure::new(reasons.join("; ")) }) }
    }

    async fn have_it_look(&self, order: &mut Order) -> Result<(), instant_acme::Error> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            if let Some(mut challenge) = authorization.challenge(self.challenge.clone()) {
                repeated!(challenge.set_ready())?;
            }
        }
        Ok(())
    }

    /// Takes records away that nobody looks for any more.
    async fn clear(&self, records: &[TxtRecord]) {
        let Some(dns) = self.dns else { return };
        for TxtRecord { name, value } in records {
            if let Err(error) = dns.clear(name, value).await {
                tracing::warn!("a record stays in the DNS: {}", Chain(&*error));
            }
        }
    }

    fn not_offered(&self, name: &str) -> Failure {
        let kind = match self.challenge {
            ChallengeType::TlsAlpn01 => "tls-alpn-01",
            ChallengeType::Dns01 => "dns-01",
            _ => "http-01",
        };
        Failure::new(format!("the authority does not offer the challenge {kind} for {name:?}"))
    }

    /// Which names were refused, and why.
    async fn refusal(&self, order: &mut Order, otherwise: String) -> Failure {
        let (mut reasons, mut refused) = (Vec::new(), Vec::new());
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            let refreshed = repeated!(async { authorization.refresh().await.map(drop) });
            if refreshed.is_err() || authorization.status != AuthorizationStatus::Invalid {
                continue; // the reason of the whole order stays
            }
            let name = authorization.identifier().to_string();
            let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
            let problem = problem.map_or_else(|| "refused".to_owned(), ToString::to_string);
            reasons.push(format!("{name}: {problem}"));
            refused.push(name);
        }
        let message = if reasons.is_empty() { otherwise } else { format!("{}; {}", reasons.join("; "), self.advice()) };
        Failure { refused, ..Failure::new(message) }
    }

    /// What helps where names are not found to be ours.
    fn advice(&self) -> &'static str {
        match self.challenge {
            ChallengeType::Dns01 => "does everybody see these records in the DNS?",
            _ if cfg!(feature = "dns") => "does the name lead to this server? `check --dns` says so",
            _ => "does the name lead to this server?",
        }
    }

    /// The request that the authority signs, in DER, and the key, which is a new one for each certificate.
    fn signing_request(&self) -> Result<(Vec<u8>, KeyPair), Failure> {
        let mut params = CertificateParams::new(self.names)?;
        params.distinguished_name = DistinguishedName::new();
        let key = KeyPair::generate()?;
        let request = params.serialize_request(&key)?.der().to_vec();
        Ok((request, key))
    }

    /// Whether the authority has signed what it was asked to.
    pub(super) fn check(&self, chain: &str, key: &KeyPair) -> Result<(), Failure> {
        received::check(chain, self.names, key.public_key_raw(), SystemTime::now()).map_err(Failure::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::default_provider;

    #[test]
    fn an_order_says_which_kind_of_certificate_is_wanted() {
        let names = ["a.test".to_owned()];
        let identifiers = [Identifier::Dns("a.test".to_owned())];
        let order = |profile| {
            let request = Request {
                names: &names,
                provider: &default_provider(),
                challenge: ChallengeType::Http01,
                dns: None,
                profile,
                replaces: None,
            };
            serde_json::to_value(request.order(&identifiers)).unwrap()
        };
        assert_eq!(order(Some("shortlived"))["profile"], "shortlived");
        assert!(order(None).get("profile").is_none());
    }
}
