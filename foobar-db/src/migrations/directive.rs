//! Comments of a migration that are for Foobar: `-- foobar: foreign_keys = on`, and `-- foobar: allow drop`, which its lint
//! reads.

use super::lint::LintRule;

/// Why a comment for Foobar cannot be followed, for words that say which file has it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DirectiveError {
    #[error(
        "`{0}`, which is not understood, so nothing of it was run; write `-- foobar: foreign_keys = on` \
         at its beginning, `-- foobar: allow drop` (or another rule of `migrate check`), or another word than `foobar:`"
    )]
    Unknown(String),
    #[error(
        "`{0}` behind a statement, so nothing of it was run; it counts at the beginning alone, before \
         the first statement"
    )]
    Misplaced(String),
}

/// Whether `sql` asks that foreign keys be enforced while it runs.
pub(super) fn wants_foreign_keys(sql: &str) -> Result<bool, DirectiveError> {
    let mut wanted = false;
    for Comment { text, leads } in comments(sql) {
        let Some(directive) = directive(text) else { continue };
        if LintRule::allowed_by(directive).is_some() {
            continue; // wherever it stands
        }
        if !is_foreign_keys_on(directive) {
            return Err(DirectiveError::Unknown(text.trim_end().to_owned()));
        }
        if !leads {
            return Err(DirectiveError::Misplaced(text.trim_end().to_owned()));
        }
        wanted = true;
    }
    Ok(wanted)
}

/// What follows `foobar:`, if a comment begins with that.
pub(super) fn directive(comment: &str) -> Option<&str> {
    let (name, directive) = comment.trim_start_matches('-').split_once(':')?;
    name.trim().eq_ignore_ascii_case("foobar").then_some(directive)
}

fn is_foreign_keys_on(directive: &str) -> bool {
    let (key, value) = directive.split_once('=').unwrap_or_default(); // which no key is
    key.trim().eq_ignore_ascii_case("foreign_keys") && value.trim().eq_ignore_ascii_case("on")
}

/// From `--` to the end of its line.
struct Comment<'sql> {
    text: &'sql str,
    /// No statement begins before it.
    leads: bool,
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The comments of `sql`, as SQLite reads it: not what looks like one inside of a string, a name or `/* */`.
fn comments(sql: &str) -> Vec<Comment<'_>> {
    let (mut found, mut leads, mut rest) = (Vec::new(), true, sql);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '-' if rest.starts_with("--") => {
                let text = rest.split('\n').next().unwrap_or(rest); // there always is a first
                found.push(Comment { text, leads });
                text.len()
            }
            '/' if rest.starts_with("/*") => through("*/", 2, rest),
            BYTE_ORDER_MARK => first.len_utf8(),
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                leads = false;
                match first {
                    '\'' => through("'", 1, rest),
                    '"' => through("\"", 1, rest),
                    '`' => through("`", 1, rest),
                    '[' => through("]", 1, rest),
                    _ => first.len_utf8(),
                }
            }
        };
        rest = &rest[length..];
    }
    found
}

/// How far it is to behind `end`, which is looked for from `start` on.
fn through(end: &str, start: usize, sql: &str) -> usize {
    sql[start..].find(end).map_or(sql.len(), |found| start + found + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_keys_are_wanted_where_a_leading_comment_says_so() {
        for sql in [
            "-- foobar: foreign_keys = on\nDELETE FROM authors",
            "\u{feff}-- foobar: foreign_keys = on\r\nDELETE FROM authors\r\n",
            "\n  \t--foobar:foreign_keys=on  \t\r\n",
            "-- Foobar : FOREIGN_KEYS = ON",
            "-- All authors go.\n/* It's */ /* 2026 */\n--- foobar: foreign_keys = on\n-- foobar: foreign_keys = on",
        ] {
            assert_eq!(wants_foreign_keys(sql), Ok(true), "{sql:?}");
        }
    }

    #[test]
    fn what_only_looks_like_such_a_comment_is_none() {
        for sql in [
            "",
            "-- foobar foreign_keys = on",
            "-- the foobar: foreign_keys = on",
            "INSERT INTO notes VALUES ('it''s\n-- foobar: foreign_keys = on\n')",
            "SELECT \"\n-- foobar: x\", [\n-- foobar: x], `\n-- foobar: x`",
            "/*\n-- foobar: foreign_keys = on\n*/ SELECT 1 - -1",
            "SELECT 'never closed -- foobar: x",
            "/* never closed -- foobar: x",
        ] {
            assert_eq!(wants_foreign_keys(sql), Ok(false), "{sql:?}");
        }
    }

    #[test]
    fn what_the_lint_allows_may_stand_anywhere() {
        let sql = "-- foobar: allow not_null\nSELECT 1;\n-- foobar: allow Drop, rename\nDROP TABLE a";
        assert_eq!(wants_foreign_keys(sql), Ok(false));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for comment in [
            "-- foobar:",
            "-- foobar: foreign_keys",
            "-- foobar: foreign_keys = off",
            "-- foobar: foreign_keys = on;",
            "-- foobar: foreign_keys = on -- as we cascade",
            "-- foobar: foreign_key = on",
            "-- foobar: foreign_keys: on",
            "-- FOOBAR: tables of the shop",
            "-- foobar: allow",
            "-- foobar: allow drop, everything",
        ] {
            let expected = Err(DirectiveError::Unknown(comment.to_owned()));
            for sql in [format!("{comment}\r\nSELECT 1"), format!("SELECT 1; {comment}")] {
                assert_eq!(wants_foreign_keys(&sql), expected, "{sql:?}");
            }
        }
    }

    #[test]
    fn behind_a_statement_it_is_an_error() {
        let comment = "-- foobar: foreign_keys = on";
        for sql in [format!("DELETE FROM a;\n{comment}\nDELETE FROM b"), format!("DELETE FROM a {comment}")] {
            assert_eq!(wants_foreign_keys(&sql), Err(DirectiveError::Misplaced(comment.to_owned())), "{sql:?}");
        }
    }
}
