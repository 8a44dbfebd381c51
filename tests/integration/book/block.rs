/// One block of code of a page.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The line of its first fence.
    pub(super) line: usize,
    pub(super) language: String,
    /// What stands after the language.
    pub(super) words: Vec<String>,
    pub(super) notes: Vec<Note>,
    pub(super) text: String,
}

/// What a comment in front of a block says of it: `<!-- file: src/main.rs -->`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// It is this file, which the blocks below find. Templates and migrations are the same in `docs/`, where Rust blocks
    /// compile with them.
    File(String),
    /// It goes to the end of this file.
    Append(String),
    /// It is not tried, and why.
    Shown(String),
    /// The test that tries it.
    Tested(String),
    /// The program refuses it in these words.
    Fails(String),
    /// The program accepts it with a warning in these words.
    Warns(String),
    /// The example that is the program of this page from here on, instead of `hello`.
    Program(String),
    /// It is what the commands above it print; `…` stands for anything.
    Prints,
    /// No note that there is.
    Unknown(String),
}

impl Note {
    /// What a line says, if it is a comment.
    pub(super) fn of(line: &str) -> Option<Self> {
        let comment = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
        let (key, value) = comment.split_once(':').unwrap_or((comment, "")); // one word has no value
        let value = value.trim().to_owned();
        Some(match (key, value.is_empty()) {
            ("file", false) => Self::File(value),
            ("append", false) => Self::Append(value),
            ("shown", false) => Self::Shown(value),
            ("tested", false) => Self::Tested(value),
            ("fails", false) => Self::Fails(value),
            ("warns", false) => Self::Warns(value),
            ("program", false) => Self::Program(value),
            ("prints", true) => Self::Prints,
            _ => Self::Unknown(comment.to_owned()),
        })
    }

    fn value(&self) -> Option<&str> {
        match self {
            Self::Prints => None,
            Self::File(value)
            | Self::Append(value)
            | Self::Shown(value)
            | Self::Tested(value)
            | Self::Fails(value)
            | Self::Warns(value)
            | Self::Program(value)
            | Self::Unknown(value) => Some(value),
        }
    }
}

impl Block {
    pub(super) fn file(&self) -> Option<&str> {
        self.said(|note| matches!(note, Note::File(_)))
    }

    pub(super) fn append(&self) -> Option<&str> {
        self.said(|note| matches!(note, Note::Append(_)))
    }

    pub(super) fn fails(&self) -> Option<&str> {
        self.said(|note| matches!(note, Note::Fails(_)))
    }

    pub(super) fn warns(&self) -> Option<&str> {
        self.said(|note| matches!(note, Note::Warns(_)))
    }

    pub(super) fn program(&self) -> Option<&str> {
        self.said(|note| matches!(note, Note::Program(_)))
    }

    /// What the note of this kind says.
    fn said(&self, is_it: impl Fn(&Note) -> bool) -> Option<&str> {
        self.notes.iter().find(|note| is_it(note)).and_then(Note::value)
    }

    pub(super) fn prints(&self) -> bool {
        self.notes.contains(&Note::Prints)
    }

    /// Whether something else tries it, or a reason stands in front of it.
    pub(super) fn is_excused(&self) -> bool {
        self.notes.iter().any(|note| matches!(note, Note::Shown(_) | Note::Tested(_)))
    }
}
