use crate::Engine;

use super::rule::LintRule;
use super::words::{Kind, Word, Words};
use crate::migrations::directive::directive;
use crate::migrations::script;

/// One statement, with what comments before it and in it allow.
pub(super) struct Statement<'sql> {
    words: Vec<Word<'sql>>,
    pub(super) allowed: Vec<LintRule>,
}

impl Statement<'_> {
    pub(super) fn words(&self) -> Words<'_> {
        Words(&self.words)
    }
}

/// The statements of `sql`, as they are run: the body of a trigger or a routine is a part of the one that makes it.
pub(super) fn statements(sql: &str, engine: Engine) -> Vec<Statement<'_>> {
    let (mut all, mut words, mut allowed) = (Vec::new(), Vec::new(), Vec::new());
    let (mut at, mut line) = (0, 1);
    let mut ends = script::ends(sql, engine).into_iter().peekable();
    while let Some(first) = sql[at..].chars().next() {
        let end = ends.next_if(|end| end.start == at);
        let (kind, length) = match (&end, ends.peek()) {
            (Some(end), _) => (Some(Kind::Sign), end.len()),
            (None, next) => {
                let (kind, length) = piece(first, &sql[at..], engine);
                (kind, next.map_or(length, |next| length.min(next.start - at)))
            }
        };
        let text = &sql[at..at + length];
        match kind {
            _ if end.is_some() && words.is_empty() => {} // what is allowed is for the statement that follows
            _ if end.is_some() => {
                all.push(Statement { words: std::mem::take(&mut words), allowed: std::mem::take(&mut allowed) });
            }
            None if text.starts_with("--") => {
                allowed.extend(directive(text).and_then(LintRule::allowed_by).unwrap_or_default()); // any other comment
            }
            None => {}
            Some(kind) => words.push(Word { text, kind, line, at }),
        }
        line += text.matches('\n').count();
        at += length;
    }
    all.push(Statement { words, allowed });
    all.retain(|statement| !statement.words.is_empty());
    all
}

/// What begins here, and its length; no kind for space and comments.
fn piece(first: char, rest: &str, engine: Engine) -> (Option<Kind>, usize) {
    let to_end_of_line = || rest.find('\n').unwrap_or(rest.len());
    let is_of_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '.');
    match first {
        '-' if rest.starts_with("--") => (None, to_end_of_line()),
        '#' if engine == Engine::Mysql => (None, to_end_of_line()),
        '/' if rest.starts_with("/*!") => (None, "/*!".len() + digits(&rest[3..])), // MySQL runs what follows
        '/' if rest.starts_with("/*M!") => (None, "/*M!".len() + digits(&rest[4..])),
        '*' if rest.starts_with("*/") => (None, 2),
        '/' if rest.starts_with("/*") => (None, rest[2..].find("*/").map_or(rest.len(), |end| end + 4)),
        '\'' => (Some(Kind::Text), quoted('\'', rest, engine)),
        '"' | '`' => (Some(Kind::Name), quoted(first, rest, engine)),
        '[' if engine == Engine::Sqlite => (Some(Kind::Name), rest.find(']').map_or(rest.len(), |end| end + 1)),
        _ if first.is_whitespace() || first == '\u{feff}' => (None, first.len_utf8()),
        _ if is_of_word(first) => (Some(Kind::Word), rest.find(|letter| !is_of_word(letter)).unwrap_or(rest.len())),
        _ => (Some(Kind::Sign), first.len_utf8()),
    }
}

fn digits(rest: &str) -> usize {
    rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len()
}

/// The length of what is quoted; two quotes after another begin anew, and mean the same here.
fn quoted(quote: char, rest: &str, engine: Engine) -> usize {
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' if engine == Engine::Mysql && quote != '`' => drop(letters.next()),
            _ if letter == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}
