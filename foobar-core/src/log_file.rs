use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A file that lines are appended to, and that is made anew when it has been moved away.
#[derive(Clone, Debug)]
pub struct LogFile {
    what: &'static str,
    path: PathBuf,
    file: Arc<File>,
    looked: Option<Instant>,
    astray: bool,
    torn: bool,
}

impl LogFile {
    /// Opens the file, or makes it; `what` is what messages about it call it, such as `the access log`.
    pub fn open(what: &'static str, path: &Path) -> io::Result<Self> {
        let file = Arc::new(append(path)?);
        Ok(Self { what, path: path.to_owned(), file, looked: None, astray: false, torn: false })
    }

    /// Whether somebody who writes this means a file, and not a switch or what other servers know as a place. A path
    /// that begins like one is written `./syslog:…`.
    pub fn is_path(text: &str) -> bool {
        !NO_FILES.iter().any(|word| text.eq_ignore_ascii_case(word)) && !is_elsewhere(text)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends to the file that is at the path now, or was within the last second.
    pub fn write(&mut self, text: &[u8]) -> io::Result<()> {
        if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            self.follow();
        }
        put(&*self.file, text, &mut self.torn)
    }

    /// Opens the path anew, whatever is there now.
    pub fn reopen(&mut self) {
        self.looked = Some(Instant::now());
        self.replace(append(&self.path).map(Some));
    }

    /// Opens the path anew if another file is there, or none.
    fn follow(&mut self) {
        self.replace(self.is_moved().and_then(|moved| if moved { append(&self.path).map(Some) } else { Ok(None) }));
    }

    /// Until there is another file, the old one is better than none.
    fn replace(&mut self, opened: io::Result<Option<File>>) {
        let astray = std::mem::replace(&mut self.astray, opened.is_err());
        match opened {
            Err(error) if !astray => {
                let Self { what, path, .. } = &*self;
                tracing::error!(%error, "cannot open {what} {} anew; the file that was moved is written on", path.display());
            }
            Ok(Some(file)) => self.file = Arc::new(file),
            _ => {}
        }
    }

    fn is_moved(&self) -> io::Result<bool> {
        let written = self.file.metadata()?;
        match std::fs::metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) != (written.dev(), written.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Words that somebody takes for a switch, and nobody for a file.
const NO_FILES: &[&str] =
    &["", "on", "off", "true", "yes", "false", "no", "none", "null", "stdout", "stderr", "syslog", "journald"];

/// Whether other servers know it as a place that is no file: `syslog:server=…`, `memory:…`.
fn is_elsewhere(target: &str) -> bool {
    let scheme = target.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        ["syslog", "memory", "fd", "unix", "udp", "tcp"].iter().any(|no| scheme.eq_ignore_ascii_case(no))
    })
}

/// How often it is looked whether the file was moved.
const LOOK: Duration = Duration::from_secs(1);

fn append(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// Writes `text`; if the last line before it was `torn`, on a line of its own.
fn put(mut out: impl Write, text: &[u8], torn: &mut bool) -> io::Result<()> {
    if *torn {
        out.write_all(b"\n")?;
        *torn = false;
    }
    let mut left = text;
    while !left.is_empty() {
        match out.write(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                *torn = left[written - 1] != b'\n';
                left = &left[written..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_half_a_line_the_next_one_begins_anew() {
        let (mut disk, mut torn) = ([0; 8], false);
        assert!(put(&mut disk[..6], b"one\ntwo\n", &mut torn).is_err());
        let mut rest = Vec::new();
        put(&mut rest, b"three\n", &mut torn).expect("there is room");
        assert_eq!((&disk[..6], &rest[..]), (&b"one\ntw"[..], &b"\nthree\n"[..]));
        assert!(!torn);
    }
}
