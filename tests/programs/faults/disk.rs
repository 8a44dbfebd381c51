//! A small disk: a file system in memory, mounted where only this process and its children see it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use foobar::BoxError;

/// Gone when it is dropped.
pub(crate) struct Disk(PathBuf);

/// Set in a process that has mounts of its own.
const PRIVATE: &str = "FOOBAR_FAULTS_MOUNTS";

/// Starts this program again in its place, with mounts of its own: as root, or as root of a user namespace. Where the
/// system allows neither, it returns, and no disk can be mounted.
pub(crate) fn have_mounts() -> Result<(), BoxError> {
    if std::env::var_os(PRIVATE).is_some() {
        return Ok(());
    }
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let mount = ["mount", "-t", "tmpfs", "foobar-faults", "/tmp"];
    let works = |way: &&&[&str]| run(Command::new("unshare").args(**way).args(mount)).is_ok();
    let Some(way) = ways.iter().find(works) else { return Ok(()) };
    let mut again = Command::new("unshare");
    again.args(*way).arg("--").arg(std::env::current_exe()?).args(std::env::args_os().skip(1)).env(PRIVATE, "private");
    Err(again.exec().into())
}

/// Why no disk can be mounted, if none can.
pub(crate) fn missing() -> Option<&'static str> {
    std::env::var_os(PRIVATE).is_none().then_some("this system gives nobody mounts of their own")
}

impl Disk {
    /// Mounts one of this many bytes on a folder.
    pub(crate) fn mount(folder: &Path, bytes: u64) -> Result<Self, BoxError> {
        let options = format!("size={bytes},mode=0700");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "foobar-faults"]).arg(folder))?;
        Ok(Self(folder.to_owned()))
    }

    /// Leaves not a byte free.
    pub(crate) fn fill(&self) -> Result<(), BoxError> {
        let mut filler = File::options().create(true).append(true).open(self.filler())?;
        for piece in [vec![0; 1 << 20], vec![0; 4 << 10], vec![0]] {
            write_until_full(&mut filler, &piece)?;
        }
        Ok(())
    }

    pub(crate) fn free(&self) -> Result<(), BoxError> {
        Ok(std::fs::remove_file(self.filler())?)
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone_with_this_process = run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

fn write_until_full(file: &mut File, piece: &[u8]) -> io::Result<()> {
    loop {
        match file.write_all(piece) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
            outcome => outcome?,
        }
    }
}

fn run(command: &mut Command) -> Result<(), BoxError> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}
