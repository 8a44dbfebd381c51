use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::given::Given;

/// The names that serde has for fields. Those of garde are Rust's, and another where `#[serde(rename_all)]` has changed them.
#[derive(Default)]
pub(super) struct Names(RefCell<BTreeSet<&'static str>>);

impl Names {
    pub(super) fn learn(&self, fields: &'static [&'static str]) {
        self.0.borrow_mut().extend(fields);
    }

    /// The way of garde to a field in the words of who has sent it; of a form, the field.
    ///
    /// What is behind `#[serde(flatten)]` has a step in Rust that nobody has sent.
    pub(super) fn shown(&self, path: &str, given: Given<'_>) -> String {
        let (mut shown, mut here) = (Vec::new(), Some(given));
        let mut segments = path.split('.').map(named).peekable();
        while let Some((name, item)) = segments.next() {
            let next = segments.peek().map(|(next, _)| *next);
            let Some(known) = self.known(name, next, here) else { continue };
            if let Some(Given::Form(_)) = here {
                return known;
            }
            here = here.and_then(|table| inside(table, &known, item));
            shown.push(known + item);
        }
        shown.join(".")
    }

    /// The name that was sent for this one, before the step to `next`; `None` where it is none that was sent.
    fn known(&self, name: &str, next: Option<&str>, here: Option<Given<'_>>) -> Option<String> {
        let sent = |name| here.and_then(|table| sent(table, name));
        let Some(next) = next else { return Some(sent(name).unwrap_or_else(|| self.of_serde(name))) }; // not sent
        match (sent(name), sent(next)) {
            (Some(name), None) => Some(name),
            (Some(name), Some(_)) if here.is_some_and(|table| is_table(table, &name)) => Some(name),
            (_, Some(_)) => None,
            (None, None) => Some(self.of_serde(name)).filter(|name| self.0.borrow().contains(name.as_str())),
        }
    }

    fn of_serde(&self, name: &str) -> String {
        let names = self.0.borrow();
        let alike = || names.iter().find(|known| are_alike(known, name));
        names.get(name).or_else(alike).map_or_else(|| name.to_owned(), ToString::to_string)
    }
}

/// A name, and the numbers of items behind it.
fn named(segment: &str) -> (&str, &str) {
    segment.split_at(segment.find('[').unwrap_or(segment.len())) // it is no list
}

/// The field of a table that has this name but for what `rename_all` changes.
fn sent(table: Given<'_>, name: &str) -> Option<String> {
    match table {
        Given::Form(fields) => alike(fields.keys(), name, fields.contains_key(name)),
        Given::Json(Value::Object(fields)) => alike(fields.keys(), name, fields.contains_key(name)),
        _ => None,
    }
}

fn alike<'a>(mut names: impl Iterator<Item = &'a String>, name: &str, is_there: bool) -> Option<String> {
    if is_there { Some(name.to_owned()) } else { names.find(|known| are_alike(known, name)).cloned() }
}

fn is_table(table: Given<'_>, name: &str) -> bool {
    matches!(table, Given::Json(table) if table[name].is_object() || table[name].is_array())
}

/// What is in a field, or in the item of it: `[2][0]`.
fn inside<'a>(table: Given<'a>, name: &str, item: &str) -> Option<Given<'a>> {
    let Given::Json(table) = table else { return None };
    let mut numbers = item.split(['[', ']']).filter(|number| !number.is_empty());
    numbers.try_fold(table.get(name)?, |list, number| list.get(number.parse::<usize>().ok()?)).map(Given::Json) // or a key
}

/// Whether names have the same letters, which `rename_all` leaves.
fn are_alike(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase)
}
