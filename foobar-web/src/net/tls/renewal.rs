use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use super::config::Tls;

/// The time between two looks at the files of certificates.
const LOOK: Duration = Duration::from_millis(500);
/// Looking takes at most one part in so many of a thread's time, however many files there are.
const SHARE: u32 = 50;

/// Looks at the files of all certificates again and again, uses what has changed, and says what has expired, until the other end of the channel
/// is dropped. It looks itself, as the system tells of no change behind links and on a network, and certificates mostly
/// lie behind links.
pub(crate) fn renew(tls: &Tls, until: &Receiver<()>) {
    let mut pause = LOOK;
    while let Err(RecvTimeoutError::Timeout) = until.recv_timeout(pause) {
        let begun = Instant::now();
        tls.refresh();
        tls.tell_expired(SystemTime::now());
        pause = LOOK.max(begun.elapsed() * SHARE);
    }
}
