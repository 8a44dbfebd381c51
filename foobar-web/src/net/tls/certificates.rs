use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::SystemTime;

use foobar_core::Chain;
use rustls::SignatureAlgorithm;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::{Pair, expiries, load};
use super::client_rule::ClientRule;
use super::expiry::{Expiry, seconds};
use super::from_files::{FromFiles, Refreshed};
use super::provider::Provider;
use super::site_certificate::SiteCertificate;
use super::stand_in::stand_in;
use super::swap::{Worse, worse};
use super::x509::Facts;
use crate::kept::{Kept, OnDemand};
use crate::{Error, Warning};

/// The certificates of one site, as they are configured.
#[derive(Clone, Debug)]
pub(crate) struct SiteCertificates {
    /// NAME in `[sites.NAME]`, and its key, such as `sites.main`.
    pub(crate) label: String,
    pub(crate) key: String,
    pub(crate) certificates: Vec<PathBuf>,
    pub(crate) keys: Vec<PathBuf>,
    /// The names that the certificates should be for, as certificates have them.
    pub(crate) names: Vec<String>,
    /// What the site asks of its clients' certificates; `None` if it wants none.
    pub(crate) client_rule: Option<ClientRule>,
    /// The one that the server gets by itself; its file is the only one, for certificate and key.
    pub(crate) kept: Option<Arc<Kept>>,
}

impl SiteCertificates {
    /// There is not a key for each certificate. The error is at the key that somebody has written.
    fn unpaired(&self) -> Error {
        let (certificates, keys) = (self.certificates.len(), self.keys.len());
        let key = if keys == 0 { "ssl_certificate" } else { "ssl_certificate_key" };
        let message = format!(
            "there are not as many keys ({keys}) as certificates ({certificates}); write a key for each certificate, in the \
             same order"
        );
        Error::setting(format!("{}.{key}", self.key), message)
    }
}

/// The certificates of one site: of those that a client can verify, the cheapest is used.
#[derive(Debug)]
pub(crate) struct Certificates {
    source: SiteCertificates,
    provider: Provider,
    current: FromFiles<Current>,
    /// When what has been refused is to be looked at again, in seconds since 1970.
    again: AtomicI64,
}

#[derive(Debug)]
struct Current {
    /// In the order of their files.
    by_file: Vec<Arc<CertifiedKey>>,
    /// The cheapest to sign with first.
    keys: Vec<Arc<CertifiedKey>>,
    warnings: Vec<Warning>,
    expiries: Vec<Expiry>,
}

impl Certificates {
    /// Reads those of a site; `None` if it has none.
    pub(crate) fn load(site: &SiteCertificates, provider: &Provider) -> Result<Option<Self>, Error> {
        if site.certificates.len() != site.keys.len() {
            return Err(site.unpaired());
        }
        if site.certificates.is_empty() {
            return Ok(None);
        }
        let files = site.certificates.iter().chain(&site.keys).cloned().collect();
        let current = FromFiles::load(files, || Current::begin(site, provider))?;
        let again = AtomicI64::new(NEVER);
        Ok(Some(Self { source: site.clone(), provider: Arc::clone(provider), current, again }))
    }

    /// Whether they are those of this site, from the same files.
    pub(crate) fn are_of(&self, site: &SiteCertificates) -> bool {
        let of = |site: &SiteCertificates| (site.label.clone(), site.certificates.clone(), site.keys.clone());
        of(&self.source) == of(site)
    }

    /// Refuses the `next` of a site that clients would accept for fewer of its names than those in use. Who gets them by
    /// itself knows what it does.
    pub(crate) fn require_no_worse(&self, site: &SiteCertificates, next: &Self) -> Result<(), Error> {
        next.current.read(|next| self.require_none_worse(site, next))
    }

