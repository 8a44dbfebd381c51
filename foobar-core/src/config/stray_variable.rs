//! Which variables of the environment are ours, and which look as if they were meant to be.

use super::Key;

/// What ours begin with.
pub(super) const PREFIX: &str = "FOOBAR__";

/// The variable that was meant, if `name` is one of ours but for its underscores and capitals.
pub(super) fn meant(keys: &[&Key], name: &str) -> Option<String> {
    let given = words(name);
    let mut meant = keys.iter().filter_map(|key| variable(key, &given));
    meant.find(|variable| variable != name)
}

/// The variable of a key, if these are its words; a secret's may end in `_FILE`. The words for a `*` are a name.
fn variable(key: &Key, given: &str) -> Option<String> {
    let file = given.strip_suffix("_FILE").filter(|_| key.is_secret());
    let (given, suffix) = file.map_or((given, ""), |given| (given, "_FILE"));
    let own = format!("{PREFIX}{}", key.name.to_ascii_uppercase().replace('.', "__"));
    let variable = match own.split_once('*') {
        None => (words(&own) == given).then_some(own)?,
        Some((before, after)) => {
            let name =
                given.strip_prefix(&format!("{}_", words(before)))?.strip_suffix(&format!("_{}", words(after)))?;
            format!("{before}{name}{after}")
        }
    };
    Some(variable + suffix)
}

/// The text in capitals, with one underscore between words.
fn words(text: &str) -> String {
    let words = text.split('_').filter(|word| !word.is_empty());
    words.map(str::to_ascii_uppercase).collect::<Vec<_>>().join("_")
}
