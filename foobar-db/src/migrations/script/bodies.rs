use super::pieces::{Kind, Piece};
use crate::Engine;

/// How far a statement has been read that may have a body of statements: where a `;` ends it, and where only one of
/// those.
pub(super) enum Body {
    Sqlite(Trigger),
    Mysql(Routine),
}

impl Body {
    pub(super) fn of(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::Sqlite(Trigger::default()),
            Engine::Mysql => Self::Mysql(Routine::default()),
        }
    }

    /// Whether a `;` ends the whole here.
    pub(super) fn ends_here(&self) -> bool {
        match self {
            Self::Sqlite(trigger) => trigger.ends_here(),
            Self::Mysql(routine) => routine.blocks.is_empty(),
        }
    }

    pub(super) fn take(&mut self, piece: &Piece<'_>) {
        match self {
            Self::Sqlite(trigger) => trigger.take(piece),
            Self::Mysql(routine) => routine.take(piece),
        }
    }
}

/// A trigger of SQLite ends at `; END;`, as for SQLite's own `sqlite3_complete`.
#[derive(Default)]
pub(super) struct Trigger {
    /// How many words have been read, up to three.
    words: u8,
    is_create: bool,
    is_trigger: bool,
    end: End,
}

#[derive(Default, PartialEq, Eq)]
enum End {
    #[default]
    Far,
    Semicolon,
    /// `END` behind it.
    Word,
}

impl Trigger {
    fn ends_here(&self) -> bool {
        !self.is_trigger || self.end == End::Word
    }

    fn take(&mut self, piece: &Piece<'_>) {
        let is = |word: &str| piece.kind == Kind::Word && piece.text.eq_ignore_ascii_case(word);
        self.words = self.words.saturating_add(1);
        self.is_create |= self.words == 1 && is("CREATE");
        self.is_trigger |= self.is_create && self.words <= 3 && is("TRIGGER"); // TEMP may stand between
        self.end = match self.end {
            _ if piece.kind == Kind::Delimiter => End::Semicolon,
            End::Semicolon if is("END") => End::Word,
            _ => End::Far,
        };
    }
}

/// A trigger, an event, a procedure or a function of MySQL: its body may be a block of statements. What is not certain
/// is read as going on: the server takes two statements at once, and never a half.
#[derive(Default)]
pub(super) struct Routine {
    is: Is,
    blocks: Vec<Block>,
    /// Whether a statement of the body begins here; a `CASE` elsewhere is part of an expression.
    at_start: bool,
    /// Whether one may begin here: in the head of a routine, or behind the condition of a handler.
    may_start: bool,
    /// The word before, as long as nothing else is between.
    before: String,
    /// The mark before, if nothing else is between: a `:` behind a label, a `.` before a name.
    mark: Option<char>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Is {
    /// Nothing has been read.
    #[default]
    New,
    /// It makes something.
    Creation,
    Routine,
    /// It has no body.
    Other,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Statement,
    Expression,
    /// From `UNTIL` to `END REPEAT`.
    Until,
}

/// What may stand behind `END`.
const CLOSED: [&str; 6] = ["CASE", "FOR", "IF", "LOOP", "REPEAT", "WHILE"];
/// What `IF NOT EXISTS` may stand behind.
const ROUTINES: [&str; 5] = ["PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE"];
/// What a statement without a body begins with: what follows is no head any more.
const PLAIN: [&str; 18] = [
    "ALTER", "CALL", "CREATE", "DELETE", "DO", "DROP", "EXECUTE", "INSERT", "LOAD", "PREPARE", "REPLACE", "RETURN",
    "SELECT", "SET", "SIGNAL", "TRUNCATE", "UPDATE", "WITH",
];

impl Routine {
    fn take(&mut self, piece: &Piece<'_>) {
        match piece.kind {
            Kind::Word => self.take_word(&piece.text.to_ascii_uppercase()),
            _ => self.take_mark(piece),
        }
    }

