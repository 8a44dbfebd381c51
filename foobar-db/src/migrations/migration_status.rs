/// What is known of one migration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationStatus {
    /// It has run.
    Done,
    /// It has not run.
    Pending,
    /// It began and has not ended: its process was killed, or it failed where a failure takes nothing back, which is on
    /// MySQL and where it is in no transaction. Statements of it may have taken effect. Or another process runs it now.
    Begun {
        /// When it began, as `2026-01-31 12:00:00` in UTC.
        on: String,
    },
    /// It began and has not ended, and this program does not have it: that of another version does.
    BegunElsewhere {
        /// When it began, as `2026-01-31 12:00:00` in UTC.
        on: String,
    },
    /// It has run, and this program does not have it: a newer program has, or its folder was removed. Its name is not
    /// known, only its version.
    Unknown,
}
