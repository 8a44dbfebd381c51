use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::account::{FOLDER, hash};
use super::failure::Failure;
use super::record::read_if_there;
use super::schedule::{FARTHEST, HOUR, seconds};
use crate::AcmeSettings;
use crate::issuer::state_folder::StateFolder;

/// When orders were begun with an account in the last hours, and until when its authority wants to be left alone. Authorities
/// sign so many and no more: Let's Encrypt takes 300 in three hours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    /// Seconds since 1970, the first first.
    begun: Vec<u64>,
    /// Until when the authority wants to be left alone, if it has said so.
    quiet_until: Option<u64>,
}

impl Orders {
    /// Each account has a file of its own.
    pub(super) fn path(folder: &StateFolder, acme: &AcmeSettings) -> PathBuf {
        folder.path(FOLDER, &format!("orders-{}", hash(acme)))
    }

    /// A line that is none of its own is as one that is not there.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = read_if_there(path)?.unwrap_or_default(); // there has been none
        let begun = text.lines().filter_map(|line| line.parse().ok()).collect();
        let quiet_until = text.lines().filter_map(|line| line.strip_prefix(QUIET)?.parse().ok()).next_back();
        Ok(Self { begun, quiet_until })
    }

    pub(super) fn text(&self) -> String {
        let begun = self.begun.iter().map(|begun| format!("{begun}\n"));
        begun.chain(self.quiet_until.map(|until| format!("{QUIET}{until}\n"))).collect()
    }

    /// Until when the authority is asked nothing. What lies too far ahead was written while the clock was wrong.
    pub(super) fn quiet_until(&self, now: SystemTime) -> u64 {
        self.quiet_until.filter(|until| *until <= seconds(now) + FARTHEST).unwrap_or(0) // it does not mind
    }

    /// The authority wants to be left alone until then; whether that is new.
    pub(super) fn be_quiet(&mut self, until: SystemTime) -> bool {
        self.quiet_until.replace(seconds(until)) != Some(seconds(until))
    }

    /// The earliest moment of another one.
    pub(super) fn earliest(&self, now: SystemTime) -> u64 {
        self.in_window(now).max(self.quiet_until(now))
    }

    fn in_window(&self, now: SystemTime) -> u64 {
        let now = seconds(now);
        let recent: Vec<u64> = self.begun.iter().copied().filter(|begun| is_recent(*begun, now)).collect();
        recent.len().checked_sub(MOST).map_or(0, |over| recent[over] + WINDOW)
    }

    /// Another one begins.
    pub(super) fn begin(&mut self, now: SystemTime) {
        let now = seconds(now);
        self.begun.retain(|begun| is_recent(*begun, now));
        self.begun.push(now);
    }
}

/// What lies ahead was written while the clock was wrong.
fn is_recent(begun: u64, now: u64) -> bool {
    begun <= now && now < begun + WINDOW
}

/// Begins the line that says until when the authority wants to be left alone.
const QUIET: &str = "quiet until ";
/// Fewer than an authority takes, which has another clock, and of which another program may want some.
const MOST: usize = 250;
const WINDOW: u64 = 3 * HOUR;

#[cfg(test)]
mod tests {
    use super::super::record::Record;
    use super::super::schedule::{DAY, renewal};
    use super::*;
    use std::time::Duration;

    fn at(time: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(time)
    }

    #[test]
    fn a_further_order_waits_until_the_first_of_so_many_is_three_hours_ago() {
        let mut orders = Orders::default();
        for number in 0..MOST as u64 {
            assert_eq!(orders.earliest(at(1_000_000 + number)), 0);
            orders.begin(at(1_000_000 + number));
        }
        assert_eq!(orders.earliest(at(1_000_300)), 1_000_000 + WINDOW);
        assert_eq!(orders.earliest(at(1_000_000 + WINDOW)), 0);
        assert_eq!(orders.earliest(at(900_000)), 0, "the clock was ahead");
    }

