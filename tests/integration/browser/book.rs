//! The guide, as `tests/guide` builds it to `target/book`, on a phone: with scripts and without, in light and dark
//! colours. `tests/run` asks for it, once the book is there:
//!
//!     cargo test --all-features --test integration browser::book:: -- --ignored

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::webdriver::Browser;
use super::{ASK_AXE, axe};
use crate::support::Program;

/// Somebody with a phone, and the server that has the book.
struct Reader {
    browser: Browser,
    program: Program,
    _folder: tempfile::TempDir,
}

/// The width and the height of a phone, in CSS pixels.
const PHONE: [u32; 2] = [390, 844];
/// What of a page has to be scrolled sideways, and which elements reach out of it. Code and tables scroll by themselves.
const TOO_WIDE: &str = "
    const overflow = element => getComputedStyle(element).overflowX;
    const scrolls = element =>
        !element.matches('main') && (overflow(element) !== 'visible' || scrolls(element.parentElement));
    const ends = element => element.getBoundingClientRect().right;
    const isOut = element => ends(element) > window.innerWidth + 1 && !scrolls(element.parentElement);
    const isWide = element => element.scrollWidth > element.clientWidth + 1;
    const page = [...document.querySelectorAll('html, body, .page-wrapper, .page, .content, main')].filter(isWide);
    if (page.length === 0) return [];
    const out = [...document.querySelectorAll('main *')].filter(isOut).map(element => element.outerHTML.slice(0, 200));
    return page.map(element => element.tagName + '.' + element.className).concat(out);";
/// Text that is smaller than what browsers think can be read.
const TOO_SMALL: &str = "
    const isSmall = element => parseFloat(getComputedStyle(element).fontSize) < 16;
    const all = [...document.querySelectorAll('main p, main li, main td, main th')];
    return all.filter(isSmall).map(element => element.outerHTML);";
/// Text that stands out too little against what is behind it (WCAG 2, AA).
const TOO_FAINT: &str = "
    const parts = color => color.match(/[0-9.]+/g).map(Number);
    const linear = part => part <= 0.03928 ? part / 12.92 : Math.pow((part + 0.055) / 1.055, 2.4);
    const luminance = ([red, green, blue]) =>
        0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
    const behind = element => {
        const color = parts(getComputedStyle(element).backgroundColor);
        return color[3] === 0 ? behind(element.parentElement) : color;
    };
    const contrast = element => {
        const both = [parts(getComputedStyle(element).color), behind(element)].map(luminance).sort((a, b) => b - a);
        return (both[0] + 0.05) / (both[1] + 0.05);
    };
    const all = [...document.querySelectorAll('main :is(p, li, td, th, h1, h2, h3, a, code, span)')];
    const faint = all.filter(element => element.textContent.trim() !== '' && contrast(element) < 4.5);
    return faint.map(element => contrast(element).toFixed(2) + ' ' + element.outerHTML.slice(0, 200)).slice(0, 10);";
/// How bright the page is, from 0 to 255.
const BRIGHTNESS: &str = "
    const color = getComputedStyle(document.documentElement).backgroundColor;
    return color.match(/[0-9.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part) / 3, 0);";

impl Reader {
    fn start(scheme: &str) -> Self {
        let book = root().join("target/book");
        assert!(book.join("index.html").exists(), "the guide is not built: tests/guide does it");
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(Program::foobar(folder.path()).arg("--root").arg(book));
        Self { browser: Browser::start(PHONE, scheme), program, _folder: folder }
    }

    fn open(&self, page: &str) {
        self.browser.open(&format!("http://{}/{page}.html", self.program.address));
    }

    /// Holds a page to what every page keeps, with scripts and without.
    fn can_be_read(&self, page: &str, scheme: &str) {
        for fault in [TOO_WIDE, TOO_SMALL, TOO_FAINT] {
            assert_eq!(self.browser.run(fault, &[]), json!([]), "{page}, {scheme}");
        }
        let brightness = self.browser.run(BRIGHTNESS, &[]).as_f64().unwrap();
        let is_so = if scheme == "light" { brightness > 200.0 } else { brightness < 60.0 };
        assert!(is_so, "{page}, {scheme}: {brightness}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The pages by name, and the headings that each has.
fn pages() -> Vec<(String, Vec<String>)> {
    let files = std::fs::read_dir(root().join("docs/src")).unwrap().map(|entry| entry.unwrap().path());
    let pages = files.filter(|file| file.extension().is_some_and(|extension| extension == "md"));
    let pages = pages.filter(|file| !file.ends_with("SUMMARY.md"));
    let page = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        let headings = text.lines().filter_map(|line| line.strip_prefix("## ")).map(|heading| heading.replace('`', ""));
        (file.file_stem().unwrap().to_string_lossy().into_owned(), headings.collect())
    };
    pages.map(page).collect()
}

#[test]
#[ignore = "tests/run has it after tests/guide, which builds the book"]
fn every_page_fits_a_phone_and_has_the_colours_that_are_preferred() {
    for scheme in ["light", "dark"] {
        let reader = Reader::start(scheme);
        for (page, _) in pages() {
            reader.open(&page);
            reader.can_be_read(&page, scheme);
            let mut complaints = reader.browser.complaints();
            complaints.retain(|complaint| !complaint.contains("/highlight-")); // of a language that it has no colours for
            assert_eq!(complaints, [""; 0], "{page}");
        }
    }
}

#[test]
#[ignore = "tests/run has it after tests/guide, which builds the book"]
fn every_page_is_there_without_scripts() {
    for scheme in ["light", "dark"] {
        let reader = Reader::start(scheme);
        reader.browser.forbid_scripts();
        for (page, headings) in pages() {
            reader.open(&page);
            let has_scripts = reader.browser.run("return document.documentElement.classList.contains('js')", &[]);
            assert_eq!(has_scripts, false);
            reader.can_be_read(&page, scheme);
            let text = reader.browser.text("main");
            headings.iter().for_each(|heading| assert!(text.contains(heading), "{page}: {heading}: {text}"));
        }
    }
}

/// Pages with code in several languages, tables, lists and notes.
const JUDGED: [&str; 6] = ["introduction", "tutorial", "deployment", "limits", "from-nginx", "reference"];

#[test]
#[ignore = "tests/run has it after tests/guide, which builds the book"]
fn text_and_code_stand_out_against_what_is_behind_them() {
    let Some(axe) = axe() else { return };
    let ask = ASK_AXE.replace("axe.run()", "axe.run('main', {runOnly: ['color-contrast']})");
    for scheme in ["light", "dark"] {
        let reader = Reader::start(scheme);
        for page in JUDGED {
            reader.open(page);
            reader.browser.run(&axe, &[]);
            assert_eq!(reader.browser.run_async(&ask), Value::Array(Vec::new()), "{page}, {scheme}");
        }
    }
}
