//! That what is wrong with a page is found, and told with the page and the line.

use std::fs;
use std::process::Command;

use super::{links, page::Page, rules, trial};

/// A page whose block, or link, of line 3 is wrong.
fn page(text: &str) -> Page {
    Page::new("broken.md", &format!("# Broken\n\n{text}\n"))
}

#[track_caller]
fn is_found(faults: &[String], words: &str) {
    let [fault] = faults else { panic!("one fault: {words}: {faults:?}") };
    assert!(fault.starts_with("docs/src/broken.md:3: ") || fault.starts_with("docs/src/broken.md:4: "), "{fault}");
    assert!(fault.contains(words), "{words}: {fault}");
}

#[test]
fn a_block_that_nothing_tries_is_found_with_page_and_line() {
    for (block, words) in [
        ("```\nls\n```", "the block has no language"),
        ("```cobol\nSTOP RUN.\n```", "nothing tries blocks of `cobol`"),
        ("```rust,ignore\nlet it = be;\n```", "`ignore` is no word for a block of Rust"),
        ("<!-- shown: it is long -->\n```rust\nlet it = be;\n```", "has no reason not to be"),
        ("<!-- shown: it is long -->\n```toml\na = 1\n```", "a configuration is always tried"),
        ("<!-- file: other.toml -->\n```toml\na = 1\n```", "nothing tries other.toml"),
        ("```toml,ignore\na = 1\n```", "`ignore` is no word"),
        ("```html\n<p>\n```", "or `shown` for a reason"),
        ("<!-- file: templates/none.html -->\n```html\n<p>\n```", "is not there"),
        ("<!-- prints -->\n```text\nHello\n```", "no commands stand above"),
        ("<!-- shown -->\n```sh\nls\n```", "nothing is known of the note `shown`"),
        ("<!-- shown: it is long -->\n```sh\nls\n```", "book/shown.rs does not have it"),
        ("<!-- tested: no_test_has_this_name -->\n```sh\nls\n```", "there is no test `no_test_has_this_name`"),
    ] {
        is_found(&rules::faults(&page(block)), words);
    }
}

#[test]
fn a_block_that_fails_is_found_with_page_and_line() {
    for (block, words) in [
        ("```toml\n[web]\nlisten = \"nowhere\"\n```", "`web.listen`"),
        ("<!-- fails: another reason -->\n```toml\n[web]\nlisten = \"nowhere\"\n```", "does not say `another reason`"),
        ("<!-- fails: web.listen -->\n```toml\n[web]\nlisten = \"0.0.0.0:80\"\n```", "does not say `web.listen`"),
        ("<!-- warns: none -->\n```toml\n[web]\nworkers = 1\n```", "does not say `none`"),
        ("<!-- file: Cargo.toml -->\n```toml\n[dependencies]\ndiesel = \"1\"\n```", "diesel Some(\"1\") is not tested"),
        ("<!-- file: Cargo.toml -->\n```toml\n[dependencies\n```", "no manifest"),
        ("```sh\ntrue\nls no-such-file\n```", "no-such-file"),
        ("```sh\nfoobar check --root public\nfoobar check --root private\n```", "private"),
    ] {
        is_found(&trial::faults(&page(block)), words);
    }
    let commands = "```sh\necho one; echo two; echo three\n```\n<!-- prints -->\n```text\n";
    let printing = |text: &str| trial::faults(&page(&format!("{commands}{text}\n```")));
    assert_eq!([printing("one\n…\nth…e"), printing("…"), printing("o…\nt…\nt…")], [[""; 0]; 3]);
    for other in ["one\ntwo", "one\n…\nfour", "…\ntwo", "one\ntwo\nthree\nfour"] {
        let faults = printing(other);
        assert!(faults[0].starts_with("docs/src/broken.md:7: the commands above print something else"), "{faults:?}");
    }
}

#[test]
fn rust_that_does_not_compile_or_run_is_found_with_page_and_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    let text = "# Broken\n\n```rust\nlet it: u8 = \"\";\n```\n\n```rust\nassert_eq!(1, 2);\n```\n";
    fs::write(folder.path().join("src/broken.md"), text).unwrap();
    let tests = "#[doc = include_str!(\"src/broken.md\")]\nmod broken {}\n";
    fs::write(folder.path().join("lib.rs"), tests).unwrap();
    let rustdoc = std::env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into()); // cargo's own, where it says
    let command = ["--test", "--edition=2024", "lib.rs"];
    let output = Command::new(rustdoc).args(command).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success() && said.contains("2 failed"), "{said}");
    for place in ["src/broken.md - broken (line 3)", "src/broken.md:4", "src/broken.md - broken (line 7)"] {
        assert!(said.contains(place), "{place}: {said}");
    }
}

#[test]
fn a_link_that_leads_nowhere_is_found_with_page_and_line() {
    let other = || Page::new("other.md", "# Other page\n\n## `[web]` — It\n\n## Twice\n\n## Twice\n");
    for (link, words) in [
        ("[a](missing.md)", "there is no page missing.md"),
        ("[a](other.md#missing)", "other.md has no heading #missing"),
        ("[a](#missing)", "broken.md has no heading #missing"),
        ("[a](http://foobar.com/)", "there is no page http://foobar.com/"),
    ] {
        let pages = [page(link), other()];
        is_found(&links::faults(&pages), words);
    }
    let good =
        "[a](other.md) [b](other.md#web--it) [c](other.md#twice-1) [d](#broken) `[e](missing.md)` [f](https://a.b)";
    assert_eq!(links::faults(&[page(good), other()]), [""; 0]);
}
