use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use foobar_core::log::LogOutput;
use rustix::fs::statvfs;

use super::report::{Report, Topic};
use crate::cli::installed_log::access_log;
use crate::settings::AllSettings;

/// Where something is written: each file system once.
pub(super) fn examine(report: &mut Report, settings: &AllSettings) {
    let mut seen = Vec::new();
    for folder in folders(settings) {
        match Space::of(&folder) {
            Ok((device, _)) if seen.contains(&device) => {}
            Ok((device, space)) => {
                seen.push(device);
                tell(report, &folder, &space);
            }
            Err(error) => report.warning(Topic::Disk, format_args!("{}: {error}", folder.display())),
        }
    }
}

fn tell(report: &mut Report, folder: &Path, space: &Space) {
    let free = format!("{} MiB are free where {} is", space.free / MIB, folder.display());
    match space.verdict() {
        Verdict::Enough => report.ok(Topic::Disk, free),
        Verdict::Low => report.warning(Topic::Disk, format_args!("{free}: make room")),
        Verdict::Full => report.problem(Topic::Disk, format_args!("{free}: make room; writes are about to fail")),
        Verdict::NoInodes => {
            report.problem(
                Topic::Disk,
                format_args!("no further file can be made where {} is: remove some", folder.display()),
            );
        }
    }
}

struct Space {
    /// In bytes.
    free: u64,
    inodes: u64,
    /// Whether there is a number of files that it can hold at most.
    has_inodes: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Enough,
    Low,
    Full,
    NoInodes,
}

const MIB: u64 = 1 << 20;

impl Space {
    /// With the device: the number that statvfs(3) gives of a file system is 0 for several.
    fn of(folder: &Path) -> io::Result<(u64, Self)> {
        let disk = statvfs(folder)?;
        let space = Self { free: disk.f_bavail * disk.f_frsize, inodes: disk.f_favail, has_inodes: disk.f_files > 0 };
        Ok((folder.metadata()?.dev(), space))
    }

    const fn verdict(&self) -> Verdict {
        match self.free / MIB {
            _ if self.has_inodes && self.inodes == 0 => Verdict::NoInodes,
            0..64 => Verdict::Full,
            64..1024 => Verdict::Low,
            _ => Verdict::Enough,
        }
    }
}

/// The working folder, those of the logs, and that of SQLite's file.
fn folders(settings: &AllSettings) -> Vec<PathBuf> {
    let files = files(settings).into_iter();
    let beside = files.map(|file| existing(Path::new(".").join(file).parent().unwrap_or(Path::new(".")))); // `/` is no file
    std::iter::once(PathBuf::from(".")).chain(beside).collect()
}

/// The logs, and SQLite's file.
pub(super) fn files(settings: &AllSettings) -> Vec<PathBuf> {
    let log = if let LogOutput::File(path) = &settings.log.output { Some(path.clone()) } else { None };
    let url = settings.database.url.as_ref().map_or("", |url| url.expose());
    let sqlite = url.strip_prefix("sqlite:").filter(|path| *path != ":memory:");
    let sqlite = sqlite.map(|path| PathBuf::from(path.strip_prefix("//").unwrap_or(path))); // both forms are common
    [log, access_log(&settings.web), sqlite].into_iter().flatten().collect()
}

/// The nearest folder that is there: the rest of the path will be made in it.
fn existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new(".")).to_owned() // all begin with `.` or `/`
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_low_before_it_is_full() {
        let verdict = |mib: u64, inodes: u64, has_inodes: bool| Space { free: mib * MIB, inodes, has_inodes }.verdict();
        assert_eq!(verdict(0, 9, true), Verdict::Full);
        assert_eq!(verdict(64, 9, true), Verdict::Low);
        assert_eq!(verdict(1024, 9, true), Verdict::Enough);
        assert_eq!(verdict(1024, 0, true), Verdict::NoInodes);
        assert_eq!(verdict(1024, 0, false), Verdict::Enough, "such as btrfs, which has no such number");
    }

    #[test]
    fn a_folder_that_is_to_be_made_will_be_in_the_nearest_one_there_is() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(existing(&place.path().join("a/b")), place.path());
    }
}
