use crate::Error;

/// What is known of one migration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationStatus {
    /// It has run.
    Done,
    /// It has run, and its up.sql has other statements now. Comments and blanks between words do not count.
    Changed,
    /// It has not run.
    Pending,
    /// It began and has not ended: its process was killed or its connection was lost, where that takes nothing back,
    /// which is on MySQL and where it is in no transaction; or a statement failed that may have done a part of its work.
    /// Or another process runs it now.
    Begun {
        /// When it began, as `2026-01-31 12:00:00` in UTC.
        on: String,
        /// The statement of its up.sql, from 1, that ran: it may have taken effect or not, and those before it have. 0
        /// where none has; `None` where an earlier version began it, which did not record that.
        statement: Option<u32>,
    },
    /// It failed where a failure takes nothing back.
    Failed {
        /// When it began, as `2026-01-31 12:00:00` in UTC.
        on: String,
        /// The statement of its up.sql, from 1, with which it has to go on: those before it have taken effect. 0 where
        /// none has.
        statement: u32,
        /// What the database said.
        problem: String,
        /// Whether its up.sql was changed since, from that statement on and not before it, as a correction is.
        changed: bool,
    },
    /// It has run, and taking it back began and has not ended, where a failure takes nothing back; or another process takes
    /// it back now. This program may not have it.
    HalfDown {
        /// When that began, as `2026-01-31 12:00:00` in UTC.
        on: String,
        /// The statement of its down.sql, from 1, at which that stopped: those before it have taken effect.
        statement: u32,
        /// What the database said, where this statement failed and has not taken effect; `None` where it may have.
        problem: Option<String>,
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

impl MigrationStatus {
    /// The error of a start where the migration of this `name` is taken back in half: [`Error::DownFailed`] or
    /// [`Error::DownUnfinished`]; `None` where it is not.
    pub fn refuse_half_down(&self, name: &str) -> Option<Error> {
        let Self::HalfDown { on, statement, problem } = self else { return None };
        let (name, on, statement) = (name.to_owned(), on.clone(), *statement);
        Some(match problem.clone() {
            Some(problem) => Error::DownFailed { name, on, statement, problem },
            None => Error::DownUnfinished { name, on, statement },
        })
    }
}
