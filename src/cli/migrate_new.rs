//! Makes the folder of a new migration for each engine, as `embed_migrations!` takes it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use foobar_db::SourceFolder;

use super::calendar::date;
use super::output::{Exit, complain, fail, out};
use crate::composition::{Parts, migrations};

/// Where migrations lie in a program that has none yet.
const FOLDERS: [&str; 2] = ["migrations/sqlite", "migrations/mysql"];

pub(super) fn run(parts: &Parts, name: &str) -> Exit {
    let folders = match migrations(parts) {
        Ok(migrations) => migrations.folders(),
        Err(error) => return fail(&error),
    };
    let is_first = folders.is_empty();
    let folders = match is_first {
        true => FOLDERS.map(PathBuf::from).to_vec(),
        false => folders.into_iter().map(in_sources).collect(),
    };
    match make_all(&folders, name) {
        Ok(made) => made.iter().for_each(|folder| _ = out(format_args!("made  {}", folder.display()))),
        Err(error) => return complain(error),
    }
    match is_first {
        true => out(FIRST),
        false => Exit::Success,
    }
}

const FIRST: &str = "The program runs them once `App::migrations` gives\n    \
    Migrations::none()\n        \
        .sqlite(embed_migrations!(\"migrations/sqlite\"))\n        \
        .mysql(embed_migrations!(\"migrations/mysql\"))";

/// The folder in the sources that the program was built of, where the command runs beside them; else in the working
/// folder.
fn in_sources(folder: SourceFolder) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default(); // a folder that is gone is beside nothing
    let is_beside = |package: &&Path| here.starts_with(package) || package.starts_with(&here);
    let is_there = |package: &&Path| package.join("Cargo.toml").is_file(); // not on the machine that it was built on
    match folder.package.map(Path::new).filter(is_beside).filter(is_there) {
        Some(package) => package.join(folder.path),
        None => PathBuf::from(folder.path),
    }
}

#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error("there is already a migration of that name: {}; choose another name", .0.display())]
    Exists(PathBuf),
    #[error("cannot make {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Makes it in each folder, under one version that comes after all others.
fn make_all(folders: &[PathBuf], name: &str) -> Result<Vec<PathBuf>, MakeError> {
    let mut version = now();
    for folder in folders {
        for other in names(folder)? {
            let (of_other, name_of_other) = other.split_once('_').unwrap_or((&other, "")); // none of ours
            if name_of_other.eq_ignore_ascii_case(name) {
                return Err(MakeError::Exists(folder.join(other)));
            }
            let digits: u64 = of_other.replace('-', "").parse().unwrap_or(0); // the same
            version = version.max(digits.saturating_add(1));
        }
    }
    folders.iter().map(|folder| make(folder.join(format!("{}_{name}", written(version))))).collect()
}

/// The names of the migrations in a folder, which need not be there.
fn names(folder: &Path) -> Result<Vec<String>, MakeError> {
    let io = |source| MakeError::Io { path: folder.to_owned(), source };
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(io(error)),
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(io)?.file_name().to_string_lossy().into_owned())).collect(),
    }
}

fn make(folder: PathBuf) -> Result<PathBuf, MakeError> {
    let made = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("up.sql"), "-- What it does.\n"))
        .and_then(|()| fs::write(folder.join("down.sql"), "-- How that is taken back.\n"));
    match made {
        Ok(()) => Ok(folder),
        Err(source) => Err(MakeError::Io { path: folder, source }),
    }
}

/// The time as the digits of a version: 20260131120000 in UTC.
fn now() -> u64 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()); // no clock is set so
    let (day, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(day);
    let time = second / 3600 * 10_000 + second / 60 % 60 * 100 + second % 60;
    ((year * 100 + month) * 100 + day) * 1_000_000 + time
}

/// As others write it: 2026-01-31-120000.
fn written(version: u64) -> String {
    let digits = format!("{version:014}");
    format!("{}-{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..8], &digits[8..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comes_after_all_others_in_each_folder_and_no_name_is_there_twice() {
        let place = tempfile::tempdir().unwrap();
        let folders = ["a", "b"].map(|name| place.path().join(name));
        fs::create_dir_all(folders[0].join("9026-12-31-235959_last")).unwrap();
        let made = make_all(&folders, "next").unwrap();
        assert_eq!(made, folders.clone().map(|folder| folder.join("9026-12-31-235960_next")));
        assert!(made.iter().all(|folder| folder.join("up.sql").exists() && folder.join("down.sql").exists()));
        for name in ["next", "NEXT", "last"] {
            assert!(matches!(make_all(&folders, name), Err(MakeError::Exists(_))), "{name}");
        }
    }
}
