use std::future::pending;
use std::time::{Duration, SystemTime};

use foobar_core::MakeHandler;
use tokio::time::sleep;

use super::account::FOLDER;
use super::allowed_names::{AllowedNames, Answer};
use super::schedule::seconds;
use super::{AFTER_TROUBLE, Acme, Unwritten};
use crate::issuer::ending::Ending;

/// What is not the time's alone: names that no site has, and files that others change.
impl Acme {
    /// Waits so long, or until there is another name, or somebody else has changed what is known of an order since `seen`.
    pub(super) async fn wait(&self, pause: Duration, seen: Changes) {
        let changed = async {
            while self.changed_at() == seen {
                sleep(TICK).await;
            }
        };
        let another = async {
            match &self.on_demand {
                Some(names) => names.changed().await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = changed => {}
            () = another => {}
        }
    }

    /// When a file of a folder was made or replaced last.
    pub(super) fn changed_at(&self) -> Changes {
        let own = std::fs::metadata(self.folder.path(FOLDER, "")).and_then(|folder| folder.modified()).ok(); // there may be none yet
        [own, self.on_demand.as_ref().and_then(AllowedNames::changed_at)]
    }

    /// Does what is due for names that no site has; gives when to look again.
    pub(super) async fn look_at_names(
        &self,
        names: &AllowedNames,
        app: &dyn MakeHandler,
        ending: &Ending,
        unwritten: &mut Unwritten,
    ) -> u64 {
        for (name, kept) in names.due(seconds(SystemTime::now())).into_iter().take_while(|_| !ending.has_begun()) {
            let now = SystemTime::now();
            let is_due =
                self.read(&names.label, &kept).is_ok_and(|record| self.due(&record, &kept, now) <= seconds(now));
            let answer = if is_due { names.ask_again(app, &name).await } else { Answer::Allowed };
            let next = match answer {
                Answer::Allowed => self.look_at(&names.label, &kept, unwritten).await,
                Answer::None => seconds(now) + AFTER_TROUBLE,
                Answer::Denied => {
                    names.forget(&name);
                    continue;
                }
            };
            names.looked_at(&name, next.min(seconds(SystemTime::now()) + LONGEST_PAUSE_OF_NAME));
        }
        names.next()
    }
}

/// When a file of the sites and one of the names that no site has was made or replaced last; `None` if it cannot be told.
pub(super) type Changes = [Option<SystemTime>; 2];

/// How long a change by somebody else may not be noticed.
const TICK: Duration = Duration::from_secs(1);
/// The longest that is not looked at a name that no site has, in seconds; of such there may be thousands.
const LONGEST_PAUSE_OF_NAME: u64 = 600;
