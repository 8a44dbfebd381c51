//! The blocks that nothing tries. There are no others.

use super::block::{Block, Note};
use super::pages;

/// The page, what the block begins with, and the reason, which stands in front of it too.
pub(super) const SHOWN: [(&str, &str, &str); 1] =
    [("projects.md", "cargo install ", "it builds, for minutes, the program that the pages are tried with")];

/// Why a block must not go untried for the reason that it gives.
pub(super) fn fault(page: &str, block: &Block) -> Option<String> {
    let reason = block.notes.iter().find_map(|note| match note {
        Note::Shown(reason) => Some(reason.as_str()),
        _ => None,
    })?;
    let is_it = |begin: &str| block.text.trim().starts_with(begin);
    let is_listed = SHOWN.iter().any(|(name, begin, why)| *name == page && is_it(begin) && *why == reason);
    (!is_listed).then(|| "the list in tests/integration/book/shown.rs does not have it".to_owned())
}

#[test]
fn all_that_is_listed_as_untried_is_in_the_guide() {
    let pages = pages();
    let blocks = pages.iter().flat_map(|page| page.blocks().into_iter().map(move |block| (&page.name, block)));
    let shown = blocks.filter(|(_, block)| block.notes.iter().any(|note| matches!(note, Note::Shown(_))));
    assert_eq!(shown.count(), SHOWN.len());
}
