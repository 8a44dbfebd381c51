use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use foobar_core::{Chain, MakeHandler, config};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::names::unsigned;
use super::schedule::{DAY, seconds};
use crate::AcmeSettings;
use crate::issuer::state_folder::StateFolder;
use crate::kept::{Kept, OnDemand};
use crate::net::read_kept;

/// The names that no site has and that the application allows certificates for, one by one (`ssl_on_demand`).
///
/// It is asked when a client wants such a name, and before each order. What it says is remembered; strangers who make names
/// up cost one question each, and there are few of these a second.
pub(super) struct AllowedNames {
    /// The site that they lead to.
    pub(super) label: String,
    pub(super) shown: Arc<OnDemand>,
    folder: StateFolder,
    names: Mutex<BTreeMap<String, Allowed>>,
    changed: Notify,
}

struct Allowed {
    kept: Arc<Kept>,
    /// When to look at it again; this and the other in seconds since 1970.
    look_at: u64,
    /// When the application has said so, if it has since the start.
    said_at: Option<u64>,
}

/// What an application says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Allowed,
    Denied,
    /// It has failed, or takes too long.
    None,
}

impl AllowedNames {
    pub(super) fn new(label: &str, folder: &StateFolder) -> Self {
        let (names, changed) = (Mutex::default(), Notify::new());
        Self { label: label.to_owned(), shown: Arc::new(OnDemand::new()), folder: folder.clone(), names, changed }
    }

    /// Takes up what is on the disk, so that it is shown to the first client.
    pub(super) fn load(&self) {
        for name in self.on_disk() {
            let kept = self.add(&name, None);
            self.show(&name, &kept);
        }
    }

    /// The names that have records there.
    fn on_disk(&self) -> impl Iterator<Item = String> {
        let files = std::fs::read_dir(self.folder.path(FOLDER, "")).into_iter().flatten(); // there may be nothing yet
        let paths = files.filter_map(Result::ok).map(|file| file.path());
        let records = paths.filter(|path| path.extension().is_some_and(|end| end == "json"));
        records.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).take(MOST)
    }

    /// Where the certificate of each is, in the order of their names.
    pub(super) fn kept_on_disk(&self) -> Vec<Kept> {
        let mut names: Vec<String> = self.on_disk().collect();
        names.sort();
        names.into_iter().map(|name| self.kept(name)).collect()
    }

    /// Asks the application about the names that clients want, without an end.
    pub(super) async fn ask(&self, app: &dyn MakeHandler, acme: &AcmeSettings) {
        let Some(mut asked) = self.shown.asked() else { return }; // somebody does
        let mut denied = DeniedNames::default();
        while let Some(name) = asked.recv().await {
            if self.names().contains_key(&name) || denied.has(&name) || unsigned(&name, acme).is_some() {
                continue;
            }
            if self.names().len() >= MOST {
                tracing::warn!(
                    "`{}.ssl_on_demand`: there are {MOST} names, and {name} gets no certificate",
                    self.key()
                );
                denied.add(name, DENIED);
                continue;
            }
            match self.answer(app, &name).await {
                Answer::Allowed => drop(self.add(&name, Some(seconds(SystemTime::now())))),
                Answer::Denied => denied.add(name, DENIED),
                Answer::None => denied.add(name, UNANSWERED),
            }
            self.changed.notify_one();
            sleep(BETWEEN_QUESTIONS).await;
        }
    }

    /// Whether the application still allows a name for which there is to be an order.
    pub(super) async fn ask_again(&self, app: &dyn MakeHandler, name: &str) -> Answer {
        let now = seconds(SystemTime::now());
        let said_at = self.names().get(name).and_then(|allowed| allowed.said_at);
        if said_at.is_some_and(|said_at| (said_at..said_at + DAY).contains(&now)) {
            return Answer::Allowed;
        }
        let answer = self.answer(app, name).await;
        if let (Answer::Allowed, Some(allowed)) = (answer, self.names().get_mut(name)) {
            allowed.said_at = Some(now);
        }
        answer
    }

    async fn answer(&self, app: &dyn MakeHandler, name: &str) -> Answer {
        let why = match timeout(PATIENCE, app.allows_certificate(name)).await {
            Ok(Ok(true)) => return Answer::Allowed,
            Ok(Ok(false)) => return Answer::Denied,
            Ok(Err(error)) => Chain(&*error).to_string(),
            Err(_) => format!("it has said nothing for {PATIENCE:?}"),
        };
        tracing::warn!(
            "`{}.ssl_on_demand`: the application does not say whether {name} may have a certificate: {why}",
            self.key()
        );
        Answer::None
    }

    /// What is to be looked at by now.
    pub(super) fn due(&self, now: u64) -> Vec<(String, Arc<Kept>)> {
        let names = self.names();
        // What lies farther ahead was noted while the clock was wrong.
        let due = names.iter().filter(|(_, allowed)| !(now + 1..=now + DAY).contains(&allowed.look_at));
        due.map(|(name, allowed)| (name.clone(), Arc::clone(&allowed.kept))).collect()
    }

    /// It was looked at, and is again then: clients are shown what there is by now.
    pub(super) fn looked_at(&self, name: &str, next: u64) {
        let kept = self.names().get_mut(name).map(|allowed| {
            allowed.look_at = next;
            Arc::clone(&allowed.kept)
        });
        kept.iter().for_each(|kept| self.show(name, kept));
    }

    /// When there is something to look at.
    pub(super) fn next(&self) -> u64 {
        self.names().values().map(|allowed| allowed.look_at).min().unwrap_or(u64::MAX) // there are none
    }

    /// Waits for another name.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Its application allows a name no more.
    pub(super) fn forget(&self, name: &str) {
        self.shown.hide(name);
        let Some(Allowed { kept, .. }) = self.names().remove(name) else { return };
        for path in [kept.path.with_extension("json"), kept.path.clone()] {
            let _gone = std::fs::remove_file(path); // there may be none
        }
        tracing::info!("`{}.ssl_on_demand`: {name} has no certificate any more, as the application says", self.key());
    }

    fn add(&self, name: &str, said_at: Option<u64>) -> Arc<Kept> {
        let kept = Arc::new(self.kept(name.to_owned()));
        self.names().insert(name.to_owned(), Allowed { kept: Arc::clone(&kept), look_at: 0, said_at });
        kept
    }

    fn kept(&self, name: String) -> Kept {
        Kept::new(self.folder.certificate(FOLDER, &name), vec![name])
    }

    fn show(&self, name: &str, kept: &Kept) {
        if let Some(key) = read_kept(kept) {
            self.shown.show(name, key); // else there is none yet, or what was shown before is better
        }
    }

    fn key(&self) -> String {
        config::key(&["sites", &self.label])
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<String, Allowed>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

/// Names that the application was asked for in vain, and until when it is not asked again.
#[derive(Default)]
struct DeniedNames(HashMap<String, Instant>);

impl DeniedNames {
    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|until| Instant::now() < *until)
    }

    /// Where there are too many, all are forgotten.
    fn add(&mut self, name: String, time: Duration) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(name, Instant::now() + time);
    }
}

/// Where the certificates of such names are in the state folder.
const FOLDER: &str = "on-demand";
/// The most names that have certificates.
const MOST: usize = 10_000;
/// What a question may take.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);
/// How long an application is not asked again for a name that it does not allow.
const DENIED: Duration = Duration::from_secs(60 * 60);
/// How long it is not that has not answered.
const UNANSWERED: Duration = Duration::from_secs(60);