    fn require_none_worse(&self, site: &SiteCertificates, next: &Current) -> Result<(), Error> {
        if site.kept.is_some() {
            return Ok(());
        }
        let now = seconds(SystemTime::now());
        let worse = self.current.read(|used| {
            let mut pairs = next.by_file.iter().zip(&used.by_file).zip(&site.certificates);
            pairs.find_map(|((next, used), path)| Some((path, worse(next, used, &site.names, &self.provider, now)?)))
        });
        let Some((path, Worse { message, until })) = worse else { return Ok(()) };
        self.again.store(until.unwrap_or(NEVER), Relaxed);
        Err(Error::setting(format!("{}.ssl_certificate", site.key), format!("{}: {message}", path.display())))
    }

    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.current.read(|current| current.warnings.clone())
    }

    /// Whether they are for this name, or there is one for it that was ordered on demand.
    pub(crate) fn cover(&self, name: &str) -> bool {
        if self.on_demand().is_some_and(|names| names.has(name)) {
            return true;
        }
        let covers = |key: &Arc<CertifiedKey>| {
            key.cert.first().and_then(|own| Facts::of(own)).is_some_and(|facts| facts.cover(name))
        };
        self.current.read(|current| current.keys.iter().any(covers))
    }

    /// A client has asked for this name, which they are not for.
    pub(super) fn want(&self, name: &str) {
        self.on_demand().iter().for_each(|names| names.want(name));
    }

    fn on_demand(&self) -> Option<&OnDemand> {
        self.source.kept.as_ref()?.on_demand.as_deref()
    }

    /// Uses the files as they are now, if they have changed and are good; else those of before stay in use.
    pub(crate) fn refresh(&self) {
        if self.again.load(Relaxed) <= seconds(SystemTime::now()) {
            self.again.store(NEVER, Relaxed);
            self.current.look_again();
        }
        match self.current.refresh(|| self.load_none_worse()) {
            Refreshed::Unchanged => {}
            Refreshed::Replaced => {
                tracing::info!("`{}`: the certificate has been replaced", self.source.key);
                self.warnings().iter().for_each(|Warning { key, message }| tracing::warn!("`{key}`: {message}"));
            }
            Refreshed::Unusable(error) => {
                tracing::error!(error = %Chain(&error), "the changed certificate is not used, the one before is");
            }
        }
    }

    fn load_none_worse(&self) -> Result<Current, Error> {
        let next = Current::load(&self.source, &self.provider)?;
        self.require_none_worse(&self.source, &next).map(|()| next)
    }

    /// What clients are shown.
    pub(crate) fn overview(&self) -> Vec<SiteCertificate> {
        if let Some(kept) = self.missing() {
            return vec![SiteCertificate::missing(&self.source.label, kept)];
        }
        self.current.read(|current| {
            let all = current.keys.iter().filter_map(|certified| Facts::of(certified.cert.first()?)); // they were read before
            all.map(|facts| SiteCertificate::of(&self.source.label, &facts)).collect()
        })
    }

    /// Which will not be good for long, or are missing, in sentences.
    pub(crate) fn concerns(&self, now: SystemTime) -> Vec<String> {
        if self.missing().is_some() {
            return vec![format!("`{}.ssl_certificate`: no certificate has been issued yet", self.source.key)];
        }
        self.current.read(|current| current.expiries.iter().filter_map(|expiry| expiry.concern(now)).collect())
    }

    /// The one that is kept, while clients are shown another that nobody has signed.
    fn missing(&self) -> Option<&Kept> {
        self.source.kept.as_deref().filter(|kept| !kept.is_issued())
    }

    /// Says which have expired by now, each once.
    pub(crate) fn tell_expired(&self, now: SystemTime) {
        self.current.read(|current| current.expiries.iter().for_each(|expiry| expiry.tell(now)));
    }
}

const NEVER: i64 = i64::MAX;

impl Current {
    /// What is there at the start: one that the server gets by itself may be missing, or be damaged; who looks after it
    /// makes another.
    fn begin(site: &SiteCertificates, provider: &Provider) -> Result<Self, Error> {
        match (Self::load(site, provider), &site.kept) {
            (Err(_), Some(kept)) => Self::stand_in(kept, provider),
            (loaded, _) => loaded,
        }
    }

