//! What the compiler says of a newcomer's mistakes. Each file beside this one is a program with one, and names in lines
//! `//~` what the message has to hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

#[test]
fn each_likely_mistake_has_a_message_that_leads_on() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/compiler_messages");
    let (facade, mut tried) = (facade(), 0);
    for program in fs::read_dir(programs).unwrap().map(|entry| entry.unwrap().path()) {
        let empty = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(&program).unwrap();
        let text = text.replace("AN_EMPTY_FOLDER", &empty.path().display().to_string());
        let (compiles, message) = compile(&facade, &text);
        assert!(!compiles, "{} compiles", program.display());
        let expected = text.lines().filter_map(|line| line.strip_prefix("//~ "));
        let missing: Vec<_> = expected.filter(|words| !message.contains(words)).collect();
        assert!(missing.is_empty(), "{}: no {missing:?} in\n{message}", program.display());
        tried += 1;
    }
    assert!(tried >= 10, "{tried}");
}

/// Whether a program compiles against this library, and what the compiler says.
fn compile(facade: &Path, text: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.rs");
    fs::write(&file, text).unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()); // cargo's own, where it says
    let mut command = Command::new(compiler);
    command.args(["--edition=2024", "--crate-type=bin", "--emit=metadata", "--color=never", "--out-dir"]);
    command.arg(folder.path()).arg("--extern").arg(format!("foobar={}", facade.display()));
    command.arg("-L").arg(format!("dependency={}", libraries().display())).arg(file);
    command.env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR")); // macros ask for it, with or without cargo
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The facade with all features as it was built last: packages of other tests have it with fewer.
fn facade() -> PathBuf {
    let files = fs::read_dir(libraries()).unwrap().map(|entry| entry.unwrap().path());
    let is_facade = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.starts_with("libfoobar-") && name.ends_with(".rlib")
    };
    let age = |file: &PathBuf| -> SystemTime { file.metadata().unwrap().modified().unwrap() };
    let mut facades: Vec<_> = files.filter(is_facade).collect();
    facades.sort_by_key(|file| std::cmp::Reverse(age(file)));
    facades.into_iter().find(|facade| compile(facade, ALL_FEATURES).0).expect("this test is linked with it")
}

const ALL_FEATURES: &str = "
    use foobar::{AccountOptions, actix_multipart};
    fn main() {}
";
