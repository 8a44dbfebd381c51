//! What a block has to be, so that something tries it.

use std::path::Path;

use super::block::{Block, Note};
use super::page::Page;
use super::{shown, trial};

/// Languages of blocks that are tried where nothing is said.
const TRIED: [&str; 3] = ["rust", "toml", "sh"];
/// Languages of blocks that are files, tested by name, or shown for a reason.
const OTHERS: [&str; 16] = [
    "text",
    "html",
    "sql",
    "nginx",
    "caddy",
    "ini",
    "dockerfile",
    "yaml",
    "json",
    "http",
    "js",
    "css",
    "ruby",
    "diff",
    "gitignore",
    "xml",
];
/// What rustdoc knows and runs, or at least compiles.
const RUST: [&str; 2] = ["no_run", "should_panic"];
/// Folders of `docs/` that Rust blocks compile with.
const COMPILED: [&str; 2] = ["templates/", "migrations/"];

pub(super) fn faults(page: &Page) -> Vec<String> {
    let blocks = page.blocks();
    let of_blocks = blocks.iter().enumerate().filter_map(|(at, block)| {
        let fault = fault(block).or_else(|| shown::fault(&page.name, block));
        let fault = fault.or_else(|| has_no_commands(block, &blocks[..at]))?;
        Some(format!("docs/src/{}:{}: {fault}", page.name, block.line))
    });
    of_blocks.collect()
}

fn fault(block: &Block) -> Option<String> {
    let language = block.language.as_str();
    if let Some(Note::Unknown(note)) = block.notes.iter().find(|note| matches!(note, Note::Unknown(_))) {
        return Some(format!("nothing is known of the note `{note}`"));
    }
    if let Some(Note::Tested(test)) = block.notes.iter().find(|note| matches!(note, Note::Tested(_))) {
        return (!is_a_test(test)).then(|| format!("there is no test `{test}`"));
    }
    match language {
        "" => Some("the block has no language".to_owned()),
        "rust" => of_rust(block),
        _ if !block.words.is_empty() => {
            Some(format!("`{}` is no word for a block of {language}", block.words.join(",")))
        }
        language if TRIED.contains(&language) => of_tried(block),
        language if OTHERS.contains(&language) => of_others(block),
        language => Some(format!("nothing tries blocks of `{language}`")),
    }
}

fn of_rust(block: &Block) -> Option<String> {
    let unknown = block.words.iter().find(|word| !RUST.contains(&word.as_str()));
    match unknown {
        Some(word) => Some(format!("`{word}` is no word for a block of Rust; those are {}", RUST.join(", "))),
        None if block.is_excused() => Some("Rust is always compiled, and has no reason not to be".to_owned()),
        None => None,
    }
}

fn of_tried(block: &Block) -> Option<String> {
    let is_shown = block.notes.iter().any(|note| matches!(note, Note::Shown(_)));
    match block.file() {
        Some(path) if block.language == "toml" && !is_known_toml(path) => Some(format!("nothing tries {path}")),
        _ if block.language == "toml" && is_shown => Some("a configuration is always tried".to_owned()),
        _ => None,
    }
}

/// The programs of these read it.
fn is_known_toml(path: &str) -> bool {
    ["foobar.toml", "Cargo.toml"].iter().any(|name| Path::new(path).ends_with(name))
}

fn of_others(block: &Block) -> Option<String> {
    match block.file() {
        Some(path) if compiled(path).is_some() => is_compiled(compiled(path)?, &block.text),
        Some(_) => None, // a file for the commands below it
        None if block.prints() || block.is_excused() => None,
        None => Some(format!(
            "a block of {} is a `file`, what the commands above `print`, `tested` by a test, or `shown` for a reason",
            block.language
        )),
    }
}

/// Where in `docs/` a file of this path lies, whatever package the page has it in.
fn compiled(path: &str) -> Option<&str> {
    COMPILED.iter().find_map(|folder| Some(&path[path.find(folder)?..]))
}

/// A template or a migration lies in `docs/` too, where the macros of Rust blocks find it.
fn is_compiled(path: &str, text: &str) -> Option<String> {
    match std::fs::read_to_string(trial::found(&super::docs(), path)) {
        Ok(file) if file == text => None,
        Ok(_) => Some(format!("docs/{path} holds something else")),
        Err(_) => Some(format!("docs/{path}, which the Rust of the page compiles with, is not there")),
    }
}

fn has_no_commands(block: &Block, above: &[Block]) -> Option<String> {
    let commands = above.iter().rfind(|other| !other.is_excused()).is_some_and(|other| other.language == "sh");
    (block.prints() && !commands).then(|| "no commands stand above what they print".to_owned())
}

/// Whether a function of this name is among the tests.
fn is_a_test(name: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests", "src", "foobar-core", "foobar-db", "foobar-app", "foobar-web", "examples"];
    let mut files = folders.iter().flat_map(|folder| crate::architecture::rust_files(&root.join(folder)));
    files.any(|file| std::fs::read_to_string(file).unwrap().contains(&format!("fn {name}()")))
}
