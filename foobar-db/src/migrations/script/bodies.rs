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

/// A trigger, an event, a procedure or a function of MySQL: its body may be a block of statements.
#[derive(Default)]
pub(super) struct Routine {
    is: Is,
    blocks: Vec<Block>,
    /// Whether a statement of the body may begin here; a `CASE` elsewhere is part of an expression.
    at_start: bool,
    /// The word before was `END`.
    after_end: bool,
    /// The mark before was a `:`.
    after_colon: bool,
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
}

/// What may stand behind `END`.
const CLOSED: [&str; 6] = ["CASE", "FOR", "IF", "LOOP", "REPEAT", "WHILE"];

impl Routine {
    fn take(&mut self, piece: &Piece<'_>) {
        match piece.kind {
            Kind::Word => self.take_word(&piece.text.to_ascii_uppercase()),
            _ => self.take_mark(piece),
        }
    }

    fn take_mark(&mut self, piece: &Piece<'_>) {
        let is_assignment = self.after_colon && piece.text == "=";
        self.after_colon = piece.text == ":"; // behind a label
        self.at_start = !is_assignment && (self.after_colon || piece.kind == Kind::Delimiter);
        self.after_end = false;
        if self.is == Is::New && piece.kind != Kind::Code {
            self.is = Is::Other;
        }
    }

    fn take_word(&mut self, word: &str) {
        let (at_start, after_end) = (self.at_start, self.after_end);
        (self.at_start, self.after_end, self.after_colon) = (false, false, false);
        match self.is {
            Is::New if word == "BEGIN" => self.is = Is::Creation, // a transaction, or MariaDB's BEGIN NOT ATOMIC
            Is::New => self.is = if ["CREATE", "ALTER"].contains(&word) { Is::Creation } else { Is::Other },
            Is::Creation => self.learn(word),
            Is::Routine if after_end && CLOSED.contains(&word) => {}
            Is::Routine => self.take_word_of_body(word, at_start),
            Is::Other => {}
        }
    }

    fn learn(&mut self, word: &str) {
        match word {
            "PROCEDURE" | "FUNCTION" | "TRIGGER" | "EVENT" | "PACKAGE" => self.is = Is::Routine,
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

    fn take_word_of_body(&mut self, word: &str, at_start: bool) {
        match word {
            "BEGIN" => self.open(Block::Statement, true),
            "LOOP" | "REPEAT" if at_start => self.open(Block::Statement, true),
            "CASE" if !at_start => self.open(Block::Expression, false),
            "IF" | "CASE" | "WHILE" | "FOR" if at_start => self.open(Block::Statement, false),
            "THEN" | "ELSE" | "DO" => self.at_start = self.blocks.last() != Some(&Block::Expression),
            "ROW" => self.at_start = self.blocks.is_empty(), // FOR EACH ROW
            "END" => {
                self.blocks.pop();
                self.after_end = true;
            }
            _ => {}
        }
    }

    fn open(&mut self, block: Block, at_start: bool) {
        self.blocks.push(block);
        self.at_start = at_start;
    }
}
