//! Certificates by ACME (RFC 8555), in the order of a site's life: what its certificate is, when the next one is due, its
//! order (`acme/order.rs`), what is known of it on disk (`acme/record.rs`).
//!
//! - The record is written before an order is made. However often a server is started, a site has one order an hour.
//! - Of several servers with one state folder, the one that has the lock orders, and all use what it gets.
//! - What an authority refuses is left out, and the certificate is for the other names.

mod account;
mod allowed_names;
mod chain;
mod commands;
mod dns_hook;
mod external_account;
mod failure;
mod figures;
mod http_client;
mod left_out;
mod life;
mod names;
mod on_demand;
mod order;
mod ordering;
mod orders;
mod preferred_chain;
mod proof;
mod received;
mod record;
mod renewal;
mod repeated;
mod response;
mod schedule;
mod tls_alpn;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use foobar_core::{MakeHandler, config};

use super::ending::Ending;
use super::state_folder::StateFolder;
use crate::kept::{Challenges, Kept};
use crate::net::{Provider, client_config};
use crate::{AcmeSettings, Error, SiteCertificate, SiteSettings};
use account::{FOLDER, StoredAccount};
use allowed_names::AllowedNames;
use failure::Failure;
use http_client::HttpClient;
use life::renewal;
use orders::Orders;
pub(super) use proof::Proof;
use record::Record;
use schedule::seconds;

/// The authority of the settings, and the certificates that sites get from it.
pub(super) struct Acme {
    /// Where its settings are: `acme`, or `acme.NAME`.
    key: String,
    settings: AcmeSettings,
    folder: StateFolder,
    provider: Provider,
    client: HttpClient,
    /// By the labels of the sites.
    pub(super) sites: BTreeMap<String, Arc<Kept>>,
    /// Names that no site has.
    on_demand: Option<AllowedNames>,
    pub(super) challenges: Arc<Challenges>,
    proof: Proof,
    /// How many orders of each site have failed since the last that has not.
    failures: Mutex<BTreeMap<String, u32>>,
}

/// Certificates and their records that are not on the disk yet, by where they belong.
type Unwritten = BTreeMap<PathBuf, (String, Record)>;

/// What an authority has signed, and which names it has not, with its reason.
struct Issued {
    pem: String,
    refused: Vec<String>,
    why: Option<String>,
}

impl Acme {
    /// Checks the settings; makes nothing and asks nobody.
    pub(super) fn compile(
        key: String,
        settings: &AcmeSettings,
        folder: &StateFolder,
        proof: Proof,
        provider: &Provider,
    ) -> Result<Self, Error> {
        let error = |name: &str, message: String| Err(Error::setting(format!("{key}.{name}"), message));
        if !settings.accept_terms_of_service {
            let message = format!(
                "`ssl_certificate = \"auto\"` needs an account at {}; read its terms of service, and set this to true if \
                 you accept them",
                settings.directory
            );
            return error("accept_terms_of_service", message);
        }
        if !settings.directory.starts_with("https://") || settings.directory.parse::<http::Uri>().is_err() {
            return error("directory", format!("{:?} is no URL that begins with https://", settings.directory));
        }
        let is_mail =
            |contact: &&String| contact.split_once('@').is_some_and(|(who, at)| !who.is_empty() && !at.is_empty());
        if let Some(bad) = settings.contact.iter().find(|contact| !is_mail(contact) || contact.contains([' ', ','])) {
            return error("contact", format!("{bad:?} is no mail address"));
        }
        external_account::of(&key, settings)?;
        let trusted = format!("{key}.ssl_trusted_certificate");
        let trusted = client_config(&trusted, &settings.ssl_trusted_certificate, provider)?;
        let client = HttpClient::new(trusted, &format!("{key}.directory"));
        let (settings, folder) = (settings.clone(), folder.clone());
        Ok(Self {
            key,
            settings,
            folder,
            provider: Arc::clone(provider),
            client,
            sites: BTreeMap::new(),
            on_demand: None,
            challenges: Arc::default(),
            proof,
            failures: Mutex::default(),
        })
    }

    /// Has a certificate ordered for a site; `key` is the site's.
    pub(super) fn add(&mut self, label: &str, key: &str, site: &SiteSettings) -> Result<(), Error> {
        let names = names::names(key, site, &self.settings, &self.proof)?;
        let mut kept = Kept::new(self.folder.certificate(FOLDER, label), names);
        if site.ssl_on_demand {
            self.proof.check_on_demand(&self.key)?;
            let allowed = AllowedNames::new(label, &self.folder, &self.provider);
            kept.on_demand = Some(Arc::clone(&allowed.shown));
            self.on_demand = Some(allowed);
        }
        self.sites.insert(label.to_owned(), Arc::new(kept));
        Ok(())
    }

