use std::time::SystemTime;

use instant_acme::Account;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::account::StoredAccount;
use super::failure::Failure;
use super::order::Request;
use super::orders::Orders;
use super::preferred_chain::preferred;
use super::record::Record;
use super::schedule::seconds;
use super::{Acme, Issued, identifier, renewal};
use crate::kept::Kept;

/// How an order of a site's certificate is made.
impl Acme {
    /// Orders a certificate for a site's names, or for those of them that the authority does not refuse.
    pub(super) async fn order(&self, kept: &Kept, record: &mut Record) -> Result<Issued, Failure> {
        let account = self.account().await?;
        self.check_profile(&account)?;
        record.begin(SystemTime::now());
        self.write(kept, record)?;
        self.count_order()?;
        match self.request(&kept.names, record, kept, &account).await {
            Err(failure) if failure.is_unknown_account => {
                let _gone = std::fs::remove_file(StoredAccount::path(&self.folder, &self.settings)); // it may be gone
                let account = self.account().await?;
                self.request(&kept.names, record, kept, &account).await.map(Issued::whole)
            }
            Err(Failure { refused, message, .. }) if self.helps_to_leave_out(&refused, record, kept) => {
                let others: Vec<_> = kept.names.iter().filter(|name| !refused.contains(name)).cloned().collect();
                self.count_order()?;
                let pem = self.request(&others, record, kept, &account).await?;
                Ok(Issued { pem, refused, why: Some(message) })
            }
            ordered => ordered.map(Issued::whole),
        }
    }

    /// Notes that an order begins, on the disk.
    fn count_order(&self) -> Result<(), Failure> {
        let path = Orders::path(&self.folder, &self.settings);
        let mut orders = Orders::read(&path)?;
        orders.begin(SystemTime::now());
        Ok(self.folder.write(&path, &orders.text())?)
    }

    /// Whether a certificate for the other names is better than what there is.
    fn helps_to_leave_out(&self, refused: &[String], record: &Record, kept: &Kept) -> bool {
        let is_there = record.refused == refused
            && renewal(record, &kept.path).is_some_and(|renewal| renewal > seconds(SystemTime::now()));
        !refused.is_empty() && refused.len() < kept.names.len() && !is_there
    }

    pub(super) async fn account(&self) -> Result<Account, Failure> {
        let account = StoredAccount::open(&self.folder, &self.key, &self.settings, self.client.clone()).await?;
        self.challenges.set_thumbprint(account.key_thumbprint());
        Ok(account)
    }

    /// Whether the authority knows the kind of certificates that is wanted: else nothing is ordered.
    fn check_profile(&self, account: &Account) -> Result<(), Failure> {
        let Some(wanted) = &self.settings.profile else { return Ok(()) };
        let mut offered: Vec<&str> = account.profiles().map(|profile| profile.name).collect();
        offered.sort_unstable();
        if offered.contains(&wanted.as_str()) {
            return Ok(());
        }
        let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
        Err(Failure::new(format!(
            "the authority has no profile {wanted:?}, and offers {offered}; change `{}.profile`",
            self.key
        )))
    }

    async fn request(
        &self,
        names: &[String],
        record: &Record,
        kept: &Kept,
        account: &Account,
    ) -> Result<String, Failure> {
        let knows_renewals = record.renew_at.is_some() && record.failures == 0;
        let certificate = CertificateDer::from_pem_file(&kept.path).ok().filter(|_| knows_renewals); // none is renewed
        let replaces = certificate.as_ref().and_then(|certificate| identifier(certificate));
        let (challenge, dns) = self.proof.challenge(names, record.failures);
        let profile = self.settings.profile.as_deref();
        let request = Request { names, challenge, dns, profile, replaces };
        let signed = request.carry_out(account, &self.challenges).await?;
        let key = signed.key.serialize_pem();
        let Some(root) = &self.settings.preferred_chain else { return Ok(signed.chain + &key) };
        let preferred = preferred(root, &self.client, account).await;
        if preferred.is_none() {
            tracing::warn!("`{}.preferred_chain`: the authority offers no chain to {root:?}", self.key);
        }
        let preferred = preferred.filter(|chain| request.check(chain, &signed.key).is_ok()); // another chain of it is for others
        Ok(preferred.unwrap_or(signed.chain) + &key)
    }
}
