mod denied_names;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use foobar_core::{Chain, MakeHandler, config};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::names::unsigned;
use super::schedule::{DAY, seconds};
use crate::AcmeSettings;
use crate::issuer::state_folder::StateFolder;
use crate::kept::{Kept, OnDemand};
use crate::net::{Facts, Provider, read_kept};
use denied_names::DeniedNames;

/// The names that no site has and that the application allows certificates for, one by one (`ssl_on_demand`).
///
/// It is asked when a client wants such a name, and before each order. What it says is remembered; strangers who make names
/// up cost one question each, and there are few of these a second.
pub(super) struct AllowedNames {
    /// The site that they lead to.
    pub(super) label: String,
    pub(super) shown: Arc<OnDemand>,
    folder: StateFolder,
    provider: Provider,
    names: Mutex<BTreeMap<String, Allowed>>,
    /// When the folder was changed, as of the last look, if that was long enough before.
    settled: Mutex<Option<SystemTime>>,
    changed: Notify,
    bounds: Bounds,
}

/// What strangers can make an application do, and an authority.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The most names that have certificates.
    most: usize,
    between_questions: Duration,
    /// What a question may take.
    patience: Duration,
    /// How long an application is not asked again for a name that it does not allow.
    denied: Duration,
    /// How long it is not that has not answered.
    unanswered: Duration,
}