    /// One that nobody has signed, until there is the one that is kept.
    fn stand_in(kept: &Kept, provider: &Provider) -> Result<Self, Error> {
        let certified = stand_in(&kept.names, provider)?;
        let keys = vec![Arc::new(certified)];
        Ok(Self { by_file: keys.clone(), keys, warnings: Vec::new(), expiries: Vec::new() })
    }

    fn load(site: &SiteCertificates, provider: &Provider) -> Result<Self, Error> {
        let mut current = Self { by_file: Vec::new(), keys: Vec::new(), warnings: Vec::new(), expiries: Vec::new() };
        for (certificate, key) in site.certificates.iter().zip(&site.keys) {
            let pair = Pair { site: &site.key, certificate, key, is_kept: site.kept.is_some() };
            let (certified, warnings) = load(&pair, &site.names, provider)?;
            current.expiries.extend(expiries(&pair, &certified));
            current.by_file.push(Arc::new(certified));
            current.warnings.extend(warnings);
        }
        current.keys.clone_from(&current.by_file);
        current.keys.sort_by_key(|certified| cost(certified.key.algorithm()));
        site.kept.iter().for_each(|kept| kept.set_issued());
        Ok(current)
    }
}

/// A signature by RSA takes many times as long as one by an elliptic curve, which old clients do not know.
const fn cost(algorithm: SignatureAlgorithm) -> u8 {
    match algorithm {
        SignatureAlgorithm::ECDSA => 0,
        SignatureAlgorithm::ED25519 | SignatureAlgorithm::ED448 => 1,
        _ => 2,
    }
}

