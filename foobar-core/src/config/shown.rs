use config::{Value, ValueKind};

use super::tree;
use crate::units;

/// What was given as text, as its key would have it in a file: a list as an array, a number and a boolean bare.
pub(super) fn as_toml(kind: &str, value: &Value) -> String {
    let shown = match &value.kind {
        ValueKind::String(text) if takes_list(kind) => list(text),
        ValueKind::String(text) if kind.contains("bool") || kind == "true or false" => boolean(text).map(str::to_owned),
        ValueKind::String(text) if takes_number(kind) => number(text),
        _ => None,
    };
    shown.unwrap_or_else(|| tree::display(value)) // what is no such thing is refused elsewhere
}

/// By the type in Rust, or by what serde tells of a type.
fn takes_list(kind: &str) -> bool {
    kind == "list" || ["List<", "Vec<", "Set<", "VecDeque<"].iter().any(|list| kind.contains(list))
}

fn takes_number(kind: &str) -> bool {
    let inner = kind.strip_prefix("Option<").and_then(|kind| kind.strip_suffix('>')).unwrap_or(kind);
    let (letter, bits) = inner.split_at(inner.len().min(1));
    kind == "a number" || (["u", "i", "f"].contains(&letter) && ["8", "16", "32", "64", "128", "size"].contains(&bits))
}

fn list(text: &str) -> Option<String> {
    let items = units::items(text).ok()?; // no array: it is refused elsewhere
    Some(format!("[{}]", items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", ")))
}

fn boolean(text: &str) -> Option<&'static str> {
    match text.trim().to_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Some("true"),
        "false" | "off" | "no" | "0" => Some("false"),
        _ => None,
    }
}

fn number(text: &str) -> Option<String> {
    let text = text.trim();
    text.parse::<f64>().ok().map(|_| text.to_owned()) // the same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_as_text_is_shown_as_a_file_has_it() {
        for (kind, text, shown) in [
            ("List<String>", "a, b", r#"["a", "b"]"#),
            ("Vec<String>", r#"["a, b", "c"]"#, r#"["a, b", "c"]"#),
            ("Option<BTreeSet<String>>", "", "[]"),
            ("list", "1,2", r#"["1", "2"]"#),
            ("Option<usize>", " 3 ", "3"),
            ("a number", "-1.5", "-1.5"),
            ("u16", "many", "\"many\""),
            ("bool", "on", "true"),
            ("true or false", "0", "false"),
            ("String", "true", "\"true\""),
            ("Period", "30s", "\"30s\""),
        ] {
            assert_eq!(as_toml(kind, &Value::new(None, text)), shown, "{kind}");
        }
    }
}
