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
        self.check("CERTIFICATE", "a certificate")?;
        CertificateDer::pem_slice_iter(&self.content).collect::<Result<_, _>>().map_err(malformed)
    }

    /// All lists of revoked certificates, in their order, or what is wrong. Authorities publish them in DER, one in a file.
    pub(crate) fn revocation_lists(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
        if self.content.first() == Some(&SEQUENCE) {
            return Ok(vec![self.content.clone().into()]);
        }
        self.check("X509 CRL", "a list of revoked certificates")?;
        CertificateRevocationListDer::pem_slice_iter(&self.content).collect::<Result<_, _>>().map_err(malformed)
    }

    /// The private key, or what is wrong.
    pub(crate) fn key(&self) -> Result<PrivateKeyDer<'static>, String> {
        if self.is_encrypted() {
            return Err("the key is encrypted, and nobody is asked for its password at start: decrypt it with \
                        `openssl pkey -in FILE -out NEW_FILE`, and protect the file with mode 0600"
                .to_owned());
        }
        self.check("PRIVATE KEY", "a private key")?;
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

    fn check(&self, label: &str, wanted: &str) -> Result<(), String> {
        let labels: Vec<String> = self.labels().collect();
        if labels.iter().any(|found| found.ends_with(label)) {
            return Ok(());
        }
        Err(match labels.first() {
            None if self.content.is_empty() => "the file is empty".to_owned(),
            None => format!(
                "the file is not PEM: it has no line `-----BEGIN …-----`; convert it with `openssl`, or give the file that has {wanted}"
            ),
            Some(other) => format!("the file has no `{label}` but `{other}`; give the file that has {wanted}"),
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

/// With which everything in DER begins.
const SEQUENCE: u8 = 0x30;
const BEGIN: &[u8] = b"-----BEGIN ";

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn malformed(error: rustls::pki_types::pem::Error) -> String {
    format!("the file is damaged: {error}; copy it again from where it was issued")
}
