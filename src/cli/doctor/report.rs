use std::collections::BTreeSet;
use std::fmt::{self, Display};

use crate::cli::output::{Exit, out};

/// What is printed, line by line, and what it comes to.
#[derive(Default)]
pub(super) struct Report {
    warnings: usize,
    /// What each problem is of.
    problems: BTreeSet<String>,
}

/// What a line is about.
#[derive(Clone, Copy)]
pub(super) enum Topic {
    Versions,
    Clock,
    Configuration,
    Database,
    Descriptors,
    Certificates,
    Permissions,
    Disk,
    Ports,
}

impl Report {
    pub(super) fn ok(&mut self, topic: Topic, text: impl Display) {
        self.line("ok", topic, text);
    }

    /// It works, and may not for long, or not as somebody may expect.
    pub(super) fn warning(&mut self, topic: Topic, text: impl Display) {
        self.warnings += 1;
        self.line("warning", topic, text);
    }

    /// It does not work. What the configuration's parts and the whole of it both find is told once.
    pub(super) fn problem(&mut self, topic: Topic, text: impl Display) {
        let text = text.to_string();
        if self.problems.insert(subject(&text).to_owned()) {
            self.line("problem", topic, text);
        }
    }

    /// Says how many there were.
    pub(super) fn end(self) -> Exit {
        out(format_args!("{}, {}", counted(self.problems.len(), "problem"), counted(self.warnings, "warning")));
        if self.problems.is_empty() { Exit::Success } else { Exit::Failure }
    }

    fn line(&self, verdict: &str, topic: Topic, text: impl Display) {
        out(format_args!("{verdict:<8} {:<14} {text}", topic.to_string()));
    }
}

/// Up to the key, of ``foobar.toml:4: `sites.www.root`: …``; all of other texts.
fn subject(text: &str) -> &str {
    text.match_indices('`').nth(1).map_or(text, |(end, _)| &text[..end])
}

/// `1 problem`, `2 problems`.
pub(super) fn counted(number: usize, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {word}{plural}")
}

impl Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Versions => "versions",
            Self::Clock => "clock",
            Self::Configuration => "configuration",
            Self::Database => "database",
            Self::Descriptors => "descriptors",
            Self::Certificates => "certificates",
            Self::Permissions => "permissions",
            Self::Disk => "disk",
            Self::Ports => "ports",
        })
    }
}
