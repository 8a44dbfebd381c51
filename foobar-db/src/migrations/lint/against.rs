use super::rule::LintRule;
use super::words::Words;

/// What a statement is against, where, and in which words.
pub(super) struct Against<'sql> {
    pub(super) rule: LintRule,
    pub(super) words: Words<'sql>,
    pub(super) problem: &'static str,
    pub(super) advice: &'static str,
}

pub(super) const CONTRACT: &str = "drop it in a later release, once no program uses it (contract)";
pub(super) const COPIED: &str = "the whole table is copied, and nobody can write meanwhile";
pub(super) const RENAMED: &str = "the program that runs knows the old name alone";
pub(super) const IN_MAINTENANCE: &str = "run it by hand, in maintenance";
pub(super) const ROWS_USED: &str = "the program that runs may still read the rows";
