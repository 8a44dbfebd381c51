//! What the compiler says of a newcomer's mistakes. Each file beside this one is a program with one, and names in lines
//! `//~` what the message has to hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

#[test]
fn each_likely_mistake_has_a_message_that_leads_on() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/compiler_messages");
    let mut tried = 0;
    for program in fs::read_dir(programs).unwrap().map(|entry| entry.unwrap().path()) {
        let empty = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(&program).unwrap();
        let text = text.replace("AN_EMPTY_FOLDER", &empty.path().display().to_string());
        let message = compile(&program, &text);
        let expected = text.lines().filter_map(|line| line.strip_prefix("//~ "));
        let missing: Vec<_> = expected.filter(|words| !message.contains(words)).collect();
        assert!(missing.is_empty(), "{}: no {missing:?} in\n{message}", program.display());
        tried += 1;
    }
    assert!(tried >= 10, "{tried}");
}

/// What the compiler says of the text of `program`, which has to be wrong, against the library that this test is linked
/// with.
fn compile(program: &Path, text: &str) -> String {
    let (folder, libraries) = (tempfile::tempdir().unwrap(), libraries());
    let file = folder.path().join(program.file_name().unwrap());
    fs::write(&file, text).unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()); // cargo's own, where it says
    let mut command = Command::new(compiler);
    command.args(["--edition=2024", "--crate-type=bin", "--emit=metadata", "--color=never", "--out-dir"]);
    command.arg(folder.path()).arg("--extern").arg(format!("foobar={}", newest(&libraries).display()));
    command.arg("-L").arg(format!("dependency={}", libraries.display())).arg(file);
    command.env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR")); // macros ask for it, with or without cargo
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{} compiles", program.display());
    String::from_utf8(output.stderr).unwrap()
}

fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The facade as it was built last: others may lie there, of other features.
fn newest(libraries: &Path) -> PathBuf {
    let files = fs::read_dir(libraries).unwrap().map(|entry| entry.unwrap().path());
    let is_facade = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.starts_with("libfoobar-") && name.ends_with(".rlib")
    };
    let age = |file: &PathBuf| -> SystemTime { file.metadata().unwrap().modified().unwrap() };
    files.filter(is_facade).max_by_key(age).expect("the test is linked with it")
}
