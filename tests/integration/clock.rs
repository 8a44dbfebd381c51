//! The clock that `tests/stress` sets for the programs of the tests.

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::time_of_files;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn a_clock_that_was_set_is_that_of_this_program_alone() {
    let Ok(set) = std::env::var("FOOBAR_CLOCK") else { return println!("no clock was set") };
    let real = time_of_files();
    let set = seconds(&set);
    assert!(is_near(SystemTime::now(), set) && !is_near(real, set), "{set:?} was set, it is {real:?}");
    let date = Command::new("date").arg("+%s").output().unwrap();
    let elsewhere = seconds(str::from_utf8(&date.stdout).unwrap());
    assert!(is_near(elsewhere, real), "{elsewhere:?} in another program, it is {real:?}");
}

/// So many seconds after 1970.
fn seconds(text: &str) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(text.trim().parse().unwrap())
}

fn is_near(one: SystemTime, other: SystemTime) -> bool {
    let apart = one.duration_since(other).unwrap_or_else(|error| error.duration()); // either may be the earlier
    apart < HOUR
}
