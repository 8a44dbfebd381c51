use std::sync::Arc;

use foobar_core::{Period, Scheme};
use http::Uri;
use http::header::HeaderValue;

use crate::kept::{Challenges, Kept};
use crate::request::{Host, NormalPath};
use crate::{Error, Https, SiteSettings};

/// What a site does so that clients use HTTPS.
pub(crate) struct HttpsRules {
    /// Whether a request over HTTP is redirected; not without a certificate.
    redirects: bool,
    /// What `Strict-Transport-Security` says over HTTPS (RFC 6797).
    hsts: Option<HeaderValue>,
    /// The certificate that is ordered for the site, if it is, and what its authority finds when it looks; until there is
    /// one, clients are not sent to HTTPS.
    ordered: Option<(Arc<Kept>, Arc<Challenges>)>,
}

impl HttpsRules {
    /// `key` is the site's, such as `sites.main`.
    pub(crate) fn compile(key: &str, site: &SiteSettings) -> Result<Self, Error> {
        let redirects = site.https != Some(Https::Keep);
        let hsts = hsts(&site.hsts, redirects).map_err(|message| Error::setting(format!("{key}.hsts"), message))?;
        let has_certificate = !site.ssl_certificate.is_empty();
        if site.https == Some(Https::Redirect) && !has_certificate {
            let message = "there is nothing to redirect to without `ssl_certificate`";
            return Err(Error::setting(format!("{key}.https"), message));
        }
        Ok(Self { redirects: redirects && has_certificate, hsts, ordered: None })
    }

    /// Has it wait for the certificate that is ordered for the site.
    pub(super) fn wait_for(&mut self, ordered: Option<(Arc<Kept>, Arc<Challenges>)>) {
        self.ordered = ordered;
    }

    /// What an authority finds that looks whose the site's names are; `None` if none does.
    pub(super) fn challenges(&self) -> Option<&Challenges> {
        self.ordered.as_ref().map(|(_, challenges)| &**challenges)
    }

    pub(crate) fn redirects(&self, scheme: Scheme) -> bool {
        self.redirects && matches!(scheme, Scheme::Http) && self.has_certificate()
    }

    /// Whether clients find a name that no site has over HTTPS, as far as that is known: where certificates are ordered for
    /// such names, it has to have one.
    pub(super) fn has_stranger(&self, name: &str) -> bool {
        let on_demand = self.ordered.as_ref().and_then(|(kept, _)| kept.on_demand.as_ref());
        on_demand.is_none_or(|names| names.has(name))
    }

    fn has_certificate(&self) -> bool {
        self.ordered.as_ref().is_none_or(|(kept, _)| kept.is_issued())
    }

    /// What `Strict-Transport-Security` says on a connection of this scheme.
    pub(crate) fn hsts(&self, scheme: Scheme) -> Option<&HeaderValue> {
        self.hsts.as_ref().filter(|_| scheme == Scheme::Https && self.has_certificate())
    }
}

/// The URL of the same resource over HTTPS at this port; `None` for what has to be reachable without.
pub(crate) fn location(host: &Host<'_>, port: u16, uri: &Uri) -> Option<HeaderValue> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    if !path.starts_with('/') || path.starts_with(ACME_CHALLENGE) {
        return None;
    }
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    HeaderValue::try_from(format!("https://{}{port}{path}", host.name)).ok() // a URI has no control bytes
}

/// Whether a path, as it was sent, is one where a certificate authority looks.
pub(crate) fn is_challenge(path: &str) -> bool {
    NormalPath::parse(path).is_ok_and(|path| path.as_bytes().starts_with(ACME_CHALLENGE.as_bytes()))
}

/// What an authority asks for at the path of its challenge, as it was sent.
pub(crate) fn token(path: &str) -> Option<&str> {
    path.strip_prefix(ACME_CHALLENGE)
}

/// Where a certificate authority looks whether the site belongs to whoever wants a certificate (RFC 8555 §8.3).
const ACME_CHALLENGE: &str = "/.well-known/acme-challenge/";

/// The field's value from a length of time and the words after it.
fn hsts(text: &str, redirects: bool) -> Result<Option<HeaderValue>, String> {
    let mut words = text.split_ascii_whitespace();
    let Some(time) = words.next() else { return Ok(None) };
    let time: Period = time.parse()?;
    let words: Vec<&str> = words.collect();
    let has = |word: &str| words.iter().any(|found| found.eq_ignore_ascii_case(word));
    if let Some(other) = words.iter().find(|word| !WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))) {
        return Err(format!("{other:?} is no word here; write for example \"365d includeSubDomains preload\""));
    }
    if has(PRELOAD) && (time.as_secs() < YEAR || !has(SUB_DOMAINS)) {
        return Err(format!(
            "browsers take a site into their lists only with \"365d includeSubDomains preload\", and {text:?} is less"
        ));
    }
    if has(PRELOAD) && !redirects {
        return Err("browsers take a site into their lists only where `https` is \"redirect\"".to_owned());
    }
    let mut value = format!("max-age={}", time.as_secs());
    for word in WORDS.iter().filter(|word| has(word)) {
        value.push_str("; ");
        value.push_str(word);
    }
    Ok(HeaderValue::try_from(value).ok()) // digits and letters
}

const SUB_DOMAINS: &str = "includeSubDomains";
const PRELOAD: &str = "preload";
const WORDS: [&str; 2] = [SUB_DOMAINS, PRELOAD];
const YEAR: u64 = 31_536_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hsts_is_a_length_of_time_with_words_after_it() {
        for (text, value) in [
            ("", None),
            ("0", Some("max-age=0")),
            ("30d", Some("max-age=2592000")),
            ("365d includesubdomains", Some("max-age=31536000; includeSubDomains")),
            ("730d preload includeSubDomains", Some("max-age=63072000; includeSubDomains; preload")),
        ] {
            assert_eq!(hsts(text, true).unwrap(), value.map(HeaderValue::from_static), "{text:?}");
        }
    }

    #[test]
    fn what_a_list_of_browsers_would_refuse_is_an_error() {
        for text in ["364d includeSubDomains preload", "365d preload", "0 includeSubDomains preload"] {
            assert!(hsts(text, true).unwrap_err().contains("\"365d includeSubDomains preload\""), "{text}");
        }
        assert!(hsts("365d includeSubDomains preload", false).unwrap_err().contains("`https` is \"redirect\""));
        assert!(hsts("1y", true).unwrap_err().contains("is not a length of time"));
        assert!(hsts("365d forever", true).unwrap_err().contains("\"forever\" is no word here"));
    }

    #[test]
    fn a_redirect_to_https_keeps_host_path_and_query_and_spares_the_challenge_of_an_authority() {
        let host = Host::parse("foobar.com:8080").unwrap();
        let at = |port, uri| location(&host, port, &Uri::from_static(uri));
        assert_eq!(at(443, "/a%0d?b").unwrap(), "https://foobar.com/a%0d?b");
        assert_eq!(at(8443, "/").unwrap(), "https://foobar.com:8443/");
        assert_eq!(at(443, "/.well-known/acme-challenge/x"), None);
        assert_eq!(at(443, "*"), None);
    }
}
