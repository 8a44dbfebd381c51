/// Whose schema a migration is of; each has a ledger of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Framework,
    Application,
}

/// Whether a migration is run or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// One migration of a program.
#[derive(Clone)]
pub(super) struct Migration {
    pub(super) owner: Owner,
    /// The name of its folder.
    pub(super) name: String,
    /// What stands before the first `_` of the name, without hyphens.
    pub(super) version: String,
    /// Its up.sql.
    pub(super) up: String,
    /// Its down.sql, if it has one.
    pub(super) down: Option<String>,
    /// What its metadata.toml says, or true.
    pub(super) in_transaction: bool,
}
