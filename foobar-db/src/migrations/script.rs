//! The statements of a migration's file, and where each begins: they are run one by one, so that it is known at which
//! one a migration stopped.
//!
//! A statement ends as the engine's own client ends it: at a `;`, which in the body of a trigger or a routine ends it
//! not, or at what `DELIMITER` says (`pieces.rs`, `bodies.rs`).

mod bodies;
mod pieces;

use std::ops::Range;

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
    engine: Engine,
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

/// Where the statements of a file end, of whatever a reader can make of it: what ends each of them, and commands of the
/// client, which belong to none.
pub(super) fn ends(file: &str, engine: Engine) -> Vec<Range<usize>> {
    let text = file.strip_prefix(BYTE_ORDER_MARK).unwrap_or(file);
    let (mut pieces, mut body, mut ends) = (Pieces::new(text, engine), Body::of(engine), Vec::new());
    let (mark, mut is_between) = (file.len() - text.len(), true);
    while let Some(piece) = pieces.next() {
        let is_command = piece.text.eq_ignore_ascii_case("DELIMITER") && engine == Engine::Mysql;
        match piece.kind {
            Kind::Blank | Kind::Comment => {}
            Kind::Word if is_between && is_command => {
                pieces.read_delimiter();
                ends.push(mark + piece.start..mark + pieces.at());
            }
            Kind::Delimiter if pieces.has_own_delimiter() || body.ends_here() => {
                ends.push(mark + piece.start..mark + pieces.at());
                (body, is_between) = (Body::of(engine), true);
            }
            _ => {
                body.take(&piece);
                is_between = false;
            }
        }
    }
    ends
}

const BYTE_ORDER_MARK: char = '\u{feff}';

impl Script {
    /// The statements of `file`; none of one that is empty. A byte order mark is no part of it.
    pub(super) fn parse(file: &str, engine: Engine) -> Result<Self, ScriptError> {
        let text = file.strip_prefix(BYTE_ORDER_MARK).unwrap_or(file);
        let mut reader =
            Reader { engine, text, statements: Vec::new(), current: None, body: Body::of(engine), at: 0, line: 1 };
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

    /// The first of the first `count` statements that leaves something in the session which a new one does not have.
    pub(super) fn lost_before(&self, count: usize, engine: Engine) -> Option<usize> {
        let mut statements = self.0.iter().take(count);
        if engine == Engine::Mysql { statements.position(Statement::lives_in_session) } else { None }
    }

    /// That of the words of the first `count` statements. Neither comments nor blanks count, nor where one statement ends:
    /// a later version may read that otherwise.
    pub(super) fn checksum(&self, count: usize) -> String {
        self.0.iter().take(count).fold(Checksum::new(), |sum, statement| statement.add_to(sum)).hex()
    }
}

impl Statement {
    /// The checksum of all statements up to this one, from that of those before it.
    pub(super) fn add_to(&self, sum: Checksum) -> Checksum {
        let mut is_apart = true;
        Pieces::new(&self.sql, self.engine).fold(sum, |sum, piece| {
            if matches!(piece.kind, Kind::Blank | Kind::Comment | Kind::Delimiter) {
                is_apart = true;
                return sum;
            }
            let sum = if std::mem::take(&mut is_apart) { sum.of(b" ") } else { sum };
            piece.text.split('\r').fold(sum, |sum, part| sum.of(part.as_bytes())) // a text may have ends of lines
        })
    }

    /// Whether it leaves something in the session alone that another session can be given only by running it again.
    pub(super) fn lives_in_session(&self) -> bool {
        let pieces =
            Pieces::new(&self.sql, self.engine).filter(|piece| !matches!(piece.kind, Kind::Blank | Kind::Comment));
        let words: Vec<_> = pieces.map(|piece| piece.text.to_ascii_uppercase()).collect();
        let has = |first: &str, second: &str| words.windows(2).any(|pair| pair[0] == first && pair[1] == second);
        match words.first().map(String::as_str) {
            Some("PREPARE") => true,
            Some("CREATE") => words
                .iter()
                .take(4)
                .position(|word| word == "TEMPORARY")
                .is_some_and(|at| words.get(at + 1).is_some_and(|next| next == "TABLE")),
            Some("SET") => false,
            _ => has("INTO", "@") || has(":", "="),
        }
    }

