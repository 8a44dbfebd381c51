//! The way to a field: `items[2].price`.

/// A field within `path`.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// An item of the list at `path`.
pub(super) fn item(path: &str, number: usize) -> String {
    format!("{path}[{number}]")
}

/// Whether `path` is `around` or within it.
pub(super) fn is_within(path: &str, around: &str) -> bool {
    path.strip_prefix(around).is_some_and(|rest| around.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The field of a form that holds this item of it.
pub(super) fn field(path: &str) -> &str {
    path.split_once('[').map_or(path, |(field, _)| field)
}
