use std::fmt::{self, Display, Write};

use super::literals::without_literals;
use crate::Engine;

/// The most bytes of a statement that are shown: as many as MySQL's own digest of one has (`max_digest_length`).
const LONGEST: usize = 1024;

/// Behind this Diesel shows the values that are bound.
const VALUES: &str = " -- binds: ";

/// A statement as it was written, with placeholders for all its values and without comments, cut where it is long.
pub(super) fn text(statement: &dyn Display, engine: Engine) -> String {
    let mut shown = Shown(String::new());
    let _has_enough = write!(shown, "{statement}"); // or Diesel cannot write it, and it is not run either
    shown.without_values();
    let is_cut = shown.cut();
    without_literals(&shown.0, engine) + if is_cut { "…" } else { "" }
}

/// At most this many bytes of a text, in whole letters.
pub(super) fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.expect("0 is a boundary")]
}

/// Takes what it needs, and an error is the end of it: values are not even formatted.
struct Shown(String);

impl Write for Shown {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let space = LONGEST + VALUES.len() - self.0.len();
        self.0.push_str(beginning(part, space));
        if self.without_values() || part.len() > space { Err(fmt::Error) } else { Ok(()) }
    }
}

impl Shown {
    /// Whether there were any. What only looks like their beginning ends the text too.
    fn without_values(&mut self) -> bool {
        let values = self.0.find(VALUES);
        self.0.truncate(values.unwrap_or(self.0.len()));
        values.is_some()
    }

    /// Whether there was more.
    fn cut(&mut self) -> bool {
        let is_long = self.0.len() > LONGEST;
        self.0.truncate(beginning(&self.0, LONGEST).len());
        is_long
    }
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::*;

    diesel::table! { users (name) { name -> Text } }

    fn text(statement: &dyn Display) -> String {
        super::text(statement, Engine::Sqlite)
    }

    #[test]
    fn a_value_is_never_shown_whatever_it_looks_like() {
        for value in ["hunter2", " -- binds: hunter2", "'; DROP TABLE hunter2"] {
            let query = users::table.filter(users::name.eq(value));
            let ours = diesel::sql_query("SELECT ?").bind::<diesel::sql_types::Text, _>(value);
            let shown = [query_text(&query), text(&diesel::debug_query::<diesel::sqlite::Sqlite, _>(&ours))];
            assert!(shown[0].ends_with("WHERE (`users`.`name` = ?)"), "{shown:?}");
            assert_eq!(shown[1], "SELECT ?");
        }
    }

    fn query_text(query: &impl diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite>) -> String {
        text(&diesel::debug_query::<diesel::sqlite::Sqlite, _>(query))
    }

    #[test]
    fn a_long_statement_is_cut_between_two_letters() {
        for (letter, letters) in [('a', LONGEST), ('ä', LONGEST / 2), ('☂', LONGEST / 3)] {
            let fits: String = std::iter::repeat_n(letter, letters).collect();
            assert_eq!(text(&fits), fits);
            assert_eq!(text(&format!("{fits}{letter}")), format!("{fits}…"));
            assert_eq!(text(&format!("{fits}{fits}{fits} -- binds: [1]")), format!("{fits}…"));
            assert_eq!(text(&format_args!("{fits} -- binds: {}", "hunter2")), fits);
        }
    }

    #[test]
    fn what_needs_not_be_shown_is_not_formatted() {
        struct Unformattable;
        impl Display for Unformattable {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("it has been formatted")
            }
        }
        assert_eq!(text(&format_args!("SELECT ?{VALUES}{Unformattable}")), "SELECT ?");
        let long = "a".repeat(2 * LONGEST);
        assert_eq!(text(&format_args!("{long}{Unformattable}")).len(), LONGEST + '…'.len_utf8());
    }
}