    fn take_mark(&mut self, piece: &Piece<'_>) {
        let is_label = piece.text == ":";
        let is_assignment = self.mark == Some(':') && piece.text == "=";
        self.at_start = !is_assignment && (is_label || piece.kind == Kind::Delimiter);
        self.may_start &= piece.kind != Kind::Delimiter;
        self.mark = piece.text.chars().next();
        self.before.clear();
        if self.is == Is::New && piece.kind != Kind::Code {
            self.is = Is::Other;
        }
    }

    fn take_word(&mut self, word: &str) {
        let (at_start, mark) = (std::mem::take(&mut self.at_start), self.mark.take());
        let before = std::mem::replace(&mut self.before, word.to_owned());
        if mark == Some('.') {
            return self.before.clear(); // a name
        }
        match self.is {
            Is::New if word == "BEGIN" => self.is = Is::Creation, // a transaction, or MariaDB's BEGIN NOT ATOMIC
            Is::New => self.is = if ["CREATE", "ALTER"].contains(&word) { Is::Creation } else { Is::Other },
            Is::Creation => self.learn(word),
            Is::Routine if before == "END" && CLOSED.contains(&word) => self.close_until(word),
            Is::Routine if word == "END" => self.close(at_start),
            Is::Routine => self.take_word_of_body(word, at_start || self.may_start, &before),
            Is::Other => {}
        }
    }

    fn learn(&mut self, word: &str) {
        match word {
            _ if ROUTINES.contains(&word) => {
                self.is = Is::Routine;
                self.may_start = ["PROCEDURE", "FUNCTION"].contains(&word);
            }
            "ATOMIC" => {
                self.is = Is::Routine;
                self.open(Block::Statement, true);
            }
            "TABLE" | "VIEW" | "INDEX" | "DATABASE" | "SCHEMA" | "USER" | "ROLE" | "SEQUENCE" | "SERVER" => {
                self.is = Is::Other;
            }
            _ => {} // OR REPLACE, DEFINER = name, TEMPORARY, UNIQUE
        }
    }

    fn take_word_of_body(&mut self, word: &str, at_start: bool, before: &str) {
        match (word, before) {
            ("IF", before) if ROUTINES.contains(&before) => {} // NOT EXISTS
            ("FOR", "HANDLER") | ("SET", "CHARACTER") => {}
            ("HANDLER", _) => self.may_start = true,
            ("ROW", _) if self.blocks.is_empty() => (self.at_start, self.may_start) = (true, true), // FOR EACH ROW
            ("UNTIL", _) if at_start => self.blocks.last_mut().into_iter().for_each(|block| *block = Block::Until),
            _ => self.take_beginning(word, at_start),
        }
    }

    /// A word that a block may begin with, or a part of one.
    fn take_beginning(&mut self, word: &str, at_start: bool) {
        match word {
            "BEGIN" => self.open(Block::Statement, true),
            "LOOP" | "REPEAT" if at_start => self.open(Block::Statement, true),
            "CASE" if !at_start => self.open(Block::Expression, false),
            "IF" | "CASE" | "WHILE" | "FOR" if at_start => self.open(Block::Statement, false),
            "THEN" | "ELSE" | "DO" => self.at_start = self.blocks.last() != Some(&Block::Expression),
            _ => self.may_start &= !PLAIN.contains(&word),
        }
    }

    fn open(&mut self, block: Block, at_start: bool) {
        self.blocks.push(block);
        (self.at_start, self.may_start) = (at_start, false);
    }

    /// At `END`, which may be a column's name: it ends an expression, or statements where another could begin.
    fn close(&mut self, at_start: bool) {
        if self.blocks.last() == Some(&Block::Expression) || at_start && self.blocks.last() == Some(&Block::Statement) {
            self.blocks.pop();
        }
    }

    /// At the word behind an `END`.
    fn close_until(&mut self, word: &str) {
        if word == "REPEAT" && self.blocks.last() == Some(&Block::Until) {
            self.blocks.pop();
        }
    }
}