struct Allowed {
    kept: Arc<Kept>,
    /// When to look at it again; this and the other in seconds since 1970.
    look_at: u64,
    /// When the application has said so, if it has since the start.
    said_at: Option<u64>,
    /// How many orders have failed since the last that has not.
    failures: u32,
    /// When its record was written, as of the last look: a command may change it.
    written: Option<SystemTime>,
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
    pub(super) fn new(label: &str, folder: &StateFolder, provider: &Provider) -> Self {
        Self {
            label: label.to_owned(),
            shown: Arc::new(OnDemand::new()),
            folder: folder.clone(),
            provider: Arc::clone(provider),
            names: Mutex::default(),
            settled: Mutex::default(),
            changed: Notify::new(),
            bounds: BOUNDS,
        }
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
        records.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).take(self.bounds.most)
    }

    /// Where the certificate of a name is, if it has had an order.
    pub(super) fn kept_of(&self, name: &str) -> Option<Kept> {
        self.on_disk().find(|known| known == name).map(|name| self.kept(name))
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
        let Bounds { most, between_questions, denied: long, unanswered, .. } = self.bounds;
        let mut denied = DeniedNames::new(most);
        while let Some(name) = asked.recv().await {
            if self.names().contains_key(&name) || denied.has(&name) || unsigned(&name, acme).is_some() {
                continue;
            }
            if self.names().len() >= most {
                tracing::warn!(
                    "`{}.ssl_on_demand`: there are {most} names, and {name} gets no certificate",
                    self.key()
                );
                denied.add(name, long);
                continue;
            }
            match self.answer(app, &name).await {
                Answer::Allowed => drop(self.add(&name, Some(seconds(SystemTime::now())))),
                Answer::Denied => denied.add(name, long),
                Answer::None => denied.add(name, unanswered),
            }
            self.changed.notify_one();
            sleep(between_questions).await;
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
        let patience = self.bounds.patience;
        let why = match timeout(patience, app.allows_certificate(name)).await {
            Ok(Ok(true)) => return Answer::Allowed,
            Ok(Ok(false)) => return Answer::Denied,
            Ok(Err(error)) => Chain(&*error).to_string(),
            Err(_) => format!("it has said nothing for {patience:?}"),
        };
        tracing::warn!(
            "`{}.ssl_on_demand`: the application does not say whether {name} may have a certificate: {why}",
            self.key()
        );
        Answer::None
    }

    /// What is to be looked at by now.
    pub(super) fn due(&self, now: u64) -> Vec<(String, Arc<Kept>)> {
        let rewritten = self.rewritten();
        // What lies farther ahead was noted while the clock was wrong.
        let is_due = |name: &String, look_at| !(now + 1..=now + DAY).contains(&look_at) || rewritten.contains(name);
        let names = self.names();
        let due = names.iter().filter(|(name, allowed)| is_due(name, allowed.look_at));
        due.map(|(name, allowed)| (name.clone(), Arc::clone(&allowed.kept))).collect()
    }

    /// The names whose records were written since they were last looked at. With thousands of names that takes a while:
    /// nobody waits for it, and it is left out while their folder is the same.
    fn rewritten(&self) -> HashSet<String> {
        if !self.folder_may_have_changed() {
            return HashSet::new();
        }
        let kept: Vec<_> =
            self.names().iter().map(|(name, allowed)| (name.clone(), Arc::clone(&allowed.kept))).collect();
        let written: Vec<_> = kept.into_iter().map(|(name, kept)| (name, written(&kept))).collect();
        let mut names = self.names();
        let is_new = |(name, written): (String, Option<SystemTime>)| {
            let allowed = names.get_mut(&name)?; // it was forgotten meanwhile
            (std::mem::replace(&mut allowed.written, written) != written).then_some(name)
        };
        written.into_iter().filter_map(is_new).collect()
    }

    /// Whether a file of the folder may have been made or replaced since this was asked last. A change so soon before that
    /// may be followed by another one at the same time by the clock of the files.
    fn folder_may_have_changed(&self) -> bool {
        let (changed, now) = (self.changed_at(), SystemTime::now());
        let settled = changed.filter(|changed| now.duration_since(*changed).is_ok_and(|since| since >= SETTLED));
        let before = std::mem::replace(&mut *self.settled.lock().unwrap_or_else(PoisonError::into_inner), settled);
        settled.is_none() || settled != before
    }

    /// So many orders of a certificate for these names have failed.
    pub(super) fn note_failures(&self, names: &[String], failures: u32) {
        let mut known = self.names();
        if let Some(allowed) = names.first().and_then(|name| known.get_mut(name)) {
            allowed.failures = failures;
        }
    }

    /// Of how many the last order has failed.
    pub(super) fn failed(&self) -> usize {
        self.names().values().filter(|allowed| allowed.failures > 0).count()
    }

    /// When a file of the folder of these names was made or replaced last; `None` if there is none.
    pub(super) fn changed_at(&self) -> Option<SystemTime> {
        std::fs::metadata(self.folder.path(FOLDER, "")).and_then(|folder| folder.modified()).ok() // there may be none yet
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
        self.names().insert(
            name.to_owned(),
            Allowed { kept: Arc::clone(&kept), look_at: 0, said_at, failures: 0, written: None },
        );
        kept
    }

    fn kept(&self, name: String) -> Kept {
        Kept::new(self.folder.certificate(FOLDER, &name), vec![name])
    }

    fn show(&self, name: &str, kept: &Kept) {
        let Some(key) = read_kept(kept, &self.provider) else { return }; // there is none yet, or what was shown before is better
        let life = key.cert.first().and_then(|own| Facts::of(own)).map(|facts| (facts.not_before, facts.not_after));
        self.shown.show(name, key, life.unwrap_or_default()); // it was read just now
    }

    fn key(&self) -> String {
        config::key(&["sites", &self.label])
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<String, Allowed>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

/// When the record of a name was written.
fn written(kept: &Kept) -> Option<SystemTime> {
    std::fs::metadata(kept.path.with_extension("json")).and_then(|file| file.modified()).ok() // there may be none yet
}

/// More than the clock of any file system's times goes forward at once.
const SETTLED: Duration = Duration::from_secs(4);

/// Where the certificates of such names are in the state folder.
const FOLDER: &str = "on-demand";
const BOUNDS: Bounds = Bounds {
    most: 10_000,
    between_questions: Duration::from_millis(50),
    patience: Duration::from_secs(10),
    denied: Duration::from_secs(60 * 60),
    unanswered: Duration::from_secs(60),
};

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::io;
    use std::rc::Rc;

    use foobar_core::{BoxError, BoxFuture, Handler, LocalBoxFuture};
    use tokio::time::Instant;

    use super::*;
    use crate::WebSettings;
    use crate::net::default_provider;

    /// An application that allows names that begin with `shop`, and notes when it was asked for which.
    #[derive(Default)]
    struct Shops(Mutex<Vec<(String, Instant)>>);

    impl MakeHandler for Shops {
        fn make(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Handler>, BoxError>> {
            Box::pin(async { Err("it serves nothing".into()) })
        }

        fn allows_certificate<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, BoxError>> {
            self.0.lock().unwrap().push((name.to_owned(), Instant::now()));
            Box::pin(async move {
                match name {
                    "silent.test" => pending().await,
                    "broken.test" => Err(io::Error::other("broken").into()),
                    _ => Ok(name.starts_with("shop")),
                }
            })
        }
    }

    impl Shops {
        fn asked(&self) -> Vec<String> {
            self.0.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
        }
    }

    fn names(most: usize) -> (tempfile::TempDir, AllowedNames) {
        let temporary = tempfile::tempdir().unwrap();
        let web = WebSettings { state_dir: Some(temporary.path().to_owned()), ..WebSettings::default() };
        let bounds = Bounds { most, ..BOUNDS };
        (temporary, AllowedNames { bounds, ..AllowedNames::new("a", &StateFolder::of(&web), &default_provider()) })
    }

    /// The application is asked, while clients want these names, each so many seconds after the one before.
    async fn wanted(names: &AllowedNames, shops: &Shops, wanted: &[(u64, &str)]) {
        let acme = AcmeSettings {
            ssl_trusted_certificate: ["ca.pem".into()].into_iter().collect(),
            ..AcmeSettings::default()
        };
        let clients = async {
            for (pause, name) in wanted {
                sleep(Duration::from_secs(*pause)).await; // time is what is tested
                names.shown.want(name);
            }
            sleep(Duration::from_secs(60)).await; // time is what is tested
        };
        tokio::select! {
            () = names.ask(shops, &acme) => {}
            () = clients => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_is_denied_is_asked_for_again_after_an_hour() {
        let ((_folder, names), shops) = (names(10), Shops::default());
        let hour = 60 * 60;
        wanted(&names, &shops, &[(0, "no.test"), (1, "no.test"), (hour - 60, "no.test"), (120, "no.test")]).await;
        assert_eq!(shops.asked(), ["no.test", "no.test"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_without_an_answer_is_asked_for_again_after_a_minute() {
        for name in ["silent.test", "broken.test"] {
            let ((_folder, names), shops) = (names(10), Shops::default());
            wanted(&names, &shops, &[(0, name), (30, name), (90, name)]).await;
            assert_eq!(shops.asked(), [name, name]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn questions_are_put_twenty_a_second_at_most() {
        let ((_folder, names), shops) = (names(100), Shops::default());
        let many: Vec<String> = (0..60).map(|number| format!("n{number}.test")).collect();
        let many: Vec<(u64, &str)> = many.iter().map(|name| (0, name.as_str())).collect();
        wanted(&names, &shops, &many).await;
        let asked = shops.0.lock().unwrap();
        assert_eq!(asked.len(), 60);
        assert!(asked[59].1 - asked[0].1 >= Duration::from_millis(50 * 59));
    }

    #[tokio::test(start_paused = true)]
    async fn when_there_are_so_many_names_no_further_one_is_asked_for() {
        let ((_folder, names), shops) = (names(2), Shops::default());
        wanted(&names, &shops, &[(0, "shop1.test"), (1, "shop2.test"), (1, "shop3.test"), (1, "shop1.test")]).await;
        assert_eq!(shops.asked(), ["shop1.test", "shop2.test"]);
        assert_eq!(names.due(seconds(SystemTime::now())).len(), 2);
    }

    #[test]
    fn records_are_looked_at_again_once_their_folder_has_changed() {
        let (temporary, names) = names(10);
        let folder = temporary.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        let now = seconds(SystemTime::now());
        let set = |path: &std::path::Path, ago| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(now - ago);
            std::fs::File::open(path).unwrap().set_modified(time).unwrap();
        };
        let due = || names.due(now).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        for name in ["shop1.test", "shop2.test"] {
            let record = names.add(name, None).path.with_extension("json");
            std::fs::write(&record, "{}").unwrap();
            set(&record, 900);
        }
        set(&folder, 900);
        assert_eq!(due(), ["shop1.test", "shop2.test"]);
        ["shop1.test", "shop2.test"].iter().for_each(|name| names.looked_at(name, now + 600));
        set(&folder.join("shop2.test.json"), 300);
        assert_eq!(due(), [""; 0]); // it was not made anew, which would show
        set(&folder, 300);
        assert_eq!((due(), due()), (vec!["shop2.test".to_owned()], vec![]));
    }

    #[test]
    fn records_are_looked_at_each_time_soon_after_their_folder_has_changed() {
        let (temporary, names) = names(10);
        let folder = temporary.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        let soon = SystemTime::now() + Duration::from_secs(60 * 60); // later than whenever this goes on
        std::fs::File::open(&folder).unwrap().set_modified(soon).unwrap();
        assert!((0..3).all(|_| names.folder_may_have_changed()));
    }
}
