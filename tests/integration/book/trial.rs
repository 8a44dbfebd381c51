//! A page from top to bottom: its files are written, its configurations checked, its commands run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use foobar::test::MysqlServer;
use tempfile::TempDir;

use super::block::Block;
use super::fixture::{fixture, in_fixture};
use super::manifest;
use super::page::Page;
use super::shell::{Ran, Shell};
use crate::support::Program;

/// The folder of a page, and what its blocks have made there.
struct Trial {
    folder: TempDir,
    /// The program of the page: an example of this package.
    program: String,
    /// For commands that name one.
    mysql: Option<MysqlServer>,
}

/// The database on a server that pages name.
const MYSQL: &str = "mysql://USER:PASSWORD@localhost/shop";

pub(super) fn faults(page: &Page) -> Vec<String> {
    let mut trial = Trial::of(page);
    let blocks = page.blocks();
    let mut shell = Shell::start(trial.folder.path());
    let mut last = Ran::default();
    let mut faults = Vec::new();
    for block in &blocks {
        if let Some(fault) = trial.fault(block, &mut shell, &mut last) {
            faults.push(format!("docs/src/{}:{}: {fault}", page.name, block.line));
            if last.fault().is_some() {
                break; // what comes next rests on it
            }
        }
    }
    faults
}

impl Trial {
    fn of(page: &Page) -> Self {
        let folder = if page.has_a_test_of_its_own() { tempfile::tempdir().unwrap() } else { fixture() };
        Self { folder, program: "hello".to_owned(), mysql: None }
    }

    fn fault(&mut self, block: &Block, shell: &mut Shell, last: &mut Ran) -> Option<String> {
        if block.is_excused() {
            return None;
        }
        if let Some(name) = block.program() {
            self.program = name.to_owned();
        }
        match (block.language.as_str(), block.file()) {
            (_, None) if block.append().is_some() => self.append(block.append()?, &block.text),
            ("rust", None) => None,
            ("sh", None) => {
                let commands = self.on_a_server(&block.text);
                *last = shell.run(&self.program, &commands);
                last.fault()
            }
            ("toml", None | Some("foobar.toml")) => self.configuration(block),
            ("toml", Some(path)) if path.ends_with("Cargo.toml") => {
                self.package(path, &block.text).or_else(|| manifest::fault(&block.text))
            }
            (_, Some(path)) => self.write(path, &block.text),
            _ if block.prints() => last.differs_from(&block.text),
            _ => None,
        }
    }

    /// The commands with the URL of a database that is there.
    fn on_a_server(&mut self, commands: &str) -> String {
        if !commands.contains(MYSQL) {
            return commands.to_owned();
        }
        let server = self.mysql.get_or_insert_with(|| MysqlServer::start().unwrap());
        commands.replace(MYSQL, &format!("'{}'", server.create_database().unwrap()))
    }

    fn write(&self, path: &str, text: &str) -> Option<String> {
        let path = found(self.folder.path(), path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        None
    }

    fn append(&self, path: &str, text: &str) -> Option<String> {
        let before = fs::read_to_string(self.folder.path().join(path)).unwrap();
        self.write(path, &format!("{before}\n{text}"))
    }

    /// A package that the commands below build: with this very Foobar, and the versions that are here.
    fn package(&self, path: &str, text: &str) -> Option<String> {
        let root = env!("CARGO_MANIFEST_DIR");
        self.write(&path.replace("Cargo.toml", "Cargo.lock"), include_str!("../../../Cargo.lock"));
        self.write(path, &text.replace("path = \"../foobar\"", &format!("path = {root:?}")))
    }

    /// What `check` says of a `foobar.toml`; the commands below have it, unless it is one that fails.
    fn configuration(&self, block: &Block) -> Option<String> {
        let text = in_fixture(&block.text, self.folder.path());
        let name = if block.fails().is_some() { "fails.toml" } else { "foobar.toml" };
        fs::write(self.folder.path().join(name), &text).unwrap();
        let command = if text.contains("mysql://") { "routes" } else { "check" }; // there is no server to be reached
        let mut program = Program::example(&self.program, self.folder.path());
        for key in ["WEB__LISTEN", "WEB__WORKERS", "WEB__ACCESS_LOG", "ADMIN__LISTEN"] {
            program.env_remove(format!("FOOBAR__{key}")); // a page says what its reader sees, who has set none
        }
        let output = program.args([command, "--config", name]).output().unwrap();
        verdict(&output, block)
    }
}

fn verdict(output: &Output, block: &Block) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let (expected, words) = match (block.fails(), block.warns()) {
        (Some(words), _) => (false, words),
        (None, Some(words)) => (true, words),
        (None, None) if output.status.success() && said.is_empty() => return None,
        (None, None) => return Some(format!("check says: {said}")),
    };
    let is_so = output.status.success() == expected && said.contains(words);
    (!is_so).then(|| format!("check does not say `{words}`, but: {said}"))
}

/// The file in a folder; a `*` in front of a name stands for what a command has put there, such as the time.
pub(super) fn found(folder: &Path, path: &str) -> PathBuf {
    path.split('/').fold(folder.to_owned(), |folder, name| match name.strip_prefix('*') {
        None => folder.join(name),
        Some(end) => {
            let entries = fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
            let mut named = entries.filter(|entry| entry.to_string_lossy().ends_with(end));
            named.next().unwrap_or_else(|| folder.join(name)) // which is not there
        }
    })
}
