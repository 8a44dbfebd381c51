//! Links between pages, and from the papers to them. What lies elsewhere is not asked for, since the network is no part of a
//! test: `tests/links` does. Here such a link only has to be one.

use foobar::tiers::http::Uri;

use super::page::Page;

pub(super) fn faults(pages: &[Page]) -> Vec<String> {
    pages.iter().flat_map(|page| faults_of(page, pages)).collect()
}

fn faults_of(page: &Page, pages: &[Page]) -> Vec<String> {
    let links = page.prose().into_iter().flat_map(|(line, text)| targets(text).into_iter().map(move |to| (line, to)));
    let broken = links.filter_map(|(line, target)| Some((line, fault(page, pages, &target)?)));
    broken.map(|(line, fault)| format!("docs/src/{}:{line}: {fault}", page.name)).collect()
}

/// Where the links of a line lead.
fn targets(line: &str) -> Vec<String> {
    let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`"); // without code
    let after = prose.split("](").skip(1);
    after.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

fn fault(page: &Page, pages: &[Page], target: &str) -> Option<String> {
    if target.starts_with("https://") {
        return (!is_elsewhere(target)).then(|| format!("{target} is no https:// with a host and a path"));
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let other = match file {
        "" => Some(page),
        file => pages.iter().find(|other| other.name == file),
    };
    let is_file = || !file.is_empty() && !file.contains(':') && super::docs().join("src").join(file).is_file();
    match (other, anchor) {
        (None, None) if is_file() => None,
        (None, _) => Some(format!("there is no page {file}")),
        (Some(other), Some(anchor)) if !other.anchors().iter().any(|id| id == anchor) => {
            Some(format!("{} has no heading #{anchor}", other.name))
        }
        _ => None,
    }
}

fn is_elsewhere(target: &str) -> bool {
    let address: Option<Uri> = target.parse().ok(); // what is none is told
    let host = |address: &Uri| address.host().is_some_and(|host| host.contains('.') && !host.contains(".."));
    address.as_ref().is_some_and(host)
}

/// The same of the papers beside the book, whose links lead to files.
pub(super) fn faults_of_papers(papers: &[&str], pages: &[Page]) -> Vec<String> {
    let root = super::docs().join("..");
    let of_paper = |name: &&str| {
        let text = std::fs::read_to_string(root.join(name)).unwrap();
        let paper = Page::new(name, &text);
        let links =
            paper.prose().into_iter().flat_map(|(line, text)| targets(text).into_iter().map(move |to| (line, to)));
        let broken = links.filter_map(|(line, target)| Some((line, fault_of_paper(pages, &target)?)));
        broken.map(|(line, fault)| format!("{name}:{line}: {fault}")).collect::<Vec<_>>()
    };
    papers.iter().flat_map(of_paper).collect()
}

fn fault_of_paper(pages: &[Page], target: &str) -> Option<String> {
    let file = target.split('#').next().unwrap_or_default(); // a split has a first part
    match target.strip_prefix("docs/src/") {
        Some(page) => fault(&Page::new("", ""), pages, page),
        None if target.starts_with("https://") => fault(&Page::new("", ""), pages, target),
        None => (!super::docs().join("..").join(file).exists()).then(|| format!("there is no file {file}")),
    }
}