    #[test]
    fn they_are_the_same_after_a_restart_and_old_ones_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders");
        assert_eq!(Orders::read(&path).unwrap(), Orders::default());
        let mut orders = Orders::default();
        [1_000_000, 1_000_001, 1_000_000 + WINDOW].iter().for_each(|time| orders.begin(at(*time)));
        assert_eq!(orders.begun, [1_000_001, 1_000_000 + WINDOW]);
        std::fs::write(&path, orders.text() + "damaged\n").unwrap();
        assert_eq!(Orders::read(&path).unwrap(), orders);
    }

    #[test]
    fn an_authority_that_wants_to_be_left_alone_is_after_a_restart_too_and_not_for_longer_than_it_may_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders");
        let mut orders = Orders::default();
        orders.begin(at(1_000_000));
        assert!(orders.be_quiet(at(1_003_600)) && !orders.be_quiet(at(1_003_600)));
        std::fs::write(&path, orders.text()).unwrap();
        let read = Orders::read(&path).unwrap();
        assert_eq!((&read, read.earliest(at(1_000_010))), (&orders, 1_003_600));
        orders.be_quiet(at(1_000_000 + 9 * DAY));
        assert_eq!(orders.earliest(at(1_000_000)), 0, "the clock was ahead");
    }

    #[test]
    fn a_file_that_is_cut_off_holds_what_is_whole_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders");
        let mut orders = Orders::default();
        orders.begin(at(1_000_000));
        orders.be_quiet(at(1_003_600));
        let text = orders.text();
        for length in 0..text.len() {
            std::fs::write(&path, &text[..length]).unwrap();
            let earliest = Orders::read(&path).unwrap().earliest(at(1_000_010));
            assert!(earliest <= 1_003_600, "{length}: {earliest}");
        }
    }

    /// A site of the simulation, by its record and the end of its certificate.
    struct Site {
        record: Record,
        life: Option<(u64, u64)>,
        due: u64,
    }

    impl Site {
        /// It gets a certificate, which lives so many days.
        fn renew(&mut self, days: u64, now: u64) {
            self.record.begin(at(now));
            self.record.succeed(Vec::new(), None, at(now));
            let life = (now - HOUR, now - HOUR + days * DAY);
            self.due = renewal(life.0, life.1).max(self.record.earliest(at(now)));
            self.life = Some(life);
        }
    }

    /// A thousand sites for a hundred days, whose certificates live so many days: when orders were made.
    fn simulate(days: u64) -> Vec<u64> {
        let names = |number: usize| vec![format!("n{number}.test")];
        let site = |number| Site { record: Record::new("https://ca.test/dir", &names(number)), life: None, due: 0 };
        let mut sites: Vec<Site> = (0..1000).map(site).collect();
        let (begin, mut orders, mut made) = (20_000 * DAY, Orders::default(), Vec::new());
        let mut now = begin;
        while now < begin + 100 * DAY {
            for site in &mut sites {
                if site.due > now || orders.earliest(at(now)) > now {
                    continue;
                }
                assert!(site.life.is_none_or(|(_, to)| now < to), "one has expired");
                orders.begin(at(now));
                site.renew(days, now);
                made.push(now);
                now += 2; // that long takes an order
            }
            now += 1200;
        }
        assert!(sites.iter().all(|site| site.life.is_some_and(|(_, to)| now < to)));
        made
    }

    #[test]
    fn a_thousand_names_are_renewed_in_time_and_within_the_limits_of_an_authority() {
        for (days, each) in [(90, 2), (45, 4), (6, 34)] {
            let made = simulate(days);
            let most = made
                .iter()
                .enumerate()
                .map(|(index, begun)| made[index..].iter().take_while(|later| **later < begun + 3 * HOUR).count());
            assert!(most.max().unwrap() <= 300, "{days} days");
            let found = made.len() / 1000;
            assert!((each - each / 10..=each).contains(&found), "{days} days: {found}");
            assert!(made[999] < made[0] + 12 * HOUR, "the first certificates are there within half a day");
        }
    }
}
