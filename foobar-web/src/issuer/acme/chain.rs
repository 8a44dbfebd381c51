use http::header::{CONTENT_TYPE, HeaderMap, LINK};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::net::{Facts, name_text};

/// A certificate with those that have signed it, in PEM, and where there are others that lead to other roots.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) pem: String,
    pub(super) alternates: Vec<String>,
}

impl Chain {
    /// What an authority has answered, if it is one (RFC 8555 §7.4.2).
    pub(super) fn of(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let kind = headers.get(CONTENT_TYPE)?.as_bytes();
        let pem = String::from_utf8(body.to_vec()).ok().filter(|_| kind.starts_with(PEM_CHAIN))?; // no text: not PEM
        let links = headers.get_all(LINK).iter().filter_map(|links| links.to_str().ok()); // no text: none
        Some(Self { pem, alternates: links.flat_map(|links| links.split(',')).filter_map(alternate).collect() })
    }

    /// Whether the one that signed it last was signed by an authority of this name.
    pub(super) fn ends_at(&self, root: &str) -> bool {
        let last = CertificateDer::pem_slice_iter(self.pem.as_bytes()).filter_map(Result::ok).last(); // checked elsewhere
        let issuer = last.and_then(|last| name_text(Facts::of(&last)?.issuer));
        issuer.is_some_and(|issuer| issuer.split(',').any(|part| part.strip_prefix("CN=") == Some(root)))
    }
}

/// The URL of a link to another chain.
fn alternate(link: &str) -> Option<String> {
    let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_alternate = |parameter: &str| matches!(parameter.trim(), "rel=\"alternate\"" | "rel=alternate");
    parameters.split(';').any(is_alternate).then(|| url.to_owned())
}

const PEM_CHAIN: &[u8] = b"application/pem-certificate-chain";

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    #[test]
    fn a_chain_is_told_by_its_type_and_says_where_others_are() {
        let mut headers = HeaderMap::new();
        assert_eq!(Chain::of(&headers, b"pem"), None);
        headers.insert(CONTENT_TYPE, "application/pem-certificate-chain".parse().unwrap());
        headers.append(LINK, "<https://ca.test/dir>;rel=\"index\"".parse().unwrap());
        headers
            .append(LINK, "<https://ca.test/1>; rel=\"alternate\", <https://ca.test/2>;rel=alternate".parse().unwrap());
        headers.append(LINK, "<https://ca.test/3>".parse().unwrap());
        let chain = Chain::of(&headers, b"pem").unwrap();
        assert_eq!(
            (chain.pem.as_str(), chain.alternates),
            ("pem", vec!["https://ca.test/1".into(), "https://ca.test/2".into()])
        );
        headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
        assert_eq!(Chain::of(&headers, b"pem"), None);
    }

    #[test]
    fn a_chain_ends_at_the_issuer_of_its_last_certificate() {
        let issuer = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.distinguished_name.push(DnType::OrganizationName, "Foobar");
            params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params
        };
        let key = || KeyPair::generate().unwrap();
        let root = CertifiedIssuer::self_signed(issuer("Root 1"), key()).unwrap();
        let between = CertifiedIssuer::signed_by(issuer("Between"), key(), &root).unwrap();
        let own = CertificateParams::new(["a.test".to_owned()]).unwrap().signed_by(&key(), &between).unwrap();
        let chain = Chain { pem: own.pem() + &between.pem(), alternates: Vec::new() };
        assert!(chain.ends_at("Root 1"));
        for other in ["Between", "Root", "Root 10", "", "Foobar"] {
            assert!(!chain.ends_at(other), "{other}");
        }
        assert!(!Chain { pem: "no certificate".to_owned(), alternates: Vec::new() }.ends_at("Root 1"));
    }
}
