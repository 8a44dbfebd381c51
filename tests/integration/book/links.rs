//! Links between pages. What lies elsewhere is not asked for: the network is no part of a test.

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
        return None;
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
