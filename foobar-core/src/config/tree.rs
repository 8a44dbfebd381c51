//! Walking and merging trees of values.

use std::collections::BTreeMap;

use config::{Map, Value, ValueKind};

/// The segments of a key. A segment with a dot in it (a route's path) is quoted, as in TOML.
pub(super) fn segments(key: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(key);
    std::iter::from_fn(move || {
        let key = rest?;
        if let Some((segment, after)) = key.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            rest = after.strip_prefix('.');
            return Some(segment);
        }
        let (segment, after) = key.split_once('.').map_or((key, None), |(segment, after)| (segment, Some(after)));
        rest = after;
        Some(segment)
    })
}

/// A key from its segments, those with other than letters, digits, `_` and `-` in quotes, as in TOML:
/// `sites."www.foobar.com".root`.
pub fn key(segments: &[&str]) -> String {
    segments.iter().map(|name| segment(name)).collect::<Vec<_>>().join(".")
}

pub(super) fn table() -> Value {
    Value::new(None, ValueKind::Table(Map::new()))
}

pub(super) fn find<'a>(root: &'a Value, key: &str) -> Option<&'a Value> {
    segments(key).try_fold(root, |value, segment| match &value.kind {
        ValueKind::Table(table) => table.get(segment),
        _ => None,
    })
}

pub(super) fn item(list: &Value, number: usize) -> Option<&Value> {
    match &list.kind {
        ValueKind::Array(items) => items.get(number),
        _ => None,
    }
}

/// Sets `key`, making the tables on the way. A value that stands where a table is needed stays, to be refused by
/// the check of unknown keys.
pub(super) fn insert(root: &mut Map<String, Value>, key: &str, value: Value) {
    let mut path: Vec<&str> = segments(key).collect();
    let Some(last) = path.pop() else { return };
    let mut table = root;
    for segment in path {
        let next = table.entry(segment.to_owned()).or_insert_with(self::table);
        let ValueKind::Table(inner) = &mut next.kind else { return };
        table = inner;
    }
    table.insert(last.to_owned(), value);
}

/// Calls `visit` with the key and value of each leaf; an array is a leaf, and so is an empty table.
pub(super) fn leaves(root: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    fn walk(prefix: &str, value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
        let table = match &value.kind {
            ValueKind::Table(table) if !table.is_empty() || prefix.is_empty() => table,
            _ => return visit(prefix, value),
        };
        for (name, value) in table {
            let name = segment(name);
            let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            walk(&key, value, visit);
        }
    }
    walk("", root, visit);
}

/// The leaves by their keys.
pub(super) fn values(root: &Value) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    leaves(root, &mut |key, value| _ = values.insert(key.to_owned(), display(value)));
    values
}

/// `prefix` and a name in it.
pub(super) fn join(prefix: &str, name: &str) -> String {
    let name = segment(name);
    if prefix.is_empty() { name } else { format!("{prefix}.{name}") }
}

/// The section of a key, and the key in it.
pub(super) fn split_last(whole: &str) -> Option<(String, &str)> {
    let mut segments: Vec<&str> = segments(whole).collect();
    let last = segments.pop()?;
    Some((key(&segments), last))
}

/// Whether a segment of a pattern stands for any name.
pub(super) fn is_any(segment: &str) -> bool {
    segment == "*"
}

/// Whether a key is a pattern.
pub(super) fn has_star(key: &str) -> bool {
    segments(key).any(is_any)
}

/// The tables that stand where `pattern` says, `*` being any name; the pattern itself if it has none.
pub(super) fn expand(root: &Value, pattern: &str) -> Vec<String> {
    segments(pattern).fold(vec![String::new()], |prefixes, wanted| {
        let names = |prefix: &String| match find(root, prefix).map(|value| &value.kind) {
            Some(ValueKind::Table(table)) => tables(table).map(|name| join(prefix, name)).collect(),
            _ => Vec::new(),
        };
        match wanted {
            "*" => prefixes.iter().flat_map(names).collect(),
            name => prefixes.iter().map(|prefix| join(prefix, name)).collect(),
        }
    })
}

/// The names of the tables in a table.
pub(super) fn tables(table: &Map<String, Value>) -> impl Iterator<Item = &String> {
    table.iter().filter(|(_, value)| matches!(value.kind, ValueKind::Table(_))).map(|(name, _)| name)
}

/// The value as TOML.
pub(super) fn display(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Float(number) => format!("{number:?}"), // with its point, which tells it from an integer
        ValueKind::Array(items) => format!("[{}]", items.iter().map(display).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A name as a segment of a key.
pub(super) fn segment(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { name.to_owned() } else { format!("\"{name}\"") }
}
