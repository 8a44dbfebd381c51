use crate::Engine;

/// The smallest parts of SQL that have a meaning of their own.
pub(super) struct Pieces<'sql> {
    text: &'sql str,
    at: usize,
    engine: Engine,
    delimiter: String,
}

#[derive(Debug)]
pub(super) struct Piece<'sql> {
    pub(super) kind: Kind,
    pub(super) text: &'sql str,
    pub(super) start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Blank,
    Comment,
    /// A comment that is code for some servers: `/*! … */`.
    Code,
    Word,
    /// A text or a quoted name.
    Quoted,
    Mark,
    /// What ends a statement outside of a body.
    Delimiter,
}

/// What ends a statement where nothing else is said.
const SEMICOLON: &str = ";";

/// What a dump of MariaDB begins with: for the client alone, and without a `;`.
const SANDBOX: &str = "/*M!999999";

impl<'sql> Pieces<'sql> {
    pub(super) fn new(text: &'sql str, engine: Engine) -> Self {
        Self { text, at: 0, engine, delimiter: SEMICOLON.to_owned() }
    }

    /// Whether the file has said what ends a statement.
    pub(super) fn has_own_delimiter(&self) -> bool {
        self.delimiter != SEMICOLON
    }

    /// Where the next piece begins.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Takes the rest of the line for what ends a statement from here on; whether there is such.
    pub(super) fn read_delimiter(&mut self) -> bool {
        let rest = self.text[self.at..].split('\n').next().unwrap_or_default(); // there always is a first
        self.at += rest.len();
        let word = rest.split_whitespace().next();
        self.delimiter = word.unwrap_or(SEMICOLON).to_owned();
        word.is_some()
    }

    fn kind_and_length(&self, first: char) -> (Kind, usize) {
        let rest = &self.text[self.at..];
        match first {
            _ if rest.starts_with(&self.delimiter) => (Kind::Delimiter, self.delimiter.len()),
            _ if first.is_whitespace() => (Kind::Blank, first.len_utf8()),
            _ if self.is_line_comment(rest) => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with(SANDBOX) => (Kind::Comment, through("*/", rest)),
            '/' if rest.starts_with("/*!") || rest.starts_with("/*M!") => (self.code(), through("*/", rest)),
            '/' if rest.starts_with("/*") => (Kind::Comment, through("*/", rest)),
            '\'' | '"' | '`' => (Kind::Quoted, self.quoted(rest, first)),
            '[' if self.engine == Engine::Sqlite => (Kind::Quoted, through("]", rest)),
            _ if is_of_word(first) => (Kind::Word, self.word(rest)),
            _ => (Kind::Mark, first.len_utf8()),
        }
    }

    const fn code(&self) -> Kind {
        match self.engine {
            Engine::Sqlite => Kind::Comment,
            Engine::Mysql => Kind::Code,
        }
    }

    /// MySQL wants a blank behind the two hyphens: `5--1` is a sum.
    fn is_line_comment(&self, rest: &str) -> bool {
        match self.engine {
            Engine::Sqlite => rest.starts_with("--"),
            Engine::Mysql => {
                let behind = rest.strip_prefix("--").map(|behind| behind.chars().next());
                rest.starts_with('#') || behind.is_some_and(|next| next.is_none_or(|next| next.is_whitespace()))
            }
        }
    }

    /// The length of a text or a name with its quotes; a doubled one begins the next piece, which does no harm.
    fn quoted(&self, rest: &str, quote: char) -> usize {
        let escapes = self.engine == Engine::Mysql && quote != '`';
        let mut letters = rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' if escapes => drop(letters.next()),
                _ if letter == quote => return at + 1,
                _ => {}
            }
        }
        rest.len()
    }

    fn word(&self, rest: &str) -> usize {
        let is_end = |(at, letter): &(usize, char)| !is_of_word(*letter) || rest[*at..].starts_with(&self.delimiter);
        rest.char_indices().find(is_end).map_or(rest.len(), |(at, _)| at)
    }
}

impl<'sql> Iterator for Pieces<'sql> {
    type Item = Piece<'sql>;

    fn next(&mut self) -> Option<Piece<'sql>> {
        let start = self.at;
        let first = self.text[start..].chars().next()?;
        let (kind, length) = self.kind_and_length(first);
        self.at += length;
        Some(Piece { kind, text: &self.text[start..self.at], start })
    }
}

const fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$') || !letter.is_ascii()
}

/// How far it is to behind `end`, which is no part of the first two letters.
fn through(end: &str, rest: &str) -> usize {
    let from = end.len();
    rest[from..].find(end).map_or(rest.len(), |found| from + found + end.len())
}
