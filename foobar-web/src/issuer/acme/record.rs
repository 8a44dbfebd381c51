use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::schedule::{self, HOUR, seconds};

/// What is known of a site's orders. It is on disk before each order, so that a server that is started again and again
/// does not order each time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// The directory of the authority, and the names that were wanted; with others it counts no more.
    directory: String,
    pub(super) names: Vec<String>,
    /// Whether this authority has signed one for them.
    pub(super) is_issued: bool,
    /// When the last order was begun; this and all other times in seconds since 1970.
    last_order: Option<u64>,
    /// Not before then is there another one, after a failure.
    next_try: Option<u64>,
    /// When that was said.
    failed_at: Option<u64>,
    /// How many orders have failed since the last that has not.
    pub(super) failures: u32,
    pub(super) last_error: Option<String>,
    /// The names that the authority has refused, so that the certificate is for the others.
    pub(super) refused: Vec<String>,
    /// When the certificate is renewed, if the authority has said so.
    pub(super) renew_at: Option<u64>,
    /// When the authority is asked for that again.
    ask_at: Option<u64>,
}

/// What this program writes and reads.
const VERSION: u32 = 1;

impl Record {
    pub(super) fn new(directory: &str, names: &[String]) -> Self {
        Self { version: VERSION, directory: directory.to_owned(), names: names.to_vec(), ..Self::default() }
    }

    /// The record of these names at this authority. What cannot be read is as what is not there.
    pub(super) fn read(path: &Path, directory: &str, names: &[String]) -> Result<Self, Failure> {
        let Some(text) = read_if_there(path)? else { return Ok(Self::new(directory, names)) };
        check_version(path, &text, VERSION.into())?;
        match serde_json::from_str::<Self>(&text) {
            Ok(record) if record.directory == directory && record.names == names => Ok(record),
            Ok(_) => Ok(Self::new(directory, names)),
            Err(error) => {
                tracing::warn!(%error, "{} cannot be read, and is made anew", path.display());
                Ok(Self::new(directory, names))
            }
        }
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("its fields are texts and numbers")
    }

    /// An order begins.
    pub(super) fn begin(&mut self, now: SystemTime) {
        self.last_order = Some(seconds(now));
    }

    /// The earliest moment of another order. What lies too far ahead was written while the clock was wrong.
    pub(super) fn earliest(&self, now: SystemTime) -> u64 {
        let now = seconds(now);
        let after_last = self.last_order.filter(|last| *last <= now).map_or(0, |last| last + HOUR);
        let is_of_now = self.failed_at.is_none_or(|failed| failed <= now);
        let next = self.next_try.filter(|next| is_of_now && *next <= now + schedule::FARTHEST);
        let after_failure = next.unwrap_or(0); // it was none
        after_last.max(after_failure)
    }

    /// When the authority is asked when the certificate should be renewed; 0 if it never has been. What lies too far ahead
    /// was written while the clock was wrong.
    pub(super) fn ask_at(&self, now: SystemTime) -> u64 {
        let farthest = seconds(now) + schedule::FARTHEST;
        self.ask_at.filter(|at| *at <= farthest).unwrap_or(0) // never, or not by this clock
    }

    /// It has been asked, and may be asked again then.
    pub(super) fn asked(&mut self, again: u64) {
        self.ask_at = Some(again);
    }

    /// An order has failed, or could not be made. The authority may have said when it wants the next one.
    pub(super) fn fail(&mut self, failure: &Failure, quiet_until: Option<SystemTime>, now: SystemTime) {
        self.failures += 1;
        self.last_error = Some(failure.message.clone());
        // Those that a certificate was issued without are known until there is another one.
        if !failure.refused.is_empty() || !self.is_issued {
            self.refused.clone_from(&failure.refused);
        }
        let next = seconds(now) + schedule::back_off(self.failures, schedule::drawn());
        self.next_try = Some(quiet_until.map_or(next, |until| next.max(seconds(until))));
        self.failed_at = Some(seconds(now));
        self.ask_at = self.next_try;
    }

    /// An order has succeeded, but for these names.
    pub(super) fn succeed(&mut self, refused: Vec<String>, why: Option<String>, now: SystemTime) {
        self.is_issued = true;
        self.failures = if refused.is_empty() { 0 } else { self.failures + 1 };
        self.next_try =
            (!refused.is_empty()).then(|| seconds(now) + schedule::back_off(self.failures, schedule::drawn()));
        self.failed_at = self.next_try.map(|_| seconds(now));
        self.last_error = why;
        self.refused = refused;
        (self.renew_at, self.ask_at) = (None, None);
    }

    /// The next order is to be made now, whenever the last was.
    pub(super) fn renew(&mut self, now: SystemTime) {
        (self.last_order, self.next_try, self.ask_at) = (None, None, None);
        self.renew_at = Some(seconds(now));
    }

    /// The names that the certificate is for.
    pub(super) fn signed_names(&self) -> Vec<String> {
        self.names.iter().filter(|name| !self.refused.contains(name)).cloned().collect()
    }
}

/// The content of a file; `None` if it is not there.
pub(super) fn read_if_there(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::new(format!("{} cannot be read: {error}", path.display()))),
    }
}