    /// Whether it only sets something in the session, which one that goes on later has to set again.
    pub(super) fn is_setting(&self) -> bool {
        self.begins_with(&["SET"])
    }

    /// Whether it changes the schema, which commits before it waits for anything.
    pub(super) fn changes_schema(&self) -> bool {
        self.begins_with(&["ALTER", "CREATE", "DROP", "OPTIMIZE", "RENAME", "TRUNCATE"])
    }

    /// Whether it changes rows alone, which a transaction takes back; a routine that it calls may end that.
    pub(super) fn changes_rows(&self) -> bool {
        self.begins_with(&["CALL", "DELETE", "EXECUTE", "INSERT", "LOAD", "REPLACE", "UPDATE"])
    }

    /// Whether nothing of it has taken effect where it fails; as far as that can be told from its words.
    pub(super) fn is_atomic(&self) -> bool {
        let is_list = self.begins_with(&["DROP"]) && self.sql.contains(',');
        !is_list && !self.begins_with(&["BEGIN", "CALL", "EXECUTE", "FOR", "IF", "LOOP", "REPEAT", "WHILE"])
    }

    /// Whether it closes to this session all tables but those that it names.
    pub(super) fn locks_tables(&self) -> bool {
        self.locked().is_some()
    }

    /// Whether it opens them again.
    pub(super) fn unlocks_tables(&self) -> bool {
        self.begins_with(&["UNLOCK"])
    }

    /// The same statement that locks these `tables` too, if it locks some; first, since a time to wait may come last.
    pub(super) fn locking(&self, tables: &str) -> Option<String> {
        self.locked().map(|own| format!("LOCK TABLES {tables}, {own}"))
    }

    /// What it locks.
    fn locked(&self) -> Option<&str> {
        let rest = without_word(&self.sql, &["LOCK"])?;
        without_word(rest, &["TABLES", "TABLE"])
    }

    /// Whether its first word is one of these; a dump has it in a comment that is code for some servers.
    fn begins_with(&self, words: &[&str]) -> bool {
        let code = self.sql.strip_prefix("/*!").or_else(|| self.sql.strip_prefix("/*M!")).unwrap_or(&self.sql);
        let code = code.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter.is_whitespace());
        let first = code.split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
        words.iter().any(|word| first.eq_ignore_ascii_case(word))
    }
}

/// What follows the first word, if it is one of these.
fn without_word<'sql>(sql: &'sql str, words: &[&str]) -> Option<&'sql str> {
    let sql = sql.trim_start();
    let (word, rest) = sql.split_at(sql.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(sql.len()));
    words.iter().any(|expected| word.eq_ignore_ascii_case(expected)).then_some(rest)
}

/// What has been read of a file.
struct Reader<'sql> {
    engine: Engine,
    text: &'sql str,
    statements: Vec<Statement>,
    /// Where the statement that is being read begins.
    current: Option<usize>,
    body: Body,
    /// Up to where lines have been counted, and the line there.
    at: usize,
    line: usize,
}

impl Reader<'_> {
    /// Whether no statement has begun.
    const fn is_between(&self) -> bool {
        self.current.is_none()
    }

    /// Whether a word between statements is a command of the client's, which is then followed.
    fn is_command(&mut self, word: &Piece<'_>, pieces: &mut Pieces<'_>) -> Result<bool, ScriptError> {
        let line = self.line_of(word.start);
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
            let line = self.line_of(start);
            self.statements.push(Statement { sql, line, engine: self.engine });
        }
    }

    /// That of a place which is not before the one that was asked for last.
    fn line_of(&mut self, at: usize) -> usize {
        self.line += self.text[self.at..at].matches('\n').count();
        self.at = at;
        self.line
    }
}

#[cfg(test)]
mod tests;
