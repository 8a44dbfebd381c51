use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Why there are no files in `folder`, which is `written` in the program; `None` where there are.
pub(crate) fn problem(written: &str, folder: &Path) -> Option<String> {
    let problem = match has_file(folder) {
        Ok(true) => return None,
        Ok(false) => "that folder holds no file".to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => "there is no such folder".to_owned(),
        Err(error) => format!("it cannot be read: {error}"),
    };
    Some(format!(
        "no files in `{written}`, looked for at {}: {problem}. The folder is relative to the `Cargo.toml` of the package \
         and holds what is to be served from inside the program, such as `{written}/site.css`",
        folder.display()
    ))
}

/// Whether it holds a file, or a link, at any depth.
fn has_file(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || has_file(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_file_at_any_depth_has_no_problem() {
        let package = tempfile::tempdir().unwrap();
        let images = package.path().join("public/images");
        fs::create_dir_all(&images).unwrap();
        fs::write(images.join("lamp.svg"), "<svg/>").unwrap();
        assert_eq!(problem("public", &package.path().join("public")), None);
    }

    #[test]
    fn what_holds_no_file_is_told_of_with_its_place_and_what_belongs_there() {
        type Make = fn(&Path) -> io::Result<()>;
        let cases: [(Make, &str); 4] = [
            (|_| Ok(()), "there is no such folder"),
            (|path| fs::write(path, ""), "it cannot be read: Not a directory"),
            (|path| fs::create_dir(path), "that folder holds no file"),
            (|path| fs::create_dir_all(path.join("images/large")), "that folder holds no file"),
        ];
        for (make, expected) in cases {
            let package = tempfile::tempdir().unwrap();
            let folder = package.path().join("public");
            make(&folder).unwrap();
            let problem = problem("public", &folder).unwrap();
            assert!(problem.contains(&format!("looked for at {}: {expected}", folder.display())), "{problem}");
            assert!(problem.contains("`public/site.css`"), "{problem}");
        }
    }
}
