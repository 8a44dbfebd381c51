use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::failure::Failure;
use super::tls_alpn;
use crate::kept::Challenges;
use crate::net::Facts;

/// An order of a certificate.
pub(super) struct Request<'a> {
    pub(super) names: &'a [String],
    /// How the authority looks whether the names are ours.
    pub(super) challenge: ChallengeType,
    /// The certificate that is renewed, where the authority wants to know.
    pub(super) replaces: Option<CertificateIdentifier<'a>>,
}

/// How often is asked whether an authority is done, and how long.
const POLLING: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).backoff(1.5).timeout(Duration::from_secs(120));

impl Request<'_> {
    /// Carries it out; gives the certificate with those that signed it and its key, in PEM.
    pub(super) async fn carry_out(self, account: &Account, challenges: &Challenges) -> Result<String, Failure> {
        let failed = |error: instant_acme::Error| Failure::of(&error, self.names);
        let identifiers: Vec<_> = self.names.iter().cloned().map(Identifier::Dns).collect();
        let mut order = self.begin(account, &identifiers).await.map_err(failed)?;
        let proved = self.prove(&mut order, challenges).await;
        challenges.end_handshakes();
        proved?;
        let (request, key) = self.signing_request()?;
        order.finalize_csr(&request).await.map_err(failed)?;
        let chain = order.poll_certificate(&POLLING).await.map_err(failed)?;
        self.check(&chain, &key)?;
        Ok(chain + &key.serialize_pem())
    }

    async fn begin(&self, account: &Account, names: &[Identifier]) -> Result<Order, instant_acme::Error> {
        if let Some(replaces) = self.replaces.clone() {
            match account.new_order(&NewOrder::new(names).replaces(replaces)).await {
                Err(instant_acme::Error::Unsupported(_)) => {} // it has known of that before
                ordered => return ordered,
            }
        }
        account.new_order(&NewOrder::new(names)).await
    }

    /// Shows the authority that the names are ours.
    async fn prove(&self, order: &mut Order, challenges: &Challenges) -> Result<(), Failure> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue; // it has looked before
            }
            let name = authorization.identifier().to_string();
            let kind = self.challenge.clone();
            let mut challenge = authorization.challenge(kind).ok_or_else(|| self.not_offered(&name))?;
            if self.challenge == ChallengeType::TlsAlpn01 {
                let hash = challenge.key_authorization().digest();
                challenges.add_handshake(&name, tls_alpn::config(&name, hash.as_ref())?);
            }
            challenge.set_ready().await.map_err(|error| Failure::of(&error, self.names))?;
        }
        match order.poll_ready(&POLLING).await {
            Ok(OrderStatus::Ready | OrderStatus::Valid | OrderStatus::Processing) => Ok(()),
            Ok(_) => Err(self.refusal(order, "the order is invalid".to_owned()).await),
            Err(error) => Err(self.refusal(order, Failure::from(error).message).await),
        }
    }

    fn not_offered(&self, name: &str) -> Failure {
        let kind = match self.challenge {
            ChallengeType::TlsAlpn01 => "tls-alpn-01",
            _ => "http-01",
        };
        Failure::new(format!("the authority does not offer the challenge {kind} for {name:?}"))
    }

    /// Which names were refused, and why.
    async fn refusal(&self, order: &mut Order, otherwise: String) -> Failure {
        let (mut reasons, mut refused) = (Vec::new(), Vec::new());
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            if authorization.refresh().await.is_err() || authorization.status != AuthorizationStatus::Invalid {
                continue; // the reason of the whole order stays
            }
            let name = authorization.identifier().to_string();
            let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
            let problem = problem.map_or_else(|| "refused".to_owned(), ToString::to_string);
            reasons.push(format!("{name}: {problem}"));
            refused.push(name);
        }
        let message = if reasons.is_empty() { otherwise } else { reasons.join("; ") };
        Failure { refused, ..Failure::new(message) }
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
    fn check(&self, chain: &str, key: &KeyPair) -> Result<(), Failure> {
        let own = CertificateDer::from_pem_slice(chain.as_bytes());
        let own = own.map_err(|error| Failure::new(format!("the authority has sent no certificate: {error}")))?;
        let is_for_key = own.windows(key.public_key_raw().len()).any(|bytes| bytes == key.public_key_raw());
        match Facts::of(&own) {
            Some(facts) if is_for_key && self.names.iter().all(|name| facts.cover(name)) => Ok(()),
            _ => Err(Failure::new("the authority has sent a certificate for other names or another key".to_owned())),
        }
    }
}
