//! Variables of the environment that are not read and look as if they were meant to be.

use super::declared::Name;
use super::known::Known;

/// What to write in the place of a variable that is not read, where one seems to be meant. Ours begin with `prefix`.
pub(super) fn warning(known: &[Known], prefix: &str, name: &str) -> Option<String> {
    if let Some(meant) = meant(known, prefix, name) {
        return Some(format!(
            "{name}: this variable is not read; write {meant}, with two underscores between the parts of a key"
        ));
    }
    let meant = of_this_program(known, prefix, name)?;
    Some(format!("{name}: this variable is not read, as those of this program begin with {prefix}; write {meant}"))
}

/// The variable that was meant by one of a program whose configuration has no name of its own.
fn of_this_program(known: &[Known], prefix: &str, name: &str) -> Option<String> {
    let usual = Name::default().prefix();
    if let Some(key) = name.strip_prefix(&usual) {
        return Some(format!("{prefix}{key}"));
    }
    let key = name.strip_prefix(usual.trim_end_matches('_'))?;
    meant(known, prefix, &format!("{}{key}", prefix.trim_end_matches('_')))
}

/// The variable that was meant, if `name` is one of ours but for its underscores and capitals. Ours begin with
/// `prefix`.
pub(super) fn meant(known: &[Known], prefix: &str, name: &str) -> Option<String> {
    let given = words(name);
    if !given.starts_with(&words(prefix)) {
        return None; // as of most variables: no key has to be looked at
    }
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
