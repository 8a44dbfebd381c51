use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use foobar_core::config::Config;
use foobar_core::{BoxError, Secret};

/// So that an application with tables runs without any set-up.
pub(super) const IN_WORKING_FOLDER: &str = "sqlite:foobar.db";

/// The same in the state folder of a service manager, the first of `state`, unless only the working folder has it
/// already.
pub(super) fn of(state: Option<&OsStr>, exists: impl Fn(&Path) -> bool) -> String {
    match state_folder(state) {
        Some(folder) if exists(&Path::new(folder).join(DEFAULT_FILE)) || !exists(Path::new(DEFAULT_FILE)) => {
            in_state_folder(folder)
        }
        _ => IN_WORKING_FOLDER.to_owned(),
    }
}

/// An error where that is the database by default and the working folder has another one: nobody knows which has the
/// data.
pub(crate) fn require_only(config: &Config, url: Option<&Secret>) -> Result<(), BoxError> {
    let state = std::env::var_os("STATE_DIRECTORY");
    let (Some(url), true) = (url, config.origin("database.url") == PROGRAM) else { return Ok(()) };
    let working = std::env::current_dir()?;
    only(url.expose(), state.as_deref(), &working, |path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino())))
}

fn only<I: PartialEq>(
    url: &str,
    state: Option<&OsStr>,
    working: &Path,
    identity: impl Fn(&Path) -> Option<I>,
) -> Result<(), BoxError> {
    let Some(folder) = state_folder(state).filter(|folder| in_state_folder(folder) == url) else { return Ok(()) };
    let (one, other) = (Path::new(folder).join(DEFAULT_FILE), working.join(DEFAULT_FILE));
    match (identity(&one), identity(&other)) {
        (Some(first), Some(second)) if first != second => Err(format!(
            "there are two databases, {} and {}; set `database.url` to the one with the data",
            one.display(),
            other.display()
        )
        .into()),
        _ => Ok(()),
    }
}

fn state_folder(state: Option<&OsStr>) -> Option<&str> {
    let first = state.and_then(OsStr::to_str).and_then(|folders| folders.split(':').next());
    first.filter(|folder| !folder.is_empty())
}

fn in_state_folder(folder: &str) -> String {
    format!("sqlite:{folder}/{DEFAULT_FILE}")
}

const DEFAULT_FILE: &str = "foobar.db";
/// What [`Config::origin`] says of a preset.
const PROGRAM: &str = "program";

#[cfg(test)]
mod tests {
    use super::*;

    fn with(state: &str, there: &[&str]) -> String {
        of(Some(OsStr::new(state)), |path| there.iter().any(|file| path == Path::new(file)))
    }

    #[test]
    fn a_database_that_nobody_names_lies_in_the_first_state_folder() {
        assert_eq!(with("/var/lib/shop", &[]), "sqlite:/var/lib/shop/foobar.db");
        assert_eq!(with("/var/lib/shop:/var/lib/other", &[]), "sqlite:/var/lib/shop/foobar.db");
        assert_eq!(of(None, |_| false), "sqlite:foobar.db");
        assert_eq!(with("", &[]), "sqlite:foobar.db");
    }

    #[test]
    fn a_database_that_the_working_folder_has_already_stays_where_it_is() {
        assert_eq!(with("/var/lib/shop", &["foobar.db"]), "sqlite:foobar.db");
        assert_eq!(with("/var/lib/shop", &["foobar.db", "/var/lib/shop/foobar.db"]), "sqlite:/var/lib/shop/foobar.db");
    }

    #[test]
    fn a_second_database_in_the_working_folder_is_an_error_that_names_both() {
        let only_of = |url: &str, other: u8| {
            let identity = |path: &Path| match path.to_str() {
                Some("/var/lib/shop/foobar.db") => Some(1),
                Some("/opt/shop/foobar.db") => Some(other).filter(|other| *other > 0),
                _ => None,
            };
            only(url, Some(OsStr::new("/var/lib/shop")), Path::new("/opt/shop"), identity)
        };
        let error = only_of("sqlite:/var/lib/shop/foobar.db", 2).unwrap_err().to_string();
        assert!(error.contains("/var/lib/shop/foobar.db and /opt/shop/foobar.db; set `database.url`"), "{error}");
        for (url, other) in
            [("sqlite:/var/lib/shop/foobar.db", 0), ("sqlite:/var/lib/shop/foobar.db", 1), ("sqlite:a", 2)]
        {
            assert!(only_of(url, other).is_ok(), "{url}: {other}");
        }
    }
}
