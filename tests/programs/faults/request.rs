//! What clients ask for, and what came of it.

use std::time::{Duration, Instant};

use crate::http::Answer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Needs no database.
    Static,
    /// Reads the row of an earlier write.
    Read,
    EndlessRead,
    Write,
    /// A write in several statements.
    Stepwise,
    /// A write that collides with others.
    Contended,
    /// A write of 60,000 bytes.
    Bulky,
    EndlessWrite,
}

/// One request. The id of a write belongs to it alone.
pub(crate) struct Request {
    pub(crate) id: i32,
    pub(crate) kind: Kind,
    pub(crate) sent: Instant,
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answered; a write is acknowledged by it.
    Done,
    /// 503: nothing has been done.
    Refused,
    /// A 500 that says so, or no answer as the program was stopped.
    Unknown,
    /// What must not be, whatever the fault.
    Wrong(String),
}

impl Kind {
    pub(crate) fn line(self, id: i32) -> (&'static str, String) {
        match self {
            Self::Static => ("GET", "/".to_owned()),
            Self::Read => ("GET", format!("/ledger/{id}")),
            Self::EndlessRead => ("GET", "/endless".to_owned()),
            Self::Write => ("PUT", format!("/ledger/{id}")),
            Self::Stepwise => ("PUT", format!("/ledger/{id}/stepwise")),
            Self::Contended => ("PUT", format!("/ledger/{id}/contended")),
            Self::Bulky => ("PUT", format!("/ledger/{id}/bulky")),
            Self::EndlessWrite => ("PUT", format!("/ledger/{id}/endless")),
        }
    }

    pub(crate) const fn writes(self) -> bool {
        !matches!(self, Self::Static | Self::Read | Self::EndlessRead)
    }
}

impl Outcome {
    pub(crate) fn of(kind: Kind, answer: &Answer) -> Self {
        match (answer.status, kind) {
            (200 | 201, Kind::EndlessRead | Kind::EndlessWrite) => Self::Wrong("an endless query ended".to_owned()),
            (200 | 201, _) => Self::Done,
            (503, kind) if kind != Kind::Static => Self::Refused,
            (500, kind) if kind.writes() && answer.body.contains("not known whether") => Self::Unknown,
            (409, _) => Self::Wrong("409: it was there already".to_owned()),
            (status, _) => Self::Wrong(format!("{status}: {}", answer.body.trim())),
        }
    }
}
