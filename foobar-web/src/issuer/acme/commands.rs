use std::time::SystemTime;

use instant_acme::{Account, Error as AcmeError, RevocationReason, RevocationRequest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::Acme;
use super::account::{FOLDER, StoredAccount, lock};
use super::failure::Failure;
use super::repeated::repeated;
use crate::issuer::state_folder::Lock;
use crate::kept::Kept;
use crate::{Error, Revocation};

/// What operators have done by commands, while the server may be running: it takes up what they leave on the disk.
impl Acme {
    /// Has the certificate of a site ordered by the running server, or at the next start, whenever the last order was.
    pub(in crate::issuer) fn renew_now(&self, label: &str, kept: &Kept) -> Result<(), Error> {
        let _lock = self.lock()?;
        let mut record = self.read(label, kept)?;
        record.renew(SystemTime::now());
        Ok(self.write(kept, &record)?)
    }

    /// Has the authority declare the certificate of a site void, and another one ordered. That is on the disk before: a void
    /// certificate that nobody replaces would be served.
    pub(in crate::issuer) async fn revoke(
        &self,
        label: &str,
        kept: &Kept,
        reason: Option<Revocation>,
    ) -> Result<(), Error> {
        let _lock = self.lock()?;
        let before = self.read(label, kept)?;
        let certificate = CertificateDer::from_pem_file(&kept.path)
            .map_err(|error| Failure::new(format!("{} has no certificate: {error}", kept.path.display())))?;
        let account = self.existing_account().await?;
        let request = RevocationRequest { certificate: &certificate, reason: reason.map(Into::into) };
        let mut record = before.clone();
        record.renew(SystemTime::now());
        self.write(kept, &record)?;
        match repeated!(account.revoke(&request)) {
            Err(error) if !is_done(&error) => {
                self.write(kept, &before)?;
                Err(Failure::from(error).into())
            }
            _ => Ok(()),
        }
    }

    /// Gives the account another key.
    pub(in crate::issuer) async fn change_account_key(&self) -> Result<(), Error> {
        let _lock = self.lock()?;
        let mut account = self.existing_account().await?;
        StoredAccount::check_writable(&self.folder, &self.settings)?; // the key is only in memory for a moment
        let credentials = repeated!(account.update_key()).map_err(Failure::from)?;
        Ok(StoredAccount::new(&self.settings, &account, credentials).write(&self.folder, &self.settings)?)
    }

    /// Waits for an order that is being made.
    fn lock(&self) -> Result<Lock, Error> {
        self.folder.lock(FOLDER, &lock(&self.settings))
    }

    /// A new one would be of no use.
    async fn existing_account(&self) -> Result<Account, Failure> {
        if StoredAccount::read(&self.folder, &self.settings)?.is_none() {
            return Err(Failure::new(format!("there is no account at {} yet", self.settings.directory)));
        }
        self.account().await
    }
}

/// Whether the certificate is void already.
fn is_done(error: &AcmeError) -> bool {
    let AcmeError::Api(problem) = error else { return false };
    problem.r#type.as_deref().is_some_and(|kind| kind.ends_with(":alreadyRevoked"))
}

impl From<Revocation> for RevocationReason {
    fn from(reason: Revocation) -> Self {
        match reason {
            Revocation::Unspecified => Self::Unspecified,
            Revocation::KeyCompromise => Self::KeyCompromise,
            Revocation::AffiliationChanged => Self::AffiliationChanged,
            Revocation::Superseded => Self::Superseded,
            Revocation::CessationOfOperation => Self::CessationOfOperation,
        }
    }
}
