//! A page from top to bottom: its files are written, its configurations checked, its commands run.

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use super::block::Block;
use super::manifest;
use super::page::Page;
use super::shell::{Ran, Shell};
use crate::support::Program;

/// The folder of a page, and what its blocks have made there.
struct Trial {
    folder: TempDir,
    /// The program of the page: an example of this package.
    program: String,
}

pub(super) fn faults(page: &Page) -> Vec<String> {
    let mut trial = Trial { folder: fixture(), program: "hello".to_owned() };
    let blocks = page.blocks();
    let mut shell = Shell::start(trial.folder.path());
    let mut last = Ran::default();
    let mut faults = Vec::new();
    for block in &blocks {
        if let Some(fault) = trial.fault(block, &mut shell, &mut last) {
            faults.push(format!("docs/src/{}:{}: {fault}", page.name, block.line));
        }
    }
    faults
}

impl Trial {
    fn fault(&mut self, block: &Block, shell: &mut Shell, last: &mut Ran) -> Option<String> {
        if block.is_excused() {
            return None;
        }
        if let Some(name) = block.program() {
            self.program = name.to_owned();
        }
        match (block.language.as_str(), block.file()) {
            ("rust", _) => None,
            ("sh", None) => {
                *last = shell.run(&self.program, &block.text);
                last.fault()
            }
            ("toml", None | Some("foobar.toml")) => self.configuration(block),
            ("toml", Some(path)) if path.ends_with("Cargo.toml") => {
                self.write(path, &block.text).or_else(|| manifest::fault(&block.text))
            }
            (_, Some(path)) => self.write(path, &block.text),
            _ if block.prints() => last.differs_from(&block.text),
            _ => None,
        }
    }

    fn write(&self, path: &str, text: &str) -> Option<String> {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        None
    }

    /// What `check` says of a `foobar.toml`; the commands below have it, unless it is one that fails.
    fn configuration(&self, block: &Block) -> Option<String> {
        let text = in_fixture(&block.text, self.folder.path());
        let name = if block.fails().is_some() { "fails.toml" } else { "foobar.toml" };
        std::fs::write(self.folder.path().join(name), &text).unwrap();
        let command = if text.contains("mysql://") { "routes" } else { "check" }; // there is no server to be reached
        let mut program = Program::example(&self.program, self.folder.path());
        let program = program.env_remove("FOOBAR__WEB__LISTEN").env_remove("FOOBAR__ADMIN__LISTEN");
        let output = program.args([command, "--config", name]).output().unwrap();
        verdict(&output, block.fails())
    }
}

fn verdict(output: &Output, fails: Option<&str>) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    match fails {
        None if output.status.success() && said.is_empty() => None,
        None => Some(format!("check says: {said}")),
        Some(words) if !output.status.success() && said.contains(words) => None,
        Some(words) => Some(format!("check does not say `{words}`, but: {said}")),
    }
}

/// A folder with what pages name: files, certificates.
fn fixture() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for page in ["index.html", "404.html", "50x.html"] {
        file(&format!("public/{page}"), "<!doctype html><title>A page</title>\n");
    }
    folder
}

/// Where the pages of the book have what the system does not: `/srv` and the like are folders of the fixture, and ports are
/// those that the system gives.
fn in_fixture(text: &str, folder: &Path) -> String {
    let mut text = text.to_owned();
    for place in ["/srv/", "/etc/foobar/", "/var/", "/run/"] {
        text = text.replace(&format!("\"{place}"), &format!("\"{}{place}", folder.display()));
    }
    for port in ["80", "443", "8080", "8443", "9180"] {
        for host in ["0.0.0.0", "127.0.0.1", "[::]"] {
            text = text.replace(&format!("\"{host}:{port}\""), &format!("\"{host}:0\""));
            text = text.replace(&format!("\"{host}:{port} "), &format!("\"{host}:0 "));
        }
    }
    text
}
