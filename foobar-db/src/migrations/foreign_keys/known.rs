//! What is known of a foreign key, and of a row that refers to nothing.

/// What a foreign key says; its number would change where its table is made anew.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ForeignKey {
    pub(super) table: String,
    pub(super) columns: String,
    pub(super) parent: String,
    /// `None` for the primary key.
    pub(super) parent_columns: Option<String>,
}

/// A row that refers to nothing.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// `None` where SQLite does not say which row it is, and its primary key is not known either.
    pub(super) id: Option<Id>,
    /// What its foreign key holds, by which it is known where a migration has changed its id; `None` where that is not known.
    pub(super) reference: Option<String>,
}

/// What a row is named by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Id {
    Rowid(i64),
    /// The values of the primary key as SQL writes them, in a table without rowids.
    Key(String),
}

impl Id {
    /// Whether it is of integers alone. What else is in a primary key may be a secret or somebody's address, and no matter
    /// for the log.
    pub(super) fn may_be_told(&self) -> bool {
        match self {
            Self::Rowid(_) => true,
            Self::Key(values) => values.chars().all(|letter| letter.is_ascii_digit() || "(-, )".contains(letter)),
        }
    }
}

/// A foreign key with what it takes to ask for its rows.
pub(super) struct Known {
    pub(super) key: ForeignKey,
    /// An expression of SQL for what its columns hold.
    pub(super) reference: String,
    /// A condition of SQL under which a row refers to nothing.
    pub(super) dangles: String,
    /// The name by which SQL asks for the rowids of its table; columns may have any of the three.
    pub(super) rowid: Option<String>,
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
