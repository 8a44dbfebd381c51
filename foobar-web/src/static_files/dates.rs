use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::cache::Milliseconds;
use super::store::now;
use crate::file_source::{Blocking, DirEntry, FileState, Version};

/// Whether the times of a tree's files tell when they were changed.
///
/// Reproducible builds, Nix, Bazel and image layers give every file one and the same time, often one near 1970 or 1980:
/// the next content may have it too. How the times are spread over the tree is looked at when the first of them is in
/// doubt, and then again from time to time.
#[derive(Default)]
pub(super) struct Dates(Mutex<Option<Survey>>);

struct Survey {
    /// The time that the files have in common.
    common: Option<SystemTime>,
    looked: Milliseconds,
}

/// 3 January 1980. Archives without times have the 1st, which is the 2nd in some time zones; others have 1970.
const FIRST: Duration = Duration::from_secs(315_705_600);
/// Fewer files than these may have one time by chance.
const FEW: usize = 8;
/// The most entries of folders that are looked at.
const MOST: usize = 2048;
const VALID: Milliseconds = 10_000;

impl Dates {
    /// Whether a file's time tells when it was changed. `list` gives what lies in a folder, and how much of it at most;
    /// it may block. [`io::ErrorKind::WouldBlock`] where that has to be called and may not be.
    pub(super) fn believe(
        &self,
        state: &FileState,
        wait: Blocking,
        list: impl Fn(&[u8], usize) -> io::Result<Option<Vec<DirEntry>>>,
    ) -> io::Result<bool> {
        if let Some(certain) = certain(state) {
            return Ok(certain);
        }
        let mut known = match wait {
            Blocking::Forbidden => self.0.try_lock().map_err(|_| io::ErrorKind::WouldBlock)?, // somebody is looking
            Blocking::Allowed => self.0.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let now = now();
        let valid = known.take_if(|survey| now.saturating_sub(survey.looked) < VALID);
        let survey = match (valid, wait) {
            (Some(survey), _) => survey,
            (None, Blocking::Forbidden) => return Err(io::ErrorKind::WouldBlock.into()),
            (None, Blocking::Allowed) => Survey { common: common(list), looked: now },
        };
        Ok(known.insert(survey).believes(state))
    }

    /// The same as far as it is known without a look.
    pub(super) fn recall(&self, state: &FileState) -> Option<bool> {
        certain(state).or_else(|| Some(self.0.try_lock().ok()?.as_ref()?.believes(state))) // somebody is looking
    }

    /// The tree has become another one.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Survey {
    fn believes(&self, state: &FileState) -> bool {
        self.common != Some(state.modified)
    }
}

/// What is known of one file alone. Where the time of the content is that of the inode, this machine's clock wrote both.
fn certain(state: &FileState) -> Option<bool> {
    if state.modified < SystemTime::UNIX_EPOCH + FIRST {
        return Some(false);
    }
    match state.version {
        Version::Inode { changed, .. } if changed != state.modified => None,
        Version::Inode { .. } | Version::Hash(_) => Some(true),
    }
}

/// The time that all files have but a few, which may have been written into the folder when the program was started.
fn common(list: impl Fn(&[u8], usize) -> io::Result<Option<Vec<DirEntry>>>) -> Option<SystemTime> {
    let times = times(list);
    let all: usize = times.values().sum();
    let (time, files) = times.into_iter().max_by_key(|(_, files)| *files)?;
    (files >= FEW && files * 10 >= all * 9).then_some(time)
}

/// How many files have which time, from the top down, without what is hidden.
fn times(list: impl Fn(&[u8], usize) -> io::Result<Option<Vec<DirEntry>>>) -> HashMap<SystemTime, usize> {
    let (mut times, mut left) = (HashMap::new(), MOST);
    let mut folders = VecDeque::from([Vec::new()]);
    while let Some(folder) = folders.pop_front().filter(|_| left > 0) {
        let Ok(Some(listed)) = list(&folder, left) else { continue }; // gone, or not to be read: nothing of it is served
        left -= listed.len().min(left);
        for entry in listed.iter().filter(|entry| !entry.name.as_bytes().starts_with(b".")) {
            match (entry.directory, entry.modified) {
                (true, _) if folder.is_empty() => folders.push_back(entry.name.as_bytes().to_owned()),
                (true, _) => folders.push_back([&folder, &b"/"[..], entry.name.as_bytes()].concat()),
                (false, Some(time)) => *times.entry(time).or_default() += 1,
                (false, None) => {}
            }
        }
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// A file whose time somebody has set.
    fn state(seconds: u64) -> FileState {
        let version = Version::Inode { device: 1, number: 2, changed: at(seconds + 1) };
        FileState { size: 1, modified: at(seconds), version }
    }

    /// Whether the first of these times is believed, in a folder within the top that holds files of all of them.
    fn is_believed(times: &[u64]) -> bool {
        let list = |folder: &[u8], _: usize| {
            let file = |time: &u64| listed("f", Some(*time));
            Ok(match folder {
                b"" => Some(vec![listed("a", None)]),
                b"a" => Some(vec![listed("b", None)]),
                b"a/b" => Some(times.iter().map(file).collect()),
                _ => None,
            })
        };
        Dates::default().believe(&state(times[0]), Blocking::Allowed, list).unwrap()
    }

    fn listed(name: &str, time: Option<u64>) -> DirEntry {
        DirEntry { name: name.into(), directory: time.is_none(), size: 1, modified: time.map(at) }
    }

    #[test]
    fn no_time_up_to_the_second_of_january_1980_is_believed() {
        for (seconds, expected) in
            [(0, false), (1, false), (315_532_800, false), (315_705_599, false), (315_705_600, true)]
        {
            assert_eq!(is_believed(&[seconds]), expected, "{seconds}");
        }
    }

    #[test]
    fn a_time_that_at_least_eight_files_and_nearly_all_have_is_not_believed() {
        const T: u64 = 1_700_000_000;
        for (same, others, expected) in
            [(7, 0, true), (8, 0, false), (8, 1, true), (9, 1, false), (18, 2, false), (17, 2, true)]
        {
            let times: Vec<u64> = std::iter::repeat_n(T, same).chain((1..=others).map(|other| T + other)).collect();
            assert_eq!(is_believed(&times), expected, "{same} and {others}");
        }
    }

    #[test]
    fn a_time_that_the_clock_of_this_machine_has_written_is_believed_whatever_others_have_it() {
        let mut state = state(1_700_000_000);
        state.version = Version::Inode { device: 1, number: 2, changed: state.modified };
        let list = |_: &[u8], _: usize| -> io::Result<Option<Vec<DirEntry>>> { panic!("nobody has to look") };
        assert!(Dates::default().believe(&state, Blocking::Forbidden, list).unwrap());
    }

    #[test]
    fn a_worker_does_not_look_and_recalls_what_was_seen_until_the_tree_is_another() {
        let (dates, state) = (Dates::default(), state(1_700_000_000));
        let list = |_: &[u8], _: usize| Ok(Some(vec![listed("f", Some(1_700_000_000)); 8]));
        let would_block = |dates: &Dates| dates.believe(&state, Blocking::Forbidden, list).is_err();
        assert!(would_block(&dates) && dates.recall(&state).is_none());
        assert!(!dates.believe(&state, Blocking::Allowed, list).unwrap());
        assert!(!would_block(&dates));
        assert_eq!(dates.recall(&state), Some(false));
        dates.forget();
        assert!(would_block(&dates) && dates.recall(&state).is_none());
    }
}
