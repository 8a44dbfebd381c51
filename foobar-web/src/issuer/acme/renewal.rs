use std::path::Path;
use std::time::{Duration, SystemTime};

use instant_acme::{CertificateIdentifier, Error as AcmeError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Acme;
use super::failure::Failure;
use super::record::Record;
use super::schedule::{self, DAY, HOUR, seconds};
use crate::kept::Kept;
use crate::net::Facts;

/// When a certificate is renewed.
impl Acme {
    /// Asks the authority when the certificate should be renewed (RFC 9773), and gives when to look again.
    pub(super) async fn ask_for_renewal(&self, kept: &Kept, mut record: Record) -> Result<u64, Failure> {
        let (asked, now) = (self.renewal_window(kept).await, seconds(SystemTime::now()));
        let pause = match asked {
            Ok((window, pause)) => {
                let is_in_it = |at: &u64| window.0 <= *at && *at <= window.1;
                let at = record.renew_at.filter(is_in_it);
                record.renew_at = Some(at.unwrap_or_else(|| schedule::moment(window, schedule::drawn()))); // not known yet
                pause.as_secs().clamp(HOUR, DAY)
            }
            Err(AcmeError::Unsupported(_)) => DAY,
            Err(error) => {
                tracing::debug!(%error, "the authority does not say when a certificate should be renewed");
                6 * HOUR
            }
        };
        record.asked(now + pause);
        self.write(kept, &record)?;
        self.note_quiet()?;
        Ok(self.next(&record, kept, SystemTime::now()))
    }

    async fn renewal_window(&self, kept: &Kept) -> Result<((u64, u64), Duration), AcmeError> {
        let certificate =
            CertificateDer::from_pem_file(&kept.path).map_err(|_| AcmeError::Unsupported("no certificate"))?;
        let identifier = identifier(&certificate).ok_or(AcmeError::Unsupported("no number"))?;
        let account = self.account().await.map_err(|failure| AcmeError::Other(failure.message.into()))?;
        let (info, pause) = account.renewal_info(&identifier).await?;
        let (start, end) = (info.suggested_window.start.into(), info.suggested_window.end.into());
        Ok(((seconds(start), seconds(end)), pause))
    }
}

/// When the certificate that is there is renewed; `None` if there is none, or not this one.
pub(super) fn renewal(record: &Record, path: &Path) -> Option<u64> {
    let certificate = CertificateDer::from_pem_file(path).ok().filter(|_| record.is_issued)?; // none, or of elsewhere
    PrivateKeyDer::from_pem_file(path).ok()?; // the file is cut off
    let facts = Facts::of(&certificate).filter(|facts| record.signed_names().iter().all(|name| facts.cover(name)))?;
    let (from, to) = (facts.not_before.try_into().ok()?, facts.not_after.try_into().ok()?); // not before 1970
    let at = record.renew_at.unwrap_or_else(|| schedule::renewal(from, to)); // the authority does not say
    Some(schedule::within(at, from, to))
}

pub(super) fn identifier(certificate: &[u8]) -> Option<CertificateIdentifier<'static>> {
    let facts = Facts::of(certificate)?;
    Some(CertificateIdentifier::new(facts.authority_key?.into(), facts.serial.into()).into_owned())
}
