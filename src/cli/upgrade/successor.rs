use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::descriptors;
use super::error::UpgradeError;
use super::letter::{Letter, VARIABLE};
use super::words::Words;

/// How a program is started: as this one was.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<OsString>,
}

/// A program that is to take the place of this one. It accepts no connection before it is told to.
pub(super) struct Successor {
    pub(super) process: u32,
    ending: Ending,
    /// Once it serves.
    serving: Option<Child>,
    channel: UnixStream,
    words: Words,
}

/// What one says that serves.
pub(super) struct Serving {
    /// Whether it has taken the control socket.
    pub(super) hears_orders: bool,
    /// The addresses of sockets that it was given and has closed.
    pub(super) without: Vec<String>,
}

/// Ends a new program, unless it has been told to serve.
#[derive(Clone)]
pub(super) struct Ending(Arc<Mutex<Option<Child>>>);

/// What the two say to each other, each in a line.
pub(super) const READY: &str = "ready";
pub(super) const GO: &str = "go";
pub(super) const SERVING: &str = "serving";
/// The same of one that has taken the control socket.
pub(super) const SERVING_AND_HEARING: &str = "serving and hearing";

/// Before it, in a line of its own, each address that it has a socket of and does not serve: it has closed that.
pub(super) const WITHOUT: &str = "without ";

/// The longest line: the path of a Unix socket has a hundred bytes.
const LONGEST: usize = 200;
/// The most addresses of which this is remembered.
const MOST: usize = 1000;
/// How long a program may take to serve once it is ready and has been told to.
pub(super) const TURN_TIME: Duration = Duration::from_secs(60);
/// How long one may take to end that has closed the channel.
const END_TIME: Duration = Duration::from_secs(1);

/// What a new program inherits.
pub(super) struct Inheritance {
    pub(super) letter: Letter,
    pub(super) descriptors: Vec<OwnedFd>,
}

impl Successor {
    /// Starts it. May block.
    pub(super) fn start(program: &Program, inheritance: Inheritance) -> Result<Self, UpgradeError> {
        let Inheritance { mut letter, mut descriptors } = inheritance;
        let (channel, other) = UnixStream::pair().map_err(UpgradeError::Sockets)?;
        let standard_error = io::stderr().as_fd().try_clone_to_owned().map_err(UpgradeError::Sockets)?;
        letter.channel = other.as_raw_fd();
        letter.standard_error = standard_error.as_raw_fd();
        descriptors.extend([other.into(), standard_error]);
        let mut command = Command::new(&program.path);
        command.args(&program.arguments).stderr(Stdio::piped()).env(VARIABLE, letter.to_text());
        for of_this_process in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"] {
            command.env_remove(of_this_process);
        }
        command.process_group(0); // what it starts can be ended with it
        descriptors::pass_on(&mut command, descriptors);
        let failed = |source| UpgradeError::Start { program: program.path.clone(), source };
        let mut child = command.spawn().map_err(failed)?;
        drop(command); // with it the other end of the channel
        let process = child.id();
        let stderr = child.stderr.take().ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        let ending = Ending(Arc::new(Mutex::new(Some(child))));
        match Words::of(stderr) {
            Ok(words) => Ok(Self { process, ending, serving: None, channel, words }),
            Err(error) => {
                ending.end();
                Err(failed(error))
            }
        }
    }

    pub(super) fn ending(&self) -> Ending {
        self.ending.clone()
    }

    /// Waits until it is ready; one that is not is ended. Blocks.
    pub(super) fn until_ready(&self, time: Duration) -> Result<(), UpgradeError> {
        let said = self.hear(Instant::now() + time);
        match said.as_deref() {
            Ok(READY) => Ok(()),
            Ok(said) => {
                let said = said.to_owned();
                let status = self.ending.wait(END_TIME);
                match (status, said.is_empty()) {
                    (None, _) => Err(UpgradeError::Stopped),
                    (Some(status), true) => Err(UpgradeError::Ended { status, words: self.words.last() }),
                    (Some(_), false) => Err(UpgradeError::Garbage { said, expected: READY }),
                }
            }
            Err(_elapsed) => {
                self.ending.wait(Duration::ZERO);
                Err(UpgradeError::Late { within: time, words: self.words.last() })
            }
        }
    }

    /// Tells it to serve, and waits until it does; from then on it is no longer ended from here. Blocks.
    pub(super) fn serve(&mut self, time: Duration) -> Result<Serving, UpgradeError> {
        let mut child = self.ending.child().take().ok_or(UpgradeError::Stopped)?;
        let told = self.channel.write_all(format!("{GO}\n").as_bytes());
        let (deadline, mut without) = (Instant::now() + time, Vec::new());
        let mut said = told.and_then(|()| self.hear(deadline));
        while let Some(address) = said.as_ref().ok().and_then(|said| said.strip_prefix(WITHOUT)) {
            if without.len() < MOST {
                without.push(address.to_owned()); // those beyond are closed at the end
            }
            said = self.hear(deadline);
        }
        if let Ok(said @ (SERVING | SERVING_AND_HEARING)) = said.as_deref() {
            self.words.pass_on();
            self.serving = Some(child);
            return Ok(Serving { hears_orders: said == SERVING_AND_HEARING, without });
        }
        let status = end_group(&mut child).map_err(UpgradeError::Sockets)?;
        match said {
            Ok(said) if !said.is_empty() => Err(UpgradeError::Garbage { said, expected: SERVING }),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Err(UpgradeError::LateTurn { within: time, words: self.words.last() })
            }
            _ => Err(UpgradeError::EndedServing { status, words: self.words.last() }),
        }
    }

    /// That it has ended since it said that it serves: this program goes on then.
    pub(super) fn check(&mut self) -> Result<(), UpgradeError> {
        let Some(child) = self.serving.as_mut().filter(|child| has_ended(child)) else { return Ok(()) };
        let status = end_group(child).map_err(UpgradeError::Sockets)?;
        Err(UpgradeError::EndedServing { status, words: self.words.last() })
    }

    /// Where it is told how the end of this process goes on.
    pub(super) fn into_channel(self) -> UnixStream {
        self.channel
    }

    /// A line, or what there is of one where it ended; nothing where it said nothing.
    fn hear(&self, deadline: Instant) -> io::Result<String> {
        let mut line = Vec::new();
        while line.len() < LONGEST {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.channel.set_read_timeout(Some(left))?;
            let mut byte = [0];
            match (&self.channel).read(&mut byte) {
                Ok(0) => break,
                Ok(_) if byte == *b"\n" => break,
                Ok(_) => line.extend(byte),
                Err(error) if [io::ErrorKind::Interrupted, io::ErrorKind::WouldBlock].contains(&error.kind()) => {}
                Err(_reset) => break,
            }
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

/// Whether it has, of a child that is not waited for yet: its number is still its own.
fn has_ended(child: &Child) -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(Pid::from_child(child)), look), Ok(None))
}

