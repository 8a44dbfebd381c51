//! Blocks of the guide that a test takes as they stand there.

use std::path::Path;
use std::process::{Command, Stdio};

/// The blocks of a page of the guide that say that this test tries them.
pub(crate) fn blocks(page: &str, test: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src").join(page);
    let text = std::fs::read_to_string(page).unwrap();
    let note = format!("<!-- tested: {test} -->\n");
    let after = text.split(&note).skip(1);
    let blocks: Vec<_> =
        after.filter_map(|rest| rest.split_once('\n')?.1.split("```").next()).map(str::to_owned).collect();
    assert!(!blocks.is_empty(), "no block says that it is tested by {test}");
    blocks
}

/// The same text with `0` for every number: those are others each time.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut kept = String::new();
    for letter in text.chars() {
        match letter {
            letter if !letter.is_ascii_digit() => kept.push(letter),
            _ if kept.ends_with('0') => {}
            _ => kept.push('0'),
        }
    }
    kept
}

/// Runs commands as a reader types them, in which `name` is this program: the exit code of the last one, and what all
/// of them print.
pub(crate) fn typed(name: &str, program: &Command, commands: &str) -> (i32, String) {
    let function = format!("{name}() {{ {:?} \"$@\"; }}; export -f {name}; exec 2>&1", program.get_program());
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("{function}\n{commands}")]).stdin(Stdio::null());
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.current_dir(program.get_current_dir().unwrap()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}