/// What a newer program has written is left as it is.
pub(super) fn check_version(path: &Path, text: &str, version: u64) -> Result<(), Failure> {
    let content: Result<serde_json::Value, _> = serde_json::from_str(text);
    let found = content.ok().and_then(|content| content.get("version")?.as_u64()); // no JSON: not that of a newer program
    match found {
        Some(newer) if newer > version => Err(Failure::new(format!(
            "{} was written by a newer version of this program (its format is {newer}, this one knows {version}); update \
             the program, or move the file away",
            path.display()
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const DIRECTORY: &str = "https://ca.test/dir";

    fn names() -> Vec<String> {
        vec!["a.test".to_owned(), "b.test".to_owned()]
    }

    fn at(hours: f64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs_f64(hours * 3600.0)
    }

    fn failed(record: &Record, quiet_until: Option<SystemTime>, now: SystemTime) -> Record {
        let mut record = record.clone();
        record.begin(now);
        record.fail(&Failure::new("no".to_owned()), quiet_until, now);
        record
    }

    #[test]
    fn there_is_at_most_one_order_an_hour_and_less_and_less_after_failures() {
        let mut record = Record::new(DIRECTORY, &names());
        assert_eq!(record.earliest(at(1000.0)), 0, "the first is at once");
        let mut now = 1000.0;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            record = failed(&record, None, at(now));
            let next = record.earliest(at(now)) as f64 / 3600.0;
            pauses.push(next - now);
            now = next;
        }
        assert!(pauses.iter().all(|pause| *pause >= 1.0), "{pauses:?}");
        assert!(pauses[7] > 19.0 && pauses[7] < 29.0, "{pauses:?}");
    }

    #[test]
    fn the_names_that_an_order_was_refused_for_are_all_tried_again_after_another_failure_unless_a_certificate_lacks_them()
     {
        for (is_issued, known) in [(false, &[][..]), (true, &["b.test"])] {
            let mut record = failed(&Record::new(DIRECTORY, &names()), None, at(1000.0));
            record.is_issued = is_issued;
            let refused = Failure { refused: vec!["b.test".to_owned()], ..Failure::new("no".to_owned()) };
            record.fail(&refused, None, at(1001.0));
            assert_eq!(record.refused, ["b.test"]);
            record.fail(&Failure::new("no answer".to_owned()), None, at(1002.0));
            assert_eq!(record.refused, known);
        }
    }

    #[test]
    fn an_authority_that_says_when_is_obeyed() {
        let record = failed(&Record::new(DIRECTORY, &names()), Some(at(1100.0)), at(1000.0));
        assert_eq!(record.earliest(at(1000.0)), 1100 * 3600);
    }

    #[test]
    fn what_was_written_while_the_clock_was_a_year_ahead_does_not_hold_up_an_order() {
        let year = 365.0 * 24.0;
        let mut record = failed(&Record::new(DIRECTORY, &names()), None, at(1000.0 + year));
        assert_eq!(record.earliest(at(1000.0)), 0);
        record.asked(seconds(at(1000.0 + year)));
        assert_eq!(record.ask_at(at(1000.0)), 0, "nor a question");
        assert_eq!(record.ask_at(at(999.0 + year)), seconds(at(1000.0 + year)));
    }

    #[test]
    fn what_was_written_while_the_clock_was_a_day_ahead_does_not_hold_up_an_order_either() {
        let record = failed(&Record::new(DIRECTORY, &names()), None, at(1024.0));
        assert_eq!(record.earliest(at(1000.0)), 0);
        assert!(record.earliest(at(1024.0)) > seconds(at(1024.0)));
    }

    #[test]
    fn what_was_written_while_the_clock_was_a_year_behind_holds_up_nothing_either() {
        let year = 365.0 * 24.0;
        let record = failed(&Record::new(DIRECTORY, &names()), None, at(1000.0));
        assert!(record.earliest(at(1000.0 + year)) < seconds(at(1000.0 + year)));
    }

    #[test]
    fn it_is_the_same_after_a_restart_and_another_for_other_names_or_another_authority() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let record = failed(&Record::new(DIRECTORY, &names()), None, at(1000.0));
        std::fs::write(&path, record.text()).unwrap();
        assert_eq!(Record::read(&path, DIRECTORY, &names()).unwrap(), record);
        let other = Record::read(&path, "https://other.test/dir", &names()).unwrap();
        assert_eq!((other.failures, other.earliest(at(1000.0))), (0, 0));
        assert_eq!(Record::read(&path, DIRECTORY, &names()[..1]).unwrap().failures, 0);
    }

    #[test]
    fn one_that_is_cut_off_is_made_anew_and_one_of_a_newer_program_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let text = failed(&Record::new(DIRECTORY, &names()), None, at(1000.0)).text();
        for length in 0..text.len() {
            std::fs::write(&path, &text[..length]).unwrap();
            assert_eq!(Record::read(&path, DIRECTORY, &names()).unwrap().failures, 0, "{length}");
        }
        std::fs::write(&path, "{\"version\": 2, \"other\": true}").unwrap();
        let error = Record::read(&path, DIRECTORY, &names()).unwrap_err();
        assert!(error.message.contains("newer version"), "{}", error.message);
    }

    #[test]
    fn an_order_that_an_operator_asks_for_waits_for_nothing() {
        let mut record = failed(&Record::new(DIRECTORY, &names()), Some(at(1100.0)), at(1000.0));
        record.renew(at(1000.0));
        assert_eq!((record.earliest(at(1000.0)), record.renew_at), (0, Some(1000 * 3600)));
    }

    #[test]
    fn the_names_that_were_refused_are_tried_again_and_the_certificate_is_for_the_others() {
        let mut record = Record::new(DIRECTORY, &names());
        record.begin(at(1000.0));
        record.succeed(vec!["b.test".to_owned()], Some("no".to_owned()), at(1000.0));
        assert_eq!(record.signed_names(), ["a.test"]);
        assert!(record.earliest(at(1000.0)) >= 1001 * 3600);
    }
}
