//! Variables of the environment that are not read and look as if they were meant to be.

use super::known::Known;

/// The variable that was meant, if `name` is one of ours but for its underscores and capitals. Ours begin with `prefix`.
pub(super) fn meant(known: &[Known], prefix: &str, name: &str) -> Option<String> {
    let given = words(name);
    let mut meant = known.iter().filter_map(|known| variable(known, prefix, &given));
    meant.find(|variable| variable != name)
}

/// The variable of a key, if these are its words; a secret's may end in `_FILE`. The words for a `*` are a name.
fn variable(known: &Known, prefix: &str, given: &str) -> Option<String> {
    let file = given.strip_suffix("_FILE").filter(|_| known.is_secret());
    let (given, suffix) = file.map_or((given, ""), |given| (given, "_FILE"));
    let own = format!("{prefix}{}", known.name.to_uppercase().replace('.', "__"));
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
    words.map(str::to_uppercase).collect::<Vec<_>>().join("_")
}