    /// Takes the place of one with the same account, of which an order may be under way: it is still looked whether names
    /// are ours.
    pub(super) fn go_on_after(&mut self, before: &Self) {
        if StoredAccount::path(&self.folder, &self.settings) == StoredAccount::path(&before.folder, &before.settings) {
            self.challenges = Arc::clone(&before.challenges);
        }
    }

    /// From now on challenges are answered, and what is there is shown.
    pub(super) fn prepare(&self) {
        self.on_demand.iter().for_each(AllowedNames::load);
        self.take_up_account();
    }

    /// Has challenges answered for the account that is on the disk, also those of other servers with it. A command may have
    /// changed it.
    fn take_up_account(&self) {
        match StoredAccount::read(&self.folder, &self.settings) {
            Ok(Some(stored)) => self.challenges.set_thumbprint(&stored.thumbprint),
            Ok(None) => {}
            Err(failure) => tracing::error!("there are no new certificates: {}", failure.message),
        }
    }

    /// Orders what is due, again and again. `app` says which names that no site has may have certificates.
    pub(super) async fn run(&self, app: &dyn MakeHandler, ending: &Ending) {
        let asks = async {
            if let Some(names) = &self.on_demand {
                tokio::select! {
                    () = names.ask(app, &self.settings) => {}
                    () = ending.begun() => {}
                }
            }
        };
        tokio::join!(self.order_all(app, ending), asks);
    }

