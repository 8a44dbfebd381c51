//! The statements of a migration's file, and where each begins: they are run one by one, so that it is known at which
//! one a migration stopped.
//!
//! A statement ends as the engine's own client ends it: at a `;`, which in the body of a trigger or a routine ends it
//! not, or at what `DELIMITER` says (`pieces.rs`, `bodies.rs`).

mod bodies;
mod pieces;

use crate::Engine;
use crate::checksum::Checksum;

use bodies::Body;
use pieces::{Kind, Piece, Pieces};

/// The statements of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script(Vec<Statement>);

/// One statement, without the comments before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) sql: String,
    /// The line that it begins on, from 1.
    pub(super) line: usize,
}

/// Why a file cannot be run; nothing of it has been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScriptError {
    #[error("`DELIMITER` without what is to end a statement, on line {0}")]
    NoDelimiter(usize),
    #[error(
        "`DELIMITER` on line {0}, a command of MySQL's client that SQLite needs none of: the body of a trigger ends with its END; \
         leave it out"
    )]
    Delimiter(usize),
    #[error(
        "`{command}` on line {line}, a command of the client that only the client knows; put the SQL itself into the file"
    )]
    Client { command: String, line: usize },
    #[error("`USE` on line {0}, which would go on in another database than the one that is migrated; leave it out")]
    Use(usize),
}

impl Script {
    /// The statements of `file`; none of one that is empty. A byte order mark is no part of it.
    pub(super) fn parse(file: &str, engine: Engine) -> Result<Self, ScriptError> {
        let text = file.strip_prefix('\u{feff}').unwrap_or(file);
        let mut reader = Reader { engine, text, statements: Vec::new(), current: None, body: Body::of(engine) };
        let mut pieces = Pieces::new(text, engine);
        while let Some(piece) = pieces.next() {
            match piece.kind {
                Kind::Word | Kind::Mark if reader.is_between() && reader.is_command(&piece, &mut pieces)? => {}
                _ => reader.take(&piece, pieces.has_own_delimiter()),
            }
        }
        reader.end(text.len());
        Ok(Self(reader.statements))
    }

    pub(super) fn statements(&self) -> &[Statement] {
        &self.0
    }

    /// That of the first `count` statements. A comment between them changes nothing, nor does the way in which lines end.
    pub(super) fn checksum(&self, count: usize) -> String {
        self.0.iter().take(count).fold(Checksum::new(), |sum, statement| statement.add_to(sum)).hex()
    }
}

impl Statement {
    /// The checksum of all statements up to this one, from that of those before it.
    pub(super) fn add_to(&self, sum: Checksum) -> Checksum {
        self.sql.split('\r').fold(sum, |sum, part| sum.of(part.as_bytes())).of(b"\0")
    }

    /// Whether it only sets something in the session, which one that goes on later has to set again.
    pub(super) fn is_setting(&self) -> bool {
        self.begins_with(&["SET"])
    }

    /// Whether it changes the schema, which commits before it waits for anything.
    pub(super) fn changes_schema(&self) -> bool {
        self.begins_with(&["ALTER", "CREATE", "DROP", "OPTIMIZE", "RENAME", "TRUNCATE"])
    }

    /// Whether it closes to this session all tables but those that it names.
    pub(super) fn locks_tables(&self) -> bool {
        let mut words = self.sql.split_ascii_whitespace().map(str::to_ascii_uppercase);
        words.next().as_deref() == Some("LOCK") && words.next().is_some_and(|word| word == "TABLES" || word == "TABLE")
    }

    /// Whether its first word is one of these; a dump has it in a comment that is code for some servers.
    fn begins_with(&self, words: &[&str]) -> bool {
        let code = self.sql.strip_prefix("/*!").or_else(|| self.sql.strip_prefix("/*M!")).unwrap_or(&self.sql);
        let code = code.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter.is_whitespace());
        let first = code.split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
        words.iter().any(|word| first.eq_ignore_ascii_case(word))
    }
}

/// What has been read of a file.
struct Reader<'sql> {
    engine: Engine,
    text: &'sql str,
    statements: Vec<Statement>,
    /// Where the statement that is being read begins.
    current: Option<usize>,
    body: Body,
}

impl Reader<'_> {
    /// Whether no statement has begun.
    const fn is_between(&self) -> bool {
        self.current.is_none()
    }

    /// Whether a word between statements is a command of the client's, which is then followed.
    fn is_command(&self, word: &Piece<'_>, pieces: &mut Pieces<'_>) -> Result<bool, ScriptError> {
        let line = self.line(word.start);
        match (word.text.to_ascii_uppercase().as_str(), self.engine) {
            ("DELIMITER", Engine::Sqlite) => Err(ScriptError::Delimiter(line)),
            ("DELIMITER", Engine::Mysql) => {
                pieces.read_delimiter().then_some(true).ok_or(ScriptError::NoDelimiter(line))
            }
            ("SOURCE" | "\\", Engine::Mysql) => Err(ScriptError::Client { command: word.text.to_owned(), line }),
            ("USE", Engine::Mysql) => Err(ScriptError::Use(line)),
            _ => Ok(false),
        }
    }

    fn take(&mut self, piece: &Piece<'_>, has_own_delimiter: bool) {
        match piece.kind {
            Kind::Blank | Kind::Comment => {}
            Kind::Delimiter if has_own_delimiter || self.body.ends_here() => self.end(piece.start),
            Kind::Delimiter | Kind::Word | Kind::Quoted | Kind::Mark | Kind::Code => {
                self.current.get_or_insert(piece.start);
                self.body.take(piece);
            }
        }
    }

    /// The current statement, if there is one, ends before `end`.
    fn end(&mut self, end: usize) {
        self.body = Body::of(self.engine);
        if let Some(start) = self.current.take() {
            let sql = self.text[start..end].trim_end().to_owned();
            self.statements.push(Statement { sql, line: self.line(start) });
        }
    }

    fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }
}

#[cfg(test)]
mod tests;
