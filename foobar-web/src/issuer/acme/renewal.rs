use std::time::{Duration, SystemTime};

use instant_acme::Error as AcmeError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Acme;
use super::failure::Failure;
use super::life::identifier;
use super::record::Record;
use super::schedule::{self, DAY, HOUR, seconds};
use crate::kept::Kept;

/// What the authority says of renewals.
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
