use std::path::Path;

use super::block::{Block, Note};

/// A page of the book, with what it includes.
#[derive(Debug)]
pub(super) struct Page {
    /// Its file: `tutorial.md`.
    pub(super) name: String,
    /// With the file that it includes.
    pub(super) text: String,
    /// Whether it is another file of the repository.
    pub(super) is_generated: bool,
}

/// One line outside of blocks, with its number.
type Line<'text> = (usize, &'text str);

/// A block that has begun.
struct Open {
    fence: String,
    block: Block,
}

impl Page {
    pub(super) fn read(file: &Path) -> Self {
        let name = file.file_name().unwrap().to_string_lossy();
        let text = std::fs::read_to_string(file).unwrap();
        match text.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) {
            None => Self::new(&name, &text),
            Some(other) => Self { is_generated: true, ..Self::new(&name, &super::read(&format!("src/{other}"))) },
        }
    }

    pub(super) fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), is_generated: false }
    }

    /// Whether a test runs its steps with a toolchain: those of `trial.rs` have the programs of this package.
    pub(super) fn has_a_test_of_its_own(&self) -> bool {
        self.name == "tutorial.md"
    }

    /// Its first sentence.
    pub(super) fn first_sentence(&self) -> String {
        let paragraph: Vec<&str> =
            self.text.lines().skip_while(|line| line.starts_with('#') || line.is_empty()).collect();
        let paragraph = paragraph.split(|line| line.is_empty()).next().unwrap().join(" ");
        match paragraph.split_once(". ") {
            Some((sentence, _)) => format!("{sentence}."),
            None => paragraph,
        }
    }

    pub(super) fn blocks(&self) -> Vec<Block> {
        self.divided().0
    }

    /// The lines that are not in blocks.
    pub(super) fn prose(&self) -> Vec<Line<'_>> {
        self.divided().1
    }

    fn divided(&self) -> (Vec<Block>, Vec<Line<'_>>) {
        let (mut blocks, mut prose, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        let mut open: Option<Open> = None;
        for (number, line) in self.text.lines().enumerate().map(|(at, line)| (at + 1, line)) {
            match &mut open {
                Some(Open { fence, block }) if line.trim() == fence => {
                    blocks.push(block.clone());
                    open = None;
                }
                Some(Open { block, .. }) => block.text += &format!("{line}\n"),
                None => match opened(number, line, &mut notes) {
                    Some(begun) => open = Some(begun),
                    None => prose.push((number, line)),
                },
            }
        }
        assert!(open.is_none(), "{}: a block has no end", self.name);
        (blocks, prose)
    }

    /// The ids of its headings, as mdBook makes them.
    pub(super) fn anchors(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for (_, line) in self.prose() {
            let Some(heading) = line.starts_with('#').then(|| line.trim_start_matches('#')) else { continue };
            let id = id_of(heading);
            let many = ids.iter().filter(|other| **other == id || other.starts_with(&format!("{id}-"))).count();
            ids.push(if ids.contains(&id) { format!("{id}-{many}") } else { id });
        }
        ids
    }
}

/// A block that begins in this line, with the notes in front of it.
fn opened(number: usize, line: &str, notes: &mut Vec<Note>) -> Option<Open> {
    let trimmed = line.trim_start();
    let fence: String = trimmed.chars().take_while(|letter| *letter == '`').collect();
    if fence.len() < 3 {
        match Note::of(line) {
            Some(note) => notes.push(note),
            None if line.trim().is_empty() => {}
            None => notes.clear(),
        }
        return None;
    }
    let mut words = trimmed[fence.len()..].split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned);
    let language = words.next().unwrap_or_default(); // which is a fault
    let block =
        Block { line: number, language, words: words.collect(), notes: std::mem::take(notes), text: String::new() };
    Some(Open { fence, block })
}

/// As mdBook makes it.
fn id_of(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|letter| match letter {
        letter if letter.is_alphanumeric() || "_-".contains(letter) => Some(letter.to_ascii_lowercase()),
        letter if letter.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.collect()
}
