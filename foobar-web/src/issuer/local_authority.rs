use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::state_folder::StateFolder;
use crate::kept::Kept;
use crate::net::Facts;
use crate::site::certificate_names;
use crate::{Error, SiteSettings};

/// Where its files are in the state folder.
pub(super) const FOLDER: &str = "internal";

/// An authority of this server's own, for development: clients trust it once they are given its certificate.
pub(super) struct LocalAuthority {
    issuer: Issuer<'static, KeyPair>,
    /// Where its certificate is.
    path: PathBuf,
    /// Its certificate in DER.
    certificate: CertificateDer<'static>,
}

/// The names that a site's certificate is for: its own, and those of this machine.
pub(super) fn names(key: &str, site: &SiteSettings) -> Result<Vec<String>, Error> {
    let mut names = certificate_names(key, site)?;
    for own in ["localhost", "127.0.0.1", "::1"] {
        if !names.iter().any(|name| name == own) {
            names.push(own.to_owned());
        }
    }
    Ok(names)
}

impl LocalAuthority {
    /// The one whose files are there, or a new one.
    pub(super) fn open(folder: &StateFolder) -> Result<Self, Error> {
        let (certificate, key) = (folder.path(FOLDER, "ca.pem"), folder.path(FOLDER, "ca.key"));
        if !certificate.exists() || !key.exists() {
            let pair = generate()?;
            folder.write(&key, &pair.serialize_pem())?;
            let own = authority(&pair, SystemTime::now()).self_signed(&pair).map_err(|error| failed(&error))?;
            folder.write(&certificate, &own.pem())?;
        }
        let open = |path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|source| Error::State { path: path.clone(), source })
        };
        let pair = KeyPair::from_pem(&open(&key)?).map_err(|error| damaged(&key, &error.to_string()))?;
        let own = CertificateDer::from_pem_slice(open(&certificate)?.as_bytes());
        let own = own.map_err(|error| damaged(&certificate, &error.to_string()))?;
        let issuer = Issuer::new(authority(&pair, SystemTime::now()), pair);
        let authority = Self { issuer, path: certificate, certificate: own };
        authority.check()
    }

    /// Whether certificate and key belong together: what the key signs has the certificate's subject as its issuer.
    fn check(self) -> Result<Self, Error> {
        let (sample, _) = self.sign(&["localhost".to_owned()], SystemTime::now())?;
        let subject = Facts::of(&self.certificate).map(|own| own.subject);
        if subject.is_none() || Facts::of(sample.der()).map(|sample| sample.issuer) != subject {
            return Err(damaged(&self.path, "it is not the certificate of the key beside it"));
        }
        Ok(self)
    }

    /// Has a good certificate where it is kept: a new one if there is none, or less than a third of its life is left.
    pub(super) fn keep(&self, folder: &StateFolder, kept: &Kept, now: SystemTime) -> Result<(), Error> {
        if self.is_good(kept, now) {
            return Ok(());
        }
        let (certificate, key) = self.sign(&kept.names, now)?;
        folder.write(&kept.path, &(certificate.pem() + &key.serialize_pem()))
    }

    fn is_good(&self, kept: &Kept, now: SystemTime) -> bool {
        let Ok(certificate) = CertificateDer::from_pem_file(&kept.path) else { return false }; // a new one is made
        let (Some(facts), Some(own)) = (Facts::of(&certificate), Facts::of(&self.certificate)) else { return false };
        let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs().cast_signed());
        facts.issuer == own.subject
            && facts.not_before <= now
            && now < last_third(&facts)
            && facts.is_exactly_for(&kept.names)
    }

    fn sign(&self, names: &[String], now: SystemTime) -> Result<(Certificate, KeyPair), Error> {
        let key = generate()?;
        let mut params = CertificateParams::new(names).map_err(|error| failed(&error))?;
        params.distinguished_name.push(DnType::CommonName, "Foobar"); // a name of a site may be too long for it
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = ((now - DAY).into(), (now + LIFE).into());
        let certificate = params.signed_by(&key, &self.issuer).map_err(|error| failed(&error))?;
        Ok((certificate, key))
    }

    /// For whoever develops the site.
    pub(super) fn how_to_trust(&self) -> String {
        let path = self.path.display();
        format!(
            "`ssl_certificate = \"internal\"`: certificates are signed by an authority of this server's own, for \
             development; clients trust it with {path}: `curl --cacert {path}`, browsers by importing it as an authority, \
             Debian by `sudo cp {path} /usr/local/share/ca-certificates/foobar.crt && sudo update-ca-certificates`"
        )
    }
}

/// When another certificate is made; `None` if there is none yet.
pub(super) fn renewal(kept: &Kept) -> Option<SystemTime> {
    let certificate = CertificateDer::from_pem_file(&kept.path).ok()?; // one is made at the start
    let seconds = last_third(&Facts::of(&certificate)?).try_into().ok()?; // before 1970 it was another program's
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// When the last third of a certificate's life begins, in seconds since 1970.
const fn last_third(facts: &Facts<'_>) -> i64 {
    facts.not_after - (facts.not_after - facts.not_before) / 3
}

/// What the certificate of an authority says; its name tells it from any other's.
fn authority(key: &KeyPair, now: SystemTime) -> CertificateParams {
    let hash = digest(&SHA256, key.public_key_raw());
    let number: String = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("Foobar local authority {number}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = ((now - DAY).into(), (now + LIFE_OF_AUTHORITY).into());
    params
}

fn generate() -> Result<KeyPair, Error> {
    KeyPair::generate().map_err(|error| failed(&error))
}

/// The settings were checked, so it is the system that gives no random bytes.
fn failed(error: &rcgen::Error) -> Error {
    Error::setting("web.state_dir", format!("the local authority cannot make a certificate: {error}"))
}

fn damaged(path: &std::path::Path, why: &str) -> Error {
    let message = format!(
        "{} of the local authority cannot be used: {why}; remove ca.pem and ca.key there, and a new one is made, which \
         clients have to trust anew",
        path.display()
    );
    Error::setting("web.state_dir", message)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Browsers take no more than 398 days.
const LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const LIFE_OF_AUTHORITY: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