/// Ends a child with all that it has started: whatever is left has the listening sockets too.
fn end_group(child: &mut Child) -> io::Result<ExitStatus> {
    _ = kill_process_group(Pid::from_child(child), Signal::KILL); // before its number is another one's; all may have ended
    child.wait()
}

impl Ending {
    /// Ends it at once; `false` where it has been told to serve, or is ended elsewhere.
    pub(super) fn end(&self) -> bool {
        self.wait(Duration::ZERO).is_some()
    }

    /// Ends it once this time is over, if it has not ended by then; `None` where somebody else has.
    fn wait(&self, time: Duration) -> Option<ExitStatus> {
        let mut child = self.child().take()?;
        let deadline = Instant::now() + time;
        while !has_ended(&child) && Instant::now() < deadline {
            thread::park_timeout(Duration::from_millis(5));
        }
        end_group(&mut child).ok() // of a child that is there it is known
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell in the place of a new program, which has been told to serve; one for descriptors of two digits.
    fn told_to_serve(script: &str, time: Duration) -> (Successor, Result<Serving, UpgradeError>) {
        let channel = "channel=${FOOBAR_UPGRADE#*channel=}; channel=${channel%% *}; eval \"read -r line <&$channel\"";
        let arguments = vec!["-c".into(), format!("{channel}; {script}").into()];
        let program = Program { path: "/bin/bash".into(), arguments };
        let inheritance = Inheritance { letter: Letter::default(), descriptors: Vec::new() };
        let mut successor = Successor::start(&program, inheritance).unwrap();
        let serving = successor.serve(time);
        (successor, serving)
    }

    #[test]
    fn a_program_that_ends_at_once_after_it_has_said_that_it_serves_is_known_to_have() {
        let (mut successor, serving) = told_to_serve("eval \"echo serving >&$channel\"; exit 3", TURN_TIME);
        assert!(serving.is_ok());
        let child = Pid::from_child(successor.serving.as_ref().unwrap());
        waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
        let error = successor.check().unwrap_err();
        assert!(matches!(error, UpgradeError::EndedServing { status, .. } if status.code() == Some(3)), "{error}");
    }

    #[test]
    fn a_program_that_does_not_take_its_turn_is_said_to_be_late_and_not_to_have_ended() {
        let (_successor, serving) = told_to_serve("exec sleep 600", Duration::from_millis(100));
        let Err(error) = serving else { panic!("it serves") };
        let told = error.to_string();
        assert!(
            told.starts_with("the new program was ready, did not serve within 100ms after it was told to"),
            "{told}"
        );
    }

    #[test]
    fn a_program_that_ends_when_it_is_its_turn_is_not_said_to_have_ended_before_it_was_ready() {
        let (_successor, serving) = told_to_serve("exit 4", TURN_TIME);
        let Err(error) = serving else { panic!("it serves") };
        assert_eq!(error.to_string(), "the new program ended (exit status: 4) after it was told to serve");
    }

    #[test]
    fn a_program_that_closes_more_addresses_than_are_remembered_serves() {
        let each = "i=0; while [ $i -le 1000 ]; do echo \"without unix:$i\"; i=$((i + 1)); done";
        let (_successor, serving) =
            told_to_serve(&format!("eval \"exec >&$channel\"; {each}; echo serving"), TURN_TIME);
        assert_eq!(serving.unwrap().without.len(), MOST);
    }
}
