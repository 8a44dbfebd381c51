use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Why there are no migrations in `folder`, which is `written` in the program; `None` where there are.
pub(crate) fn problem(written: &str, folder: &Path) -> Option<String> {
    let problem = match migrations(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => "there is no such folder".to_owned(),
        Err(error) => format!("it cannot be read: {error}"),
        Ok(all) if all.is_empty() => "that folder holds no migration".to_owned(),
        Ok(all) => {
            let one = all.iter().find(|one| !one.path().join("up.sql").is_file())?;
            format!("its migration `{}` has no `up.sql`", one.file_name().display())
        }
    };
    Some(format!(
        "no migrations in `{written}`, looked for at {}: {problem}. The folder is relative to the `Cargo.toml` of the package \
         and holds a folder with an `up.sql` for each migration; `foobar migrate new NAME`, run there, makes \
         `migrations/sqlite` and `migrations/mysql` with a first one",
        folder.display()
    ))
}

/// The folders that diesel's macro takes for migrations.
fn migrations(folder: &Path) -> io::Result<Vec<DirEntry>> {
    let mut all = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    all.retain(|entry| entry.path().is_dir() && !entry.file_name().to_string_lossy().starts_with('.'));
    all.sort_by_key(DirEntry::file_name);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(folder: &Path) -> Option<String> {
        problem("migrations", &folder.join("migrations"))
    }

    #[test]
    fn a_folder_with_a_migration_has_no_problem() {
        let package = tempfile::tempdir().unwrap();
        let one = package.path().join("migrations/2026-01-01-000000_shop");
        fs::create_dir_all(&one).unwrap();
        fs::write(one.join("up.sql"), "SELECT 1").unwrap();
        assert_eq!(problem_of(package.path()), None);
    }

    #[test]
    fn what_holds_no_migrations_is_told_of_with_its_place_and_a_way_out() {
        type Make = fn(&Path) -> io::Result<()>;
        let cases: [(Make, &str); 6] = [
            (|_| Ok(()), "there is no such folder"),
            (|path| fs::write(path, ""), "it cannot be read: Not a directory"),
            (|path| fs::create_dir(path), "that folder holds no migration"),
            (|path| fs::create_dir_all(path.join(".git")), "that folder holds no migration"),
            (|path| fs::create_dir(path).and_then(|()| fs::write(path.join("up.sql"), "")), "holds no migration"),
            (|path| fs::create_dir_all(path.join("1_a")), "its migration `1_a` has no `up.sql`"),
        ];
        for (make, expected) in cases {
            let package = tempfile::tempdir().unwrap();
            let folder = package.path().join("migrations");
            make(&folder).unwrap();
            let problem = problem_of(package.path()).unwrap();
            assert!(problem.contains(expected), "{problem}");
            assert!(problem.contains(&format!("looked for at {}: ", folder.display())), "{problem}");
            assert!(problem.contains("`foobar migrate new NAME`"), "{problem}");
        }
    }
}
