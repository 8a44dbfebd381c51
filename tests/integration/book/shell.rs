use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// One shell in which all commands of a page run. `foobar` is the binary; `cargo run` is the program of the page, and where
/// it serves, it does so while the commands below ask it.
pub(super) struct Shell {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What the commands of a block came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Ran {
    code: i32,
    text: String,
}

/// Written before the exit code when a block has run.
const END: &str = "-- the block has ended";

impl Shell {
    pub(super) fn start(folder: &Path) -> Self {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_foobar"));
        let mut command = Command::new("bash");
        command.arg("-u").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("PROGRAMS", binary.parent().unwrap()).env("PACKAGE", env!("CARGO_MANIFEST_DIR"));
        command.env("FOOBAR__WEB__ACCESS_LOG", "off").env("FOOBAR__ADMIN__LISTEN", "127.0.0.1:0");
        // What Foobar stands on is there already, and what a page builds is there for the packages of `generated.rs`.
        command
            .env("CARGO_TARGET_DIR", binary.ancestors().nth(2).unwrap())
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_INCREMENTAL", "0");
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut shell = Self { child, input, output };
        shell.input.write_all(include_bytes!("shell/prelude.bash")).unwrap();
        shell
    }

    /// Runs commands until one fails; `program` is an example of this package.
    pub(super) fn run(&mut self, program: &str, commands: &str) -> Ran {
        let script =
            format!("book_block {program} <<'COMMANDS'\n{commands}COMMANDS\ncode=$?; echo; echo \"{END} $code\"\n");
        self.input.write_all(script.as_bytes()).unwrap();
        let mut text = String::new();
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the shell has ended: {text}");
            match line.strip_prefix(END) {
                Some(code) => {
                    text.pop(); // the line break in front of the end
                    return Ran { code: code.trim().parse().unwrap(), text };
                }
                None => text += &line,
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.input.write_all(b"\nexit\n")); // it may have ended; its servers end with it
        drop(self.child.wait());
    }
}

impl Ran {
    pub(super) fn fault(&self) -> Option<String> {
        (self.code != 0).then(|| format!("the commands fail with {}:\n{}", self.code, self.text))
    }

    /// Why they have not printed this, in which `…` stands for anything, and for any lines in a line of its own.
    pub(super) fn differs_from(&self, expected: &str) -> Option<String> {
        let lines = self.text.lines().map(str::trim_end);
        let lines: Vec<&str> = lines.filter(|line| !line.contains(AS_ROOT)).collect();
        let expected: Vec<&str> = expected.lines().map(str::trim_end).collect();
        (!fits(&expected, &lines)).then(|| format!("the commands above print something else:\n{}", self.text))
    }
}

/// A warning that readers do not see, who run their programs as somebody else than whoever tests may be.
const AS_ROOT: &str = "this server runs as root";

fn fits(expected: &[&str], lines: &[&str]) -> bool {
    match (expected, lines) {
        ([], lines) => lines.is_empty(),
        (["…", rest @ ..], lines) => (0..=lines.len()).any(|skipped| fits(rest, &lines[skipped..])),
        ([first, rest @ ..], [line, others @ ..]) => line_fits(first, line) && fits(rest, others),
        _ => false,
    }
}

fn line_fits(expected: &str, line: &str) -> bool {
    match expected.split_once('…') {
        None => expected == line,
        Some((begin, rest)) => line.strip_prefix(begin).is_some_and(|line| {
            line.char_indices().map(|(at, _)| at).chain([line.len()]).any(|at| line_fits(rest, &line[at..]))
        }),
    }
}
