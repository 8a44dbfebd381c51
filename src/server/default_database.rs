use std::ffi::OsStr;
use std::path::Path;

/// So that an application with tables runs without any set-up.
pub(super) const IN_WORKING_FOLDER: &str = "sqlite:foobar.db";

/// The same in the state folder of a service manager, the first of `state`, unless the working folder has the database already.
pub(super) fn of(state: Option<&OsStr>, exists: impl Fn(&Path) -> bool) -> String {
    let first = state.and_then(OsStr::to_str).and_then(|folders| folders.split(':').next());
    match first.filter(|folder| !folder.is_empty()) {
        Some(folder) if exists(&Path::new(folder).join(DEFAULT_FILE)) || !exists(Path::new(DEFAULT_FILE)) => {
            format!("sqlite:{folder}/{DEFAULT_FILE}")
        }
        _ => IN_WORKING_FOLDER.to_owned(),
    }
}

const DEFAULT_FILE: &str = "foobar.db";

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
}
