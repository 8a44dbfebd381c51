use std::io::{self, PipeReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use foobar_core::{BoxError, BoxFuture};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::kept::DnsAnswers;
use crate::{AcmeSettings, Error};

/// A program that sets records in the DNS: `PROGRAM set NAME VALUE`, then `PROGRAM clear NAME VALUE`.
#[derive(Debug)]
pub(super) struct DnsHook {
    /// Where it is named.
    key: String,
    program: PathBuf,
    patience: Duration,
}

impl DnsHook {
    /// That of the settings, if there is one; `key` is the issuer's.
    pub(super) fn of(key: &str, settings: &AcmeSettings) -> Result<Option<Self>, Error> {
        let Some(program) = settings.dns_hook.clone() else { return Ok(None) };
        let key = format!("{key}.dns_hook");
        if !is_there(&program) {
            let message = format!(
                "there is no program {}; name one that this server may run, by its whole path",
                program.display()
            );
            return Err(Error::setting(key, message));
        }
        Ok(Some(Self { key, program, patience: *settings.dns_hook_timeout }))
    }

    async fn call(&self, verb: &'static str, name: &str, value: &str) -> Result<(), BoxError> {
        let mut command = Command::new(&self.program);
        command.args([verb, name, value]).env_clear();
        command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        let patience = self.patience;
        let ended = tokio::task::spawn_blocking(move || run(command, patience)).await?;
        let failed = |why| {
            let program = self.program.display();
            format!("`{}`: {program} {verb} {name}: {why}; run it by hand with these words", self.key).into()
        };
        ended.map_err(failed)
    }
}

impl DnsAnswers for DnsHook {
    fn covers(&self, _name: &str) -> bool {
        true // it says so itself when it is asked to
    }

    fn set<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(self.call("set", name, value))
    }

    fn clear<'a>(&'a self, name: &'a str, value: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(self.call("clear", name, value))
    }
}

/// Whether the system would find it, and run it.
fn is_there(program: &Path) -> bool {
    let may_run =
        |path: PathBuf| path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    if program.components().count() > 1 {
        return may_run(program.to_owned());
    }
    let folders = std::env::var_os("PATH").unwrap_or_default(); // without it there is none
    std::env::split_paths(&folders).any(|folder| may_run(folder.join(program)))
}

/// Runs it to its end; why it has not done what it should.
fn run(mut command: Command, patience: Duration) -> Result<(), String> {
    let cannot_start = |error: io::Error| format!("it cannot be started: {error}");
    let (output, writer) = io::pipe().map_err(cannot_start)?;
    command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(cannot_start)?).stderr(writer).process_group(0);
    let child = command.spawn().map_err(cannot_start)?;
    drop(command); // it would hold the pipe open
    let mut running = Running { child, output: Some(output), said: Vec::new() };
    match running.wait(Instant::now() + patience) {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(format!("it has failed ({status}){}", running.said())),
        Ok(None) => Err(format!("it has not ended within {patience:?}, and was killed{}", running.said())),
        Err(error) => Err(format!("it cannot be waited for: {error}")),
    }
}

/// A program with what it has printed.
struct Running {
    child: Child,
    /// `None` after its end.
    output: Option<PipeReader>,
    said: Vec<u8>,
}

impl Running {
    /// Waits for its end; `None` if it was killed then, as that was too late.
    fn wait(&mut self, until: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            let status = self.child.try_wait()?;
            self.read()?;
            if status.is_some() {
                return Ok(status);
            }
            if Instant::now() >= until {
                let group = Pid::from_child(&self.child); // with what it has started itself
                kill_process_group(group, Signal::KILL).or_else(|_| self.child.kill())?;
                self.child.wait()?;
                return Ok(None);
            }
        }
    }

    /// Reads what is there, or waits a little for it. It is not written to memory without end.
    fn read(&mut self) -> io::Result<()> {
        let tick = Timespec { tv_sec: 0, tv_nsec: TICK.subsec_nanos().into() };
        let Some(output) = &mut self.output else {
            poll(&mut [], Some(&tick))?;
            return Ok(());
        };
        if poll(&mut [PollFd::new(output, PollFlags::IN)], Some(&tick))? > 0 {
            let mut room = [0; 4096];
            let length = output.read(&mut room)?;
            self.said.extend_from_slice(&room[..length.min(MOST - self.said.len())]);
            if length == 0 {
                self.output = None;
            }
        }
        Ok(())
    }

    /// The end of an error.
    fn said(&self) -> String {
        let said = String::from_utf8_lossy(&self.said);
        let words: Vec<&str> = said.split_whitespace().collect();
        if words.is_empty() { String::new() } else { format!(": {}", words.join(" ")) }
    }
}

/// What it may print; the rest is not kept.
const MOST: usize = 2048;
/// How often is looked whether it has ended.
const TICK: Duration = Duration::from_millis(20);
/// What it is told of the environment: that may hold secrets of this server.
const PASSED_ON: [&str; 5] = ["PATH", "HOME", "USER", "LANG", "TZ"];

#[cfg(test)]
mod tests {
    use super::*;

    /// What a hook says of itself whose shell does this.
    fn result(script: &str, patience: Duration) -> Result<(), String> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        run(command, patience)
    }

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn one_that_fails_is_quoted_with_what_it_has_printed() {
        assert_eq!(result("echo done", PATIENCE), Ok(()));
        let error = result("echo no such zone; echo really >&2; exit 3", PATIENCE).unwrap_err();
        assert_eq!(error, "it has failed (exit status: 3): no such zone really");
        let error = run(Command::new("/no/such/program"), PATIENCE).unwrap_err();
        assert!(error.starts_with("it cannot be started: No such file"), "{error}");
    }

    #[test]
    fn one_that_hangs_is_killed_with_what_it_has_started() {
        let error = result("echo begun; sleep 3600 & sleep 3600", Duration::from_millis(1)).unwrap_err();
        assert!(error.starts_with("it has not ended within 1ms, and was killed"), "{error}");
    }

    #[test]
    fn one_that_prints_without_end_is_killed_and_little_is_kept() {
        let error =
            result("while :; do echo ------------------------------------------------; done", TICK).unwrap_err();
        assert!(error.contains("was killed") && error.len() < MOST + 100, "{error}");
    }

    #[test]
    fn one_that_leaves_a_program_behind_has_ended() {
        assert_eq!(result("sleep 100 & exit 0", PATIENCE), Ok(()));
    }

    #[test]
    fn one_that_closes_its_output_is_waited_for() {
        assert!(result("exec >&- 2>&-; kill -9 $$", PATIENCE).unwrap_err().contains("signal: 9"));
    }

    #[test]
    fn one_that_is_missing_or_may_not_be_run_is_found_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hook");
        std::fs::write(&path, "").unwrap();
        for program in [path, folder.path().to_owned(), folder.path().join("none"), "no-such-program".into()] {
            let settings = AcmeSettings { dns_hook: Some(program), ..AcmeSettings::default() };
            let error = DnsHook::of("acme", &settings).unwrap_err().to_string();
            assert!(error.starts_with("`acme.dns_hook`: there is no program "), "{error}");
        }
        let settings = AcmeSettings { dns_hook: Some("sh".into()), ..AcmeSettings::default() };
        assert!(DnsHook::of("acme", &settings).unwrap().is_some());
    }
}