    async fn order_all(&self, app: &dyn MakeHandler, ending: &Ending) {
        let mut unwritten = Unwritten::new();
        while !ending.has_begun() {
            let seen = self.changed_at();
            self.take_up_account();
            let mut next = u64::MAX;
            for (label, kept) in self.sites.iter().take_while(|_| !ending.has_begun()) {
                next = next.min(self.look_at(label, kept, &mut unwritten).await);
            }
            if let Some(names) = &self.on_demand {
                next = next.min(self.look_at_names(names, app, ending, &mut unwritten).await);
            }
            let pause = Duration::from_secs(next.saturating_sub(seconds(SystemTime::now())));
            tokio::select! {
                () = self.wait(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE), seen) => {}
                () = ending.begun() => {}
            }
        }
    }

    /// Does what is due for a site; gives when to look again.
    async fn look_at(&self, label: &str, kept: &Kept, unwritten: &mut Unwritten) -> u64 {
        match self.tend(label, kept, unwritten).await {
            Ok(next) => next,
            Err(failure) => {
                tracing::error!("`{}.ssl_certificate`: {}", config::key(&["sites", label]), failure.message);
                seconds(SystemTime::now()) + AFTER_TROUBLE
            }
        }
    }

    async fn tend(&self, label: &str, kept: &Kept, unwritten: &mut Unwritten) -> Result<u64, Failure> {
        let now = SystemTime::now();
        let next = self.next_look(label, kept, now)?;
        if next > seconds(now) && !unwritten.contains_key(&kept.path) {
            return Ok(next);
        }
        let Some(_lock) = self.folder.try_lock(FOLDER, &account::lock(&self.settings))? else {
            return Ok(seconds(now) + WHILE_LOCKED);
        };
        self.settle(label, kept, unwritten)?;
        let next = self.next_look(label, kept, now)?; // another process may have had the lock
        if next > seconds(now) {
            return Ok(next);
        }
        let record = self.read(label, kept)?;
        let is_due = self.due(&record, kept, now) <= seconds(now);
        let orders = self.orders()?;
        // So many were made that the authority might refuse more, or it wants to be left alone.
        let next = if is_due { orders.earliest(now) } else { orders.quiet_until(now) };
        match is_due {
            _ if next > seconds(now) => Ok(next),
            true => self.renew(label, kept, record, unwritten).await,
            false => self.ask_for_renewal(kept, record).await,
        }
    }

    /// When there is something to do for a site, and the authority does not want to be left alone.
    fn next_look(&self, label: &str, kept: &Kept, now: SystemTime) -> Result<u64, Failure> {
        let quiet_until = self.client.quiet_until().map_or(0, seconds); // it has not said so
        Ok(self.next(&self.read(label, kept)?, kept, now).max(quiet_until))
    }

    fn orders(&self) -> Result<Orders, Failure> {
        Orders::read(&Orders::path(&self.folder, &self.settings))
    }

    fn read(&self, label: &str, kept: &Kept) -> Result<Record, Failure> {
        let record = Record::read(&record_path(kept), &self.settings.directory, &kept.names)?;
        if self.sites.get(label).is_none_or(|own| own.path != kept.path) {
            self.on_demand.iter().for_each(|names| names.note_failures(&kept.names, record.failures));
            return Ok(record);
        }
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).insert(label.to_owned(), record.failures);
        Ok(record)
    }

    /// The certificate of the site of this label, or for this name in lower case, with the site's label.
    pub(super) fn named(&self, label: &str, name: &str) -> Option<(&str, Arc<Kept>)> {
        let is_it = |(own, kept): &(&String, &Arc<Kept>)| *own == label || kept.names.iter().any(|own| own == name);
        let of_site = self.sites.iter().find(is_it).map(|(label, kept)| (label.as_str(), Arc::clone(kept)));
        of_site.or_else(|| {
            let names = self.on_demand.as_ref()?;
            Some((names.label.as_str(), Arc::new(names.kept_of(name)?)))
        })
    }

    /// When the next order of a site is made, and what went wrong with the last, as it stands on the disk.
    pub(super) fn next_order(&self, label: &str) -> (Option<SystemTime>, Option<String>) {
        self.sites.get(label).map_or((None, None), |kept| self.next_order_of(label, kept))
    }

    /// The certificates of names that no site has, as they stand on the disk.
    pub(super) fn on_demand(&self) -> Vec<SiteCertificate> {
        let Some(names) = &self.on_demand else { return Vec::new() };
        let all = names.kept_on_disk().into_iter().map(|kept| {
            let (renews, error) = self.next_order_of(&names.label, &kept);
            SiteCertificate { renews, error, ..SiteCertificate::read(&names.label, &kept) }
        });
        all.collect()
    }

    fn next_order_of(&self, label: &str, kept: &Kept) -> (Option<SystemTime>, Option<String>) {
        let now = SystemTime::now();
        match self.read(label, kept).and_then(|record| Ok((record, self.orders()?))) {
            Ok((record, orders)) => {
                let next = self.due(&record, kept, now).max(orders.earliest(now)).max(seconds(now));
                let next = Duration::from_secs(next);
                (Some(SystemTime::UNIX_EPOCH + next), record.last_error)
            }
            Err(failure) => (None, Some(failure.message)),
        }
    }

    /// When there is something to do: an order, or a question.
    fn next(&self, record: &Record, kept: &Kept, now: SystemTime) -> u64 {
        let due = self.due(record, kept, now);
        if due <= seconds(now) { due } else { due.min(record.ask_at(now)) }
    }

    /// When the next order is due.
    fn due(&self, record: &Record, kept: &Kept, now: SystemTime) -> u64 {
        let renewal = renewal(record, &kept.path).unwrap_or(0); // there is no certificate
        let renewal = if record.refused.is_empty() { renewal } else { 0 };
        renewal.max(record.earliest(now))
    }

    /// Orders a certificate, and gives when to look again.
    async fn renew(
        &self,
        label: &str,
        kept: &Kept,
        mut record: Record,
        unwritten: &mut Unwritten,
    ) -> Result<u64, Failure> {
        let issued = self.order(kept, &mut record).await;
        let now = SystemTime::now();
        match issued {
            Ok(Issued { pem, refused, why }) => {
                record.succeed(refused, why, now);
                unwritten.insert(kept.path.clone(), (pem, record));
                self.settle(label, kept, unwritten)?;
            }
            Err(failure) => {
                record.fail(&failure, self.client.quiet_until(), now);
                let written = self.write(kept, &record).and(self.note_quiet()); // whoever hears of it finds it there
                tell_failed(label, &record, now);
                written?;
            }
        }
        Ok(self.next(&self.read(label, kept)?, kept, now))
    }

    /// Writes what has been issued for a site; while there is no room on the disk it stays in memory.
    fn settle(&self, label: &str, kept: &Kept, unwritten: &mut Unwritten) -> Result<(), Failure> {
        let Some((pem, record)) = unwritten.get(&kept.path) else { return Ok(()) };
        self.folder.write(&kept.path, pem)?;
        self.write(kept, record)?;
        tell_issued(label, record);
        unwritten.remove(&kept.path);
        Ok(())
    }

    fn write(&self, kept: &Kept, record: &Record) -> Result<(), Failure> {
        Ok(self.folder.write(&record_path(kept), &record.text())?)
    }
}

