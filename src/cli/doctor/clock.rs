use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::report::{Report, Topic};
use crate::cli::calendar;

/// Without a clock that is roughly right, certificates are not valid and browsers keep pages for too long or not at all.
pub(super) fn examine(report: &mut Report) {
    let now = now();
    let date = calendar::day(now);
    match is_sane(now) {
        true => report.ok(Topic::Clock, format_args!("the date is {date} (UTC)")),
        false => report.problem(
            Topic::Clock,
            format_args!("the date is {date} (UTC), which cannot be: set the clock, or let NTP do so (`timedatectl`)"),
        ),
    }
}

/// Against the times at which this program, these files and those of the state folder were written: none lies ahead.
pub(super) fn compare_with_files(report: &mut Report, files: Vec<PathBuf>, state: Option<&Path>) {
    let state = state.unwrap_or(Path::new("state")); // the default
    let of_state = ["acme", "internal"].into_iter().flat_map(|folder| files_of(&state.join(folder)));
    let all = files.into_iter().chain(of_state).chain(std::env::current_exe().ok()); // a program may not know itself
    let written = all.filter_map(|file| Some((written(&file)?, file)));
    let Some((newest, file)) = written.max() else { return };
    if is_ahead(newest, now()) {
        let (today, day) = (calendar::day(now()), calendar::day(newest));
        let text = format_args!(
            "the date is {today} (UTC), and {} was written on {day}: set the clock, or let NTP do so (`timedatectl`)",
            file.display()
        );
        report.problem(Topic::Clock, text);
    }
}

fn files_of(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten(); // there may be none
    entries.filter_map(Result::ok).map(|entry| entry.path()).take(MOST_FILES)
}

/// In seconds since 1970; `None` if it is not there.
fn written(file: &Path) -> Option<i64> {
    let time = std::fs::metadata(file).and_then(|file| file.modified()).ok()?; // told elsewhere
    Some(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())) // 1970 at least
}

/// By more than file systems of other machines differ.
const fn is_ahead(written: i64, now: i64) -> bool {
    written > now + 86_400
}

/// More are not looked at.
const MOST_FILES: usize = 1000;

/// Against that of the database's server: seconds since 1970.
pub(super) fn compare(report: &mut Report, server: i64) {
    let ahead = now() - server;
    match ahead.unsigned_abs() {
        0..=TOLERATED => report.ok(Topic::Clock, "the database's clock is the same"),
        _ => report.warning(
            Topic::Clock,
            format_args!(
                "this machine's clock is {} s {} that of the database: let NTP set both (`timedatectl`)",
                ahead.unsigned_abs(),
                if ahead > 0 { "ahead of" } else { "behind" }
            ),
        ),
    }
}

/// In seconds: more than the time of an answer, and than what NTP leaves.
const TOLERATED: u64 = 5;

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed()) // before: told as 1970
}

/// After this was written, and before certificates of today could make any sense.
const fn is_sane(seconds: i64) -> bool {
    const YEAR_2025: i64 = 1_735_689_600;
    const YEAR_2100: i64 = 4_102_444_800;
    YEAR_2025 <= seconds && seconds < YEAR_2100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_that_cannot_be_is_none() {
        for (seconds, expected) in [(0, false), (1_704_067_200, false), (1_767_225_600, true), (4_102_444_800, false)] {
            assert_eq!(is_sane(seconds), expected, "{}", calendar::day(seconds));
        }
    }
}
