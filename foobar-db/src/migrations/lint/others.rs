//! Views, routines and whatever else a program may use besides tables.

use super::against::{Against, CONTRACT};
use super::rule::LintRule;
use super::words::Words;

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Made,
    /// It may have been there.
    MadeUnlessThere,
    Replaced,
    Dropped,
}

const KINDS: [&str; 8] = ["VIEW", "PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "SEQUENCE", "PACKAGE", "DATABASE"];
/// What has a name too, and is looked at elsewhere: behind it no kind comes any more.
const NOT_THESE: [&str; 9] = ["TABLE", "TABLES", "INDEX", "USER", "ROLE", "SERVER", "AS", "ON", "SCHEMA"];

/// What a statement does with one of these, and which it is: its kind and its name.
pub(super) fn change(words: Words<'_>) -> Option<(Change, String)> {
    if let Some(rest) = words.after(&["DROP"]) {
        let kind = KINDS.into_iter().chain(["SCHEMA"]).find(|kind| rest.is(&[kind]))?;
        return Some((Change::Dropped, named(kind, rest.rest())));
    }
    if let Some(rest) = words.after(&["ALTER"]) {
        let (kind, rest) = first_kind(rest)?;
        return (kind == "VIEW").then(|| (Change::Replaced, named(kind, rest))); // others change nothing that a program sees
    }
    let rest = words.after(&["CREATE"])?;
    let replacing = rest.after(&["OR", "REPLACE"]);
    let (kind, rest) = first_kind(replacing.unwrap_or(rest))?;
    let change = match replacing {
        Some(_) => Change::Replaced,
        None if rest.after(&["IF", "NOT", "EXISTS"]).is_some() => Change::MadeUnlessThere,
        None => Change::Made,
    };
    Some((change, named(kind, rest)))
}

/// What a change is against of what others may use.
pub(super) fn against(change: Change, words: Words<'_>) -> Option<Against<'_>> {
    let (rule, problem, advice) = match change {
        Change::Made | Change::MadeUnlessThere => return None,
        Change::Replaced => (LintRule::Type, "the program that runs knows the one before alone", BESIDE),
        Change::Dropped => (LintRule::Drop, "the program that runs may still use it", CONTRACT),
    };
    Some(Against { rule, words, problem, advice })
}

const BESIDE: &str = "make one of another name beside it, and drop the old one later (expand and contract)";

/// The kind of what is made, behind such as `DEFINER = name`, and what follows.
fn first_kind(words: Words<'_>) -> Option<(&'static str, Words<'_>)> {
    let mut rest = words;
    while !rest.0.is_empty() && !NOT_THESE.iter().any(|word| rest.is(&[word])) {
        if let Some(kind) = KINDS.into_iter().find(|kind| rest.is(&[kind])) {
            return Some((kind, rest.rest()));
        }
        rest = rest.rest();
    }
    None
}

fn named(kind: &str, rest: Words<'_>) -> String {
    format!("{kind} {}", rest.skip(&["IF", "NOT", "EXISTS"]).skip(&["IF", "EXISTS"]).name())
}