/// What fuzzing calls.
#[cfg(fuzzing)]
pub(super) fn parse_response(
    bytes: &[u8],
    is_head: bool,
    is_whole: bool,
) -> Result<Option<http::Response<bytes::Bytes>>, &'static str> {
    response::parse(bytes, is_head, is_whole)
}

/// Where it stands what is known of the orders of a certificate.
fn record_path(kept: &Kept) -> PathBuf {
    kept.path.with_extension("json")
}

fn tell_issued(label: &str, record: &Record) {
    let key = config::key(&["sites", label]);
    if let Some(why) = &record.last_error {
        tracing::error!("`{key}.ssl_certificate`: it is not for {}: {why}", record.refused.join(", "));
    }
    let names = record.signed_names().join(", ");
    tracing::info!("`{key}.ssl_certificate`: a certificate for {names} has been issued");
}

fn tell_failed(label: &str, record: &Record, now: SystemTime) {
    let key = config::key(&["sites", label]);
    let next = SystemTime::UNIX_EPOCH + Duration::from_secs(record.earliest(now));
    tracing::error!(
        "`{key}.ssl_certificate`: no certificate for {}: {}; the next order is not made before {}",
        record.names.join(", "),
        record.last_error.as_deref().unwrap_or_default(), // it has failed just now
        httpdate::fmt_http_date(next)
    );
}

const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The clock may be set meanwhile.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Seconds until another look where another process orders.
const WHILE_LOCKED: u64 = 5;
/// Seconds until another look where the disk or a file holds an order up.
const AFTER_TROUBLE: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WebSettings;
    use crate::issuer::reach::Reach;
    use crate::net::default_provider;

    /// The authority of one site, `a`.
    fn acme(folder: &std::path::Path) -> Acme {
        let web = WebSettings { state_dir: Some(folder.to_owned()), ..WebSettings::default() };
        let settings = AcmeSettings { accept_terms_of_service: true, ..AcmeSettings::default() };
        let proof = Proof::of("acme", &settings, Reach::HttpFirst, None).unwrap();
        let mut acme =
            Acme::compile("acme".to_owned(), &settings, &StateFolder::of(&web), proof, &default_provider()).unwrap();
        let server_name = std::iter::once("foobar.com".to_owned()).collect();
        acme.add("a", "sites.a", &SiteSettings { server_name, ..SiteSettings::default() }).unwrap();
        acme
    }

    /// A certificate that has been issued for it and is not written.
    fn unwritten(acme: &Acme, kept: &Kept) -> (Unwritten, Record) {
        let mut record = Record::new(&acme.settings.directory, &kept.names);
        record.succeed(Vec::new(), None, SystemTime::now());
        (Unwritten::from([(kept.path.clone(), ("certificate".to_owned(), record.clone()))]), record)
    }

    #[test]
    fn a_certificate_that_there_is_no_room_for_is_kept_and_written_later() {
        let temporary = tempfile::tempdir().unwrap();
        let acme = acme(temporary.path());
        let kept = Arc::clone(&acme.sites["a"]);
        let (mut unwritten, record) = unwritten(&acme, &kept);
        std::fs::create_dir_all(&kept.path).unwrap(); // where the file belongs
        assert!(acme.settle("a", &kept, &mut unwritten).is_err());
        assert_eq!(unwritten.len(), 1);
        std::fs::remove_dir(&kept.path).unwrap();
        acme.settle("a", &kept, &mut unwritten).unwrap();
        assert!(unwritten.is_empty());
        assert_eq!(std::fs::read_to_string(&kept.path).unwrap(), "certificate");
        assert_eq!(acme.read("a", &kept).unwrap(), record);
    }

    #[tokio::test]
    async fn what_could_not_be_written_waits_while_another_process_orders() {
        let temporary = tempfile::tempdir().unwrap();
        let acme = acme(temporary.path());
        let kept = Arc::clone(&acme.sites["a"]);
        let (mut unwritten, _) = unwritten(&acme, &kept);
        let _lock = acme.folder.lock(FOLDER, &account::lock(&acme.settings)).unwrap();
        let again = acme.tend("a", &kept, &mut unwritten).await.unwrap();
        assert!(again <= seconds(SystemTime::now()) + WHILE_LOCKED);
        assert!(unwritten.len() == 1 && !kept.path.exists());
    }
}