/// The certificate that the server has got by itself and kept, if it is there and for these names.
pub(crate) fn read_kept(kept: &Kept, provider: &Provider) -> Option<Arc<CertifiedKey>> {
    // What is wrong with it is not told.
    let pair = Pair { site: "sites", certificate: &kept.path, key: &kept.path, is_kept: true };
    let (certified, _) = load(&pair, &kept.names, provider).ok()?; // there is none yet
    let facts = Facts::of(certified.cert.first()?)?;
    kept.names.iter().all(|name| facts.cover(name)).then(|| Arc::new(certified))
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let (Some(names), Some(name)) = (self.on_demand(), hello.server_name())
            && let Some(key) = names.key(&name.to_ascii_lowercase())
        {
            return Some(key);
        }
        let fits = |certified: &&Arc<CertifiedKey>| certified.key.choose_scheme(hello.signature_schemes()).is_some();
        // Of one that does not fit, rustls finds out itself, and says `handshake_failure`; of none, `access_denied`.
        self.current.read(|current| current.keys.iter().find(fits).or_else(|| current.keys.first()).cloned())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::provider::default_provider;
    use super::*;
    use rcgen::{CertifiedKey as Issued, generate_simple_self_signed};
    use std::io::{self, Write};
    use std::path::Path;
    use std::sync::Mutex;
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Log {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// What is logged meanwhile.
    pub(in crate::net::tls) fn logged(work: impl FnOnce()) -> String {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, work);
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
    }

    fn issue(folder: &Path) -> Vec<u8> {
        let Issued { cert, signing_key } = generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        std::fs::write(folder.join("pem"), cert.pem()).unwrap();
        std::fs::write(folder.join("key"), signing_key.serialize_pem()).unwrap();
        cert.der().to_vec()
    }

    fn loaded(folder: &Path) -> Certificates {
        let site = SiteCertificates {
            label: "a".to_owned(),
            key: "sites.a".to_owned(),
            certificates: vec![folder.join("pem")],
            keys: vec![folder.join("key")],
            names: Vec::new(),
            client_rule: None,
            kept: None,
        };
        Certificates::load(&site, &default_provider()).unwrap().unwrap()
    }

    #[test]
    fn that_a_certificate_expires_is_said_once_when_it_happens() {
        let folder = tempfile::tempdir().unwrap();
        issue(folder.path());
        let certificates = loaded(folder.path());
        assert_eq!(logged(|| certificates.tell_expired(SystemTime::now())), "");
        let in_the_year_5138 = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(100_000_000_000);
        let told = logged(|| (0..3).for_each(|_| certificates.tell_expired(in_the_year_5138)));
        assert!(told.contains("ERROR") && told.contains("`sites.a.ssl_certificate`: "), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }

    #[test]
    fn that_a_certificate_expires_soon_is_said_once_in_the_last_tenth_of_its_life() {
        let folder = tempfile::tempdir().unwrap();
        let Issued { signing_key, .. } = generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        let mut params = rcgen::CertificateParams::new(["a.test".to_owned()]).unwrap();
        let at = |days: u64| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs((50_000 + days) * 86_400);
        (params.not_before, params.not_after) = (at(0).into(), at(90).into());
        std::fs::write(folder.path().join("pem"), params.self_signed(&signing_key).unwrap().pem()).unwrap();
        std::fs::write(folder.path().join("key"), signing_key.serialize_pem()).unwrap();
        let certificates = loaded(folder.path());
        assert_eq!(
            (logged(|| certificates.tell_expired(at(80))), certificates.concerns(at(80))),
            (String::new(), vec![])
        );
        let told = logged(|| (0..3).for_each(|_| certificates.tell_expired(at(82))));
        assert!(
            told.contains("WARN") && told.contains("`sites.a.ssl_certificate`: ") && told.lines().count() == 1,
            "{told}"
        );
        for (day, words) in [(82, "expires in 8 days"), (91, "has expired 1 days ago")] {
            let concerns = certificates.concerns(at(day));
            assert!(concerns.len() == 1 && concerns[0].contains(words), "{concerns:?}");
        }
        let overview = certificates.overview().remove(0);
        assert_eq!((overview.names, overview.expires), (vec!["a.test".to_owned()], Some(at(90))));
        assert_eq!((overview.site.as_str(), overview.renews), ("a", None));
    }

    #[test]
    fn a_changed_file_replaces_the_certificate_and_a_bad_one_does_not_and_is_logged_once() {
        let folder = tempfile::tempdir().unwrap();
        issue(folder.path());
        let (certificate, key) = (folder.path().join("pem"), folder.path().join("key"));
        let site = SiteCertificates {
            label: "a".to_owned(),
            key: "sites.a".to_owned(),
            certificates: vec![certificate.clone()],
            keys: vec![key.clone()],
            names: Vec::new(),
            client_rule: None,
            kept: None,
        };
        let certificates = Certificates::load(&site, &default_provider()).unwrap().unwrap();
        let shown = || certificates.current.read(|current| current.keys[0].cert[0].to_vec());
        assert_eq!(logged(|| certificates.refresh()), "");
        let second = issue(folder.path());
        assert!(logged(|| certificates.refresh()).contains("`sites.a`: the certificate has been replaced"));
        assert_eq!(shown(), second);
        for broken in [&certificate, &key] {
            let good = std::fs::read(broken).unwrap();
            for bad in ["", "-----BEGIN CERTIFICATE-----\nMIG", "nothing at all"] {
                std::fs::write(broken, bad).unwrap();
                assert_eq!(logged(|| certificates.refresh()), "", "it may not be complete");
                let told = logged(|| (0..3).for_each(|_| certificates.refresh()));
                assert_eq!(told.lines().count(), 1, "{told}");
                assert!(told.contains(&broken.display().to_string()), "{told}");
                assert_eq!(shown(), second);
            }
            std::fs::remove_file(broken).unwrap();
            let told = logged(|| (0..3).for_each(|_| certificates.refresh()));
            assert!(told.contains("cannot open") && told.lines().count() == 1, "{told}");
            std::fs::write(broken, good).unwrap();
            assert!(logged(|| certificates.refresh()).contains("has been replaced"));
        }
    }
}
