//! The names of the sites: the zone that is printed, and whether names lead here, and the name server.

mod check;
mod reload;
mod resolver;
mod server;
mod zone;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::Program;

/// A folder with a page and this configuration.
fn folder(configuration: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("public")).unwrap();
    fs::write(folder.path().join("foobar.toml"), configuration).unwrap();
    folder
}

fn foobar(folder: &Path, arguments: &[&str]) -> Output {
    Program::foobar(folder).args(arguments).output().unwrap()
}

/// A program of the system, which `tests/run` installs; some are where only root looks.
fn system(name: &str) -> Command {
    let folders = ["/usr/bin", "/usr/sbin"].map(Path::new);
    let found = folders.iter().map(|folder| folder.join(name)).find(|path| path.exists());
    Command::new(found.unwrap_or_else(|| panic!("{name} is missing: run tests/run, which installs it")))
}
