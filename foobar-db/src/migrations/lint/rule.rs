use std::fmt;

/// What a statement of a migration may be against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LintRule {
    /// A table, a column, a view, a routine or their like goes, or all rows of a table or a partition.
    Drop,
    /// A table or a column gets another name.
    Rename,
    /// A column that the program that runs would have to fill in: a new one, or one that loses its default.
    NotNull,
    /// A column, a view or a routine is declared anew.
    Type,
    /// An index is made in a way that may keep others from writing.
    Index,
    /// Rows that the program that runs may write become an error.
    Constraint,
    /// All rows of a table are changed at once.
    Rows,
    /// A table is copied or locked as a whole.
    Lock,
}

impl LintRule {
    const ALL: [Self; 8] =
        [Self::Drop, Self::Rename, Self::NotNull, Self::Type, Self::Index, Self::Constraint, Self::Rows, Self::Lock];

    const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Rename => "rename",
            Self::NotNull => "not_null",
            Self::Type => "type",
            Self::Index => "index",
            Self::Constraint => "constraint",
            Self::Rows => "rows",
            Self::Lock => "lock",
        }
    }

    /// The rules that a comment `-- foobar: allow drop, rename` names behind `foobar:`; `None` if it is none.
    pub(in crate::migrations) fn allowed_by(directive: &str) -> Option<Vec<Self>> {
        let (word, rules) = directive.trim().split_once(char::is_whitespace)?;
        let rule = |name: &str| Self::ALL.into_iter().find(|rule| name.trim().eq_ignore_ascii_case(rule.name()));
        if word.eq_ignore_ascii_case("allow") { rules.split(',').map(rule).collect() } else { None }
    }
}

impl fmt::Display for LintRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
