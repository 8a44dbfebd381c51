use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};

use super::{Answer, Client, until};

/// A program of this package, running, on ports that the system chose. Killed when dropped.
pub(crate) struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// `None` once another thread reads it.
    stderr: Option<BufReader<ChildStderr>>,
    /// What it printed when it had started.
    pub(crate) banner: Vec<String>,
    /// Where it serves: `127.0.0.1:PORT`.
    pub(crate) address: String,
    /// Where it serves over TLS, if it does.
    pub(crate) tls_address: String,
    /// Where its admin listener is.
    pub(crate) admin: String,
}

impl Program {
    /// The command of an example, with a folder of its own to work in.
    pub(crate) fn example(name: &str, folder: &Path) -> Command {
        let program = binary().parent().unwrap().join("examples").join(name);
        assert!(program.exists(), "{} is not built; run `cargo test` or `cargo build --examples`", program.display());
        Self::command(&program, folder)
    }

    /// The command of the binary `foobar`.
    pub(crate) fn foobar(folder: &Path) -> Command {
        Self::command(&binary(), folder)
    }

    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(command: &mut Command) -> Self {
        let is = |variable: &str, word: &str| {
            command.get_envs().any(|(name, value)| name == variable && value.is_some_and(|value| value == word))
        };
        let banner_is_on_stderr = match is("FOOBAR__LOG__FORMAT", "json") {
            true => !is("FOOBAR__LOG__OUTPUT", "stdout"),
            false => is("FOOBAR__WEB__ACCESS_LOG", "stdout"),
        };
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = child.stderr.take().map(BufReader::new);
        let mut program = Self {
            child,
            stdout,
            stderr,
            banner: Vec::new(),
            address: String::new(),
            tls_address: String::new(),
            admin: String::new(),
        };
        while !program.banner.last().is_some_and(|line| line.contains("configuration  ")) {
            let line = if banner_is_on_stderr { program.error_line() } else { program.line() };
            program.note(&line);
            program.banner.push(line);
        }
        program
    }

    /// A new connection to it.
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.address)
    }

    /// One request on a connection of its own.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.client().get(target)
    }

    /// One request to the admin listener.
    pub(crate) fn admin(&self, target: &str) -> Answer {
        Client::connect(&self.admin).get(target)
    }

    /// Waits until `/readyz` has this status.
    pub(crate) fn until_ready(&self, status: u16) -> Answer {
        until(&format!("/readyz answers {status}"), || {
            let answer = self.admin("/readyz");
            (answer.status == status).then_some(answer)
        })
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal: `TERM`, `INT`, `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Does something with it while its log is read, stops it, and waits for its end; the lines that `work` left.
    pub(crate) fn log_of(mut self, work: impl FnOnce(&Self, &Receiver<String>)) -> Vec<String> {
        let stderr = self.stderr.take().expect("nobody else reads it");
        let (sender, log) = channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        work(&self, &log);
        self.signal("TERM");
        log.iter().collect()
    }

    /// Waits until its log has a line with these words, which it gives.
    pub(crate) fn until_logged(&mut self, words: &str) -> String {
        std::iter::repeat_with(|| self.error_line()).find(|line| line.contains(words)).expect("it is endless")
    }

    /// Waits for its end, and leaves what it has written: another program may write there, too.
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Waits for its end; the exit status and what it wrote to standard error.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let log = self.rest_of_log();
        (self.child.wait().unwrap(), log)
    }

    /// The same with what it wrote to `output`, `stdout` or `stderr`.
    pub(crate) fn wait_for(mut self, output: &str) -> (ExitStatus, String) {
        let mut rest = String::new();
        match output {
            "stdout" => self.stdout.read_to_string(&mut rest).unwrap(),
            _ => self.stderr.as_mut().unwrap().read_to_string(&mut rest).unwrap(),
        };
        (self.child.wait().unwrap(), rest)
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        if self.stdout.read_line(&mut line).unwrap() == 0 {
            let log = self.rest_of_log();
            panic!("it ended ({:?}): {log}", self.child.wait());
        }
        line.trim_end().to_owned()
    }

    fn error_line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.stderr.as_mut().unwrap().read_line(&mut line).unwrap() > 0, "it ended ({:?})", self.child.wait());
        line.trim_end().to_owned()
    }

    fn rest_of_log(&mut self) -> String {
        let mut log = String::new();
        self.stderr.as_mut().unwrap().read_to_string(&mut log).unwrap();
        log
    }

    /// The command of any program on Foobar.
    pub(crate) fn command(program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_remove("RUST_BACKTRACE");
        command.env("FOOBAR__WEB__LISTEN", "127.0.0.1:0").env("FOOBAR__ADMIN__LISTEN", "127.0.0.1:0");
        command.env("FOOBAR__WEB__WORKERS", "2").env("FOOBAR__WEB__ACCESS_LOG", "off");
        command
    }

    fn note(&mut self, line: &str) {
        let address = |scheme| Some(line.split_once(scheme)?.1.split([' ', '/', '"']).next()?.to_owned());
        if line.contains("listening on  ") {
            let known = if line.contains("https://") { &mut self.tls_address } else { &mut self.address };
            if known.is_empty() {
                *known = address("http://").or_else(|| address("https://")).unwrap_or_default(); // a Unix socket has none
            }
        } else if line.contains("admin  ") {
            self.admin = address("http://").unwrap_or_default(); // the same
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill()); // it may have ended
        drop(self.child.wait());
    }
}

fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_foobar"))
}
