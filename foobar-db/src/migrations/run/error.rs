use diesel::result::Error as DieselError;
use foobar_core::BoxError;

use super::super::directive::DirectiveError;
use super::super::foreign_keys::Dangling;
use super::super::script::ScriptError;

/// Why a migration fails.
#[derive(Debug, thiserror::Error)]
pub(in crate::migrations) enum RunError {
    #[error("its {file} has {why}")]
    Directive { file: &'static str, why: DirectiveError },
    #[error("its {file} has {why}; nothing of it was run")]
    Script { file: &'static str, why: ScriptError },
    #[error("its statement {number} of {of}, on line {line} of its {file}")]
    Statement { number: usize, of: usize, line: usize, file: &'static str, source: DieselError },
    #[error(
        "it leaves rows that refer to nothing: {0}; so all of it was rolled back. Foreign keys are not enforced while \
         a migration runs: let it delete or mend these rows, or begin with `-- foobar: foreign_keys = on` where \
         ON DELETE or ON UPDATE is meant to"
    )]
    Dangling(Dangling),
    #[error("nothing of it has taken effect; correct it and run `migrate` again")]
    Nothing(#[source] BoxError),
    #[error(
        "what it did before its statement {statement} has taken effect; correct it from there on and run `migrate`, which \
         goes on with statement {statement}, or do the rest by hand and run `migrate mark-done {name}`"
    )]
    Until { statement: u32, name: String, source: BoxError },
    #[error(
        "whether that has taken effect, or a part of it, is not known; see `migrate status`, then run `migrate resume`, or \
         do the rest by hand and run `migrate mark-done {name}`"
    )]
    Unknown { name: String, source: BoxError },
    #[error(
        "the row of this process in `__foobar_migration_lock` is gone, such as by `migrate unlock`; so it runs nothing more"
    )]
    Unlocked,
    #[error("taking it back failed, so all of that was rolled back")]
    Down(#[source] BoxError),
    #[error(
        "taking it back failed, and nothing of that has taken effect; correct its down.sql and run `migrate down` again"
    )]
    DownNothing(#[source] BoxError),
    #[error(
        "taking it back failed again, at the first statement of its down.sql, and what that file did before has taken effect; \
         look, then correct it and run `migrate down`, or run `migrate resume --from` with the first statement that has not, or \
         put back by hand what is gone and run `migrate mark-done {name}`"
    )]
    DownAgain { name: String, source: BoxError },
    #[error(
        "taking it back failed, and what its down.sql did before its statement {statement} has taken effect; correct it from \
         there on and run `migrate down`, which goes on with statement {statement}, or do the rest by hand and run \
         `migrate resume --from {}`, or put back by hand what is gone and run `migrate mark-done {name}`",
        .of.saturating_add(1)
    )]
    DownUntil { statement: u32, of: usize, name: String, source: BoxError },
    #[error(
        "taking it back failed, and whether that has taken effect, or a part of it, is not known; see `migrate status`, then \
         run `migrate resume`, or put back by hand what is gone and run `migrate mark-done {name}`"
    )]
    DownUnknown { name: String, source: BoxError },
    #[error(
        "taking it back stopped at statement {statement} of its down.sql, and what is before that is not what has run; take \
         it as it was and change it from there on alone, or put back by hand what is gone and run `migrate mark-done {name}`"
    )]
    DownAltered { statement: u32, name: String },
    #[error(
        "taking it back stopped at statement {statement} of its down.sql, and statement {lost} leaves a variable, a prepared \
         statement or a temporary table in the session, which has ended; where the rest needs none of it, run \
         `migrate resume --from {statement}`"
    )]
    DownSession { statement: u32, lost: usize },
    #[error(
        "taking it back cannot go on with statement {statement}: its down.sql has {of}, and `--from {}` says that all of them \
         have taken effect",
        .of.saturating_add(1)
    )]
    NoSuchDown { statement: u32, of: usize },
}

/// What is left of a migration that has failed.
#[derive(Clone, Copy)]
pub(super) enum Progress {
    /// All of it was rolled back, which is the rule of its engine.
    None,
    /// What it did before this statement, and nothing from there on.
    Until(u32),
    Unknown,
}

impl Progress {
    /// The error with what is left, and how to go on.
    pub(super) fn explain(self, source: BoxError, name: &str) -> BoxError {
        let name = name.to_owned();
        match self {
            Self::None => source,
            Self::Until(0 | 1) => RunError::Nothing(source).into(),
            Self::Until(statement) => RunError::Until { statement, name, source }.into(),
            Self::Unknown => RunError::Unknown { name, source }.into(),
        }
    }

    /// The same of one that was to be taken back by so many statements, or to go on with that.
    pub(super) fn explain_down(self, source: BoxError, name: &str, of: usize, goes_on: bool) -> BoxError {
        let name = name.to_owned();
        let error = match self {
            Self::None => RunError::Down(source),
            Self::Until(0 | 1) if goes_on => RunError::DownAgain { name, source },
            Self::Until(0 | 1) => RunError::DownNothing(source),
            Self::Until(statement) => RunError::DownUntil { statement, of, name, source },
            Self::Unknown => RunError::DownUnknown { name, source },
        };
        error.into()
    }
}
