//! Habits that every file keeps.

use super::{read, root, rust_files, sources};

/// The first line of a file that breaks a habit, with its place.
fn broken(text: &str, is_broken: impl Fn(&str) -> bool) -> Option<String> {
    let code = text.split("\n#[cfg(test)]").next().unwrap();
    let mut lines = code.lines().enumerate();
    lines.find(|(_, line)| is_broken(line)).map(|(number, line)| format!("{}: {line}", number + 1))
}

#[test]
fn modules_are_declared_before_anything_is_used() {
    for path in sources() {
        let text = read(&path);
        let first_use = text.lines().position(|line| line.starts_with("use ") || line.starts_with("pub use "));
        let is_declaration = |line: &str| {
            let line =
                line.trim_start_matches("pub ").trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
            line.starts_with("mod ") && line.ends_with(';')
        };
        let Some(first_use) = first_use else { continue };
        let after = text.lines().skip(first_use).collect::<Vec<_>>().join("\n");
        assert_eq!(broken(&after, is_declaration), None, "{}", path.display());
    }
}

/// What a panic has left is looked at by whoever comes next: a lock that was held then is no reason for another panic.
#[test]
fn a_poisoned_lock_is_taken_as_it_is() {
    let taken = [".lock().expect(", ".lock().unwrap()", ".read().expect(", ".write().expect("];
    for path in sources().iter().filter(|path| !path.iter().any(|part| part == "tests")) {
        let found = broken(&read(path), |line| taken.iter().any(|words| line.contains(words)));
        assert_eq!(found, None, "{}: take it by `PoisonError::into_inner`", path.display());
    }
}

#[test]
fn files_of_tests_stay_short() {
    let folders = ["tests", "foobar-core", "foobar-db", "foobar-app", "foobar-web", "examples"];
    for path in folders.iter().flat_map(|folder| rust_files(&root().join(folder))) {
        let lines = read(&path).lines().count();
        assert!(lines <= 450, "{}: {lines} lines; divide it by subject", path.display());
    }
}
