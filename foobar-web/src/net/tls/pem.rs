use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::regular_file;

/// A file in PEM (RFC 7468).
pub(crate) struct PemFile {
    content: Vec<u8>,
    /// Whether others than its owner and group may read it.
    pub(crate) is_public: bool,
}

/// Far more than any chain of certificates takes.
const LARGEST: u64 = 1 << 20;

impl PemFile {
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let file = regular_file::open(path)?;
        let is_public = file.metadata()?.permissions().mode() & 0o004 != 0;
        let mut content = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut content)?;
        if content.len() as u64 > LARGEST {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB, so it is no PEM file"));
        }
        Ok(Self { content, is_public })
    }

    /// All certificates, in their order, or what is wrong.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        self.check(&["CERTIFICATE"], "a certificate")?;
        CertificateDer::pem_slice_iter(&self.content).collect::<Result<_, _>>().map_err(malformed)
    }

    /// All lists of revoked certificates, in their order, or what is wrong. Authorities publish them in DER, one in a file.
    pub(crate) fn revocation_lists(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
        if self.content.first() == Some(&SEQUENCE) {
            return Ok(vec![self.content.clone().into()]);
        }
        self.check(&["X509 CRL"], "a list of revoked certificates")?;
        CertificateRevocationListDer::pem_slice_iter(&self.content).collect::<Result<_, _>>().map_err(malformed)
    }

    /// The private key, or what is wrong.
    pub(crate) fn key(&self) -> Result<PrivateKeyDer<'static>, String> {
        if self.is_encrypted() {
            return Err("the key is encrypted, and nobody is asked for its password at start: decrypt it with \
                        `openssl pkey -in FILE -out NEW_FILE`, and protect the file with mode 0600"
                .to_owned());
        }
        self.check(&["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"], "a private key")?;
        PrivateKeyDer::from_pem_slice(&self.content).map_err(malformed)
    }

    /// The number of the first line that belongs to nothing.
    pub(crate) fn stray_line(&self) -> Option<usize> {
        let mut is_inside = false;
        for (index, line) in self.lines() {
            match line {
                _ if line.starts_with(BEGIN) => is_inside = true,
                _ if line.starts_with(b"-----END ") => is_inside = false,
                _ if !is_inside && !line.trim_ascii().is_empty() => return Some(index),
                _ => {}
            }
        }
        None
    }

    fn check(&self, usable: &[&str], wanted: &str) -> Result<(), String> {
        let labels: Vec<String> = self.labels().collect();
        if labels.iter().any(|found| usable.contains(&found.as_str())) {
            return Ok(());
        }
        Err(match (labels.first(), labels.iter().find_map(|label| conversion(label))) {
            (None, _) if self.content.is_empty() => "the file is empty".to_owned(),
            (None, _) => format!(
                "the file is not PEM: it has no line `-----BEGIN …-----`; convert it with `openssl`, or give the file that has {wanted}"
            ),
            (Some(_), Some((label, advice))) => format!("the file has `{label}`, which is not used: {advice}"),
            (Some(other), None) => {
                format!("the file has no `{}` but `{other}`; give the file that has {wanted}", usable[0])
            }
        })
    }

    fn labels(&self) -> impl Iterator<Item = String> {
        self.lines().filter_map(|(_, line)| {
            let label = line.strip_prefix(BEGIN)?;
            Some(String::from_utf8_lossy(label).trim_end().trim_end_matches('-').to_owned())
        })
    }

    fn is_encrypted(&self) -> bool {
        let is_old = |line: &[u8]| line.starts_with(b"Proc-Type:") && line.trim_ascii().ends_with(b"ENCRYPTED");
        self.labels().any(|label| label.starts_with("ENCRYPTED ")) || self.lines().any(|(_, line)| is_old(line))
    }

    /// Numbered from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &[u8])> {
        (1..).zip(self.content.split(|byte| *byte == b'\n'))
    }
}

/// What looks like what is wanted and is something else, and how it becomes that.
fn conversion(label: &str) -> Option<(&'static str, &'static str)> {
    CONVERSIONS.iter().find(|(known, _)| *known == label).copied()
}

const CONVERSIONS: [(&str, &str); 7] = [
    ("OPENSSH PRIVATE KEY", "convert a copy of an RSA or ECDSA key with `ssh-keygen -p -N '' -m PEM -f COPY`"),
    (
        "DSA PRIVATE KEY",
        "no client takes DSA; make another key with `openssl genpkey -algorithm EC -pkeyopt \
        ec_paramgen_curve:P-256 -out NEW_FILE`, and have a certificate issued for it",
    ),
    ("TRUSTED CERTIFICATE", "convert it with `openssl x509 -in FILE -out NEW_FILE`"),
    ("X509 CERTIFICATE", "convert it with `openssl x509 -in FILE -out NEW_FILE`"),
    ("PKCS7", "convert it with `openssl pkcs7 -print_certs -in FILE -out NEW_FILE`"),
    ("CERTIFICATE REQUEST", "it asks for a certificate; give the file that the authority has issued for it"),
    ("NEW CERTIFICATE REQUEST", "it asks for a certificate; give the file that the authority has issued for it"),
];

/// With which everything in DER begins.
const SEQUENCE: u8 = 0x30;
const BEGIN: &[u8] = b"-----BEGIN ";

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn malformed(error: rustls::pki_types::pem::Error) -> String {
    format!("the file is damaged: {error}; copy it again from where it was issued")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(label: &str) -> PemFile {
        let content = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n").into_bytes();
        PemFile { content, is_public: false }
    }

    #[test]
    fn a_key_of_another_form_is_told_from_a_private_key_with_the_command_that_converts_it() {
        for (label, words) in [
            ("OPENSSH PRIVATE KEY", "the file has `OPENSSH PRIVATE KEY`, which is not used: convert a copy"),
            ("DSA PRIVATE KEY", "no client takes DSA; make another key with `openssl genpkey -algorithm EC"),
            ("PUBLIC KEY", "the file has no `PRIVATE KEY` but `PUBLIC KEY`; give the file that has a private key"),
            ("ENCRYPTED PRIVATE KEY", "the key is encrypted"),
        ] {
            let error = of(label).key().unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_certificate_of_another_form_is_told_from_a_certificate_with_the_command_that_converts_it() {
        for (label, words) in [
            ("TRUSTED CERTIFICATE", "convert it with `openssl x509 -in FILE -out NEW_FILE`"),
            ("PKCS7", "convert it with `openssl pkcs7 -print_certs -in FILE -out NEW_FILE`"),
            ("CERTIFICATE REQUEST", "it asks for a certificate"),
        ] {
            let error = of(label).certificates().unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        assert!(of("CERTIFICATE").certificates().is_ok());
    }
}
