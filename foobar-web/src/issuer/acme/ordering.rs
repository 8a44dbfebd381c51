use std::time::SystemTime;

use instant_acme::Account;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::account::StoredAccount;
use super::failure::Failure;
use super::left_out::LeftOut;
use super::life::{identifier, renewal, still_serves};
use super::order::Request;
use super::orders::Orders;
use super::preferred_chain::preferred;
use super::record::Record;
use super::schedule::seconds;
use super::{Acme, Issued};
use crate::kept::Kept;

/// How an order of a site's certificate is made.
impl Acme {
    /// Orders a certificate for a site's names, or for those of them that the authority does not refuse.
    pub(super) async fn order(&self, kept: &Kept, record: &mut Record) -> Result<Issued, Failure> {
        self.write(kept, record)?; // else the failure could not be noted, and each look would make another account
        let mut account = self.account().await?;
        self.check_profile(&account)?;
        record.begin(SystemTime::now());
        self.write(kept, record)?;
        let mut left_out = self.left_out(record, kept);
        let (mut orders, mut is_new_account) = (0, false);
        loop {
            orders += 1;
            self.count_order()?;
            match self.request(&left_out.others(&kept.names), record, kept, &account).await {
                Ok(pem) => {
                    let (refused, why) = left_out.told();
                    return Ok(Issued { pem, refused, why });
                }
                Err(failure) if failure.is_unknown_account && !is_new_account => {
                    let _gone = std::fs::remove_file(StoredAccount::path(&self.folder, &self.settings)); // it may be gone
                    (account, is_new_account) = (self.account().await?, true);
                }
                Err(failure) if orders < MOST_ORDERS && self.helps_to_leave_out(&failure, &left_out, record, kept) => {
                    left_out.add(&failure);
                }
                Err(failure) => return Err(left_out.failure(self.with_advice(failure))),
            }
        }
    }

    /// The names that were refused before, if there is no good certificate without them: where there is one, they are tried
    /// again, and so they are where one still serves them.
    fn left_out(&self, record: &Record, kept: &Kept) -> LeftOut {
        let all = has_good(record, kept) || record.refused.len() >= kept.names.len();
        match all || still_serves(record, &kept.path, &record.refused) {
            true => LeftOut::default(),
            false => LeftOut::known(&record.refused, record.last_error.as_ref()),
        }
    }

    /// The same with what helps where the account is refused.
    fn with_advice(&self, failure: Failure) -> Failure {
        if !failure.is_refused_account {
            return failure;
        }
        let path = StoredAccount::path(&self.folder, &self.settings);
        let message = format!(
            "{}; if the account is closed or has another key by now, move {} away, and another one is made",
            failure.message,
            path.display()
        );
        Failure { message, ..failure }
    }

    /// Notes that an order begins, on the disk.
    fn count_order(&self) -> Result<(), Failure> {
        let mut orders = self.orders()?;
        orders.begin(SystemTime::now());
        self.write_orders(&orders)
    }

    /// Notes until when the authority wants to be left alone, if it has said so, for all sites and the next start.
    pub(super) fn note_quiet(&self) -> Result<(), Failure> {
        let Some(until) = self.client.quiet_until() else { return Ok(()) };
        let mut orders = self.orders()?;
        if orders.be_quiet(until) { self.write_orders(&orders) } else { Ok(()) }
    }

    fn write_orders(&self, orders: &Orders) -> Result<(), Failure> {
        Ok(self.folder.write(&Orders::path(&self.folder, &self.settings), &orders.text())?)
    }

    /// Whether an order without the names that were refused now may succeed, and is better than what there is.
    fn helps_to_leave_out(&self, failure: &Failure, left_out: &LeftOut, record: &Record, kept: &Kept) -> bool {
        let others = left_out.others(&kept.names);
        let left: Vec<_> = others.iter().filter(|name| !failure.refused.contains(name)).collect();
        let is_there = has_good(record, kept) && record.refused.iter().all(|name| !left.contains(&name));
        let lost: Vec<_> = kept.names.iter().filter(|name| !left.contains(name)).cloned().collect();
        let takes_away = still_serves(record, &kept.path, &lost);
        left.len() < others.len() && !left.is_empty() && !is_there && !takes_away
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
        let request = Request { names, provider: &self.provider, challenge, dns, profile, replaces };
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

/// Whether there is a certificate that need not be renewed yet.
fn has_good(record: &Record, kept: &Kept) -> bool {
    renewal(record, &kept.path).is_some_and(|renewal| renewal > seconds(SystemTime::now()))
}

/// How many orders are made one after the other, each for fewer names, until the authority refuses none.
const MOST_ORDERS: u32 = 4;
