use std::io::{Read, Write};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What a new program writes to its standard error until it serves: the last of it is why it does not.
#[derive(Clone, Default)]
pub(super) struct Words(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    text: Vec<u8>,
    /// Whether it goes to the standard error of this process.
    is_passed_on: bool,
    has_ended: bool,
}

/// Bytes that are remembered.
const MOST: usize = 16 << 10;
/// Bytes of them that are told where the program has failed.
const TOLD: usize = 2 << 10;
/// How long the words of a program that has ended may take to come.
const LAST: Duration = Duration::from_secs(1);

impl Words {
    /// Listens until the end.
    pub(super) fn of(mut stderr: ChildStderr) -> std::io::Result<Self> {
        let words = Self::default();
        let heard = words.clone();
        thread::Builder::new().name("foobar-upgrade".to_owned()).spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut buffer) {
                heard.add(&buffer[..length]);
            }
            heard.heard().has_ended = true;
        })?;
        Ok(words)
    }

    /// What has been said, and all that comes, goes to the standard error of this process.
    pub(super) fn pass_on(&self) {
        let mut heard = self.heard();
        write(&heard.text);
        heard.is_passed_on = true;
    }

    /// The last of what a program has said that has ended, in one line.
    pub(super) fn last(&self) -> String {
        let deadline = Instant::now() + LAST;
        while !self.heard().has_ended && Instant::now() < deadline {
            thread::park_timeout(Duration::from_millis(5));
        }
        let heard = self.heard();
        let text = String::from_utf8_lossy(&heard.text[heard.text.len().saturating_sub(TOLD)..]);
        let lines = text.lines().map(|line| line.trim().replace(|letter: char| letter.is_control(), "?"));
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" / ")
    }

    fn add(&self, said: &[u8]) {
        let mut heard = self.heard();
        if heard.is_passed_on {
            return write(said);
        }
        heard.text.extend_from_slice(said);
        let excess = heard.text.len().saturating_sub(MOST);
        heard.text.drain(..excess);
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

fn write(said: &[u8]) {
    drop(std::io::stderr().write_all(said)); // nobody is left to tell
}
