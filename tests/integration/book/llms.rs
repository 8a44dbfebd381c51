//! `llms.txt`: the pages with their first sentences, for machines that read before they write.

use super::{page::Page, pages, read};

const HEAD: &str = "# Foobar

> A Rust framework that puts a site's whole web stack into one program: web server, application (actix-web, or any
> tower service) and database (Diesel, SQLite or MySQL).

The pages of the guide. The text of each is `docs/src/NAME.md` in the repository.

";

#[test]
fn llms_txt_lists_every_page_with_its_first_sentence() {
    let expected = llms();
    if std::env::var_os("FOOBAR_WRITE").is_some() {
        std::fs::write(super::docs().join("src/llms.txt"), &expected).unwrap();
    }
    assert!(read("src/llms.txt") == expected, "run: FOOBAR_WRITE=1 cargo test --all-features --test integration llms");
}

/// In the order of the summary.
fn llms() -> String {
    let (summary, pages) = (read("src/SUMMARY.md"), pages());
    let links = summary.lines().filter_map(|line| line.strip_suffix(')')?.split_once('[')?.1.split_once("]("));
    let lines = links.filter_map(|(title, name)| Some(line(title, pages.iter().find(|page| page.name == name)?)));
    HEAD.to_owned() + &lines.collect::<String>()
}

fn line(title: &str, page: &Page) -> String {
    format!("- [{title}]({}): {}\n", page.name.replace(".md", ".html"), page.first_sentence())
}
