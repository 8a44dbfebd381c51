//! The guide in `docs/`: every page is in the book, every block is tried, every link leads somewhere.
//!
//! Rust blocks are documentation tests of the package `docs`. The others are tried here, page by page, as a reader would from
//! the top: a TOML block is a `foobar.toml` that the program's `check` has to accept, a `sh` block runs after what stands
//! above it. What a block is besides, a comment in front of it says (`block.rs`).

mod block; // one block and what the comments in front of it say
mod excerpts; // blocks that show a part of what stands elsewhere
mod fixture; // what pages name
mod links; // where links lead
mod llms; // the index for machines
mod manifest; // the manifests that pages show
mod messages; // what the program says when something is wrong
mod page; // a page: its blocks, headings and links
mod proof; // that each kind of fault is found
mod rules; // what a block has to be
mod shell; // the shell that a page's blocks run in
mod shown; // blocks that nothing tries
mod trial; // a page from top to bottom

use std::fs::File;
use std::path::{Path, PathBuf};

use page::Page;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Every page of the book.
fn pages() -> Vec<Page> {
    let files = std::fs::read_dir(docs().join("src")).unwrap().map(|entry| entry.unwrap().path());
    let is_page = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "md");
    let mut files: Vec<_> = files.filter(is_page).filter(|file| !file.ends_with("SUMMARY.md")).collect();
    files.sort();
    files.iter().map(|file| Page::read(file)).collect()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(docs().join(name)).unwrap()
}

#[test]
fn every_page_is_in_the_summary_and_among_the_documentation_tests() {
    let (summary, tests) = (read("src/SUMMARY.md"), read("lib.rs"));
    assert!(!summary.contains("]()"), "a page of the summary is a draft");
    for page in pages() {
        let name = &page.name;
        assert!(summary.contains(&format!("]({name})")), "{name} is not in docs/src/SUMMARY.md");
        let included = tests.contains(&format!("#[doc = include_str!(\"src/{name}\")]"));
        assert!(included || page.is_generated, "{name} is not in docs/lib.rs");
    }
}

#[test]
fn every_page_says_what_can_go_wrong() {
    let is_a_list = |page: &&Page| page.is_generated || page.name == "messages.md";
    let silent = pages()
        .into_iter()
        .filter(|page| !is_a_list(&page))
        .filter(|page| !page.text.contains("\n## What can go wrong\n"));
    assert_eq!(silent.map(|page| page.name).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn every_block_is_of_a_kind_that_is_tried_or_says_why_it_is_not() {
    let faults: Vec<_> = pages().iter().flat_map(rules::faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_link_leads_to_a_page_and_a_heading_that_are_there() {
    let faults = links::faults(&pages());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_link_of_the_papers_leads_to_a_file_that_is_there() {
    let faults = links::faults_of_papers(&["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"], &pages());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_blocks_of_every_page_do_what_the_page_says() {
    let faults: Vec<_> = pages().iter().filter(|page| !page.has_a_test_of_its_own()).flat_map(trial::faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// From an empty folder, with the toolchain; what it builds stays in `target`.
#[test]
fn the_steps_of_the_tutorial_do_what_it_says() {
    let pages = pages();
    let tutorial = pages.iter().find(|page| page.has_a_test_of_its_own()).expect("it is a page");
    // Where tests/stress runs this several times at once, each builds a package of that name there.
    let building = File::create(Path::new(env!("CARGO_BIN_EXE_foobar")).with_file_name("tutorial.lock")).unwrap();
    building.lock().unwrap();
    let faults = trial::faults(tutorial);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
