use std::io::{self, Write};
use std::path::PathBuf;

use crate::LogFile;

/// Where the log goes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub enum LogOutput {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// A file, which is appended to.
    File(PathBuf),
}

impl TryFrom<String> for LogOutput {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "stderr" => Ok(Self::Stderr),
            "stdout" => Ok(Self::Stdout),
            path if LogFile::is_path(path) => Ok(Self::File(path.into())),
            _ => Err("write \"stderr\", \"stdout\" or the path of a file; `filter = \"off\"` logs nothing".to_owned()),
        }
    }
}

/// An output that is open.
pub(super) enum Writer {
    Stderr(io::Stderr),
    Stdout(io::Stdout),
    File(LogFile),
}

impl Writer {
    pub(super) fn open(output: &LogOutput) -> io::Result<Self> {
        Ok(match output {
            LogOutput::Stderr => Self::Stderr(io::stderr()),
            LogOutput::Stdout => Self::Stdout(io::stdout()),
            LogOutput::File(path) => Self::File(LogFile::open("the log", path)?),
        })
    }
}

/// What the log's thread writes to.
pub(super) trait Output: Send + 'static {
    /// Writes a whole line.
    fn put(&mut self, line: &[u8]) -> io::Result<()>;

    /// Opens the file anew, where it is one.
    fn reopen(&mut self);
}

impl Output for Writer {
    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Stderr(stderr) => stderr.write_all(line),
            Self::Stdout(stdout) => {
                stdout.write_all(line)?;
                stdout.flush()
            }
            Self::File(file) => file.write(line),
        }
    }

    fn reopen(&mut self) {
        if let Self::File(file) = self {
            file.reopen();
        }
    }
}
