//! The results, as a table in Markdown.

use std::fmt;

use crate::trial::{Report, Trial};

pub(crate) struct Table(pub(crate) Vec<(Trial, Report)>);

const HEAD: &str = "\
| engine | fault | requests | acknowledged | lost | doubled | 503 | unknown | longest answer, ms | back after, ms | |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|";

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        self.0.iter().try_for_each(|(trial, report)| row(f, trial, report))
    }
}

impl Table {
    /// What was found, by trial.
    pub(crate) fn violations(&self) -> impl Iterator<Item = String> {
        let of = |(trial, report): &(Trial, Report)| {
            let name = trial.name();
            report.verdict.violations.iter().map(move |violation| format!("{name}: {violation}")).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of)
    }
}

fn row(f: &mut fmt::Formatter<'_>, trial: &Trial, report: &Report) -> fmt::Result {
    let Report { engine, verdict, back, untried, .. } = report;
    let (longest, back) = (verdict.longest.as_millis(), back.as_millis());
    write!(f, "| {engine} | {} ", trial.fault.name)?;
    write!(f, "| {} | {} | {} ", verdict.requests, verdict.acknowledged, verdict.lost)?;
    write!(f, "| {} | {} | {} ", verdict.doubled, verdict.refused, verdict.unknown)?;
    write!(f, "| {longest} | {back} ")?;
    match untried {
        Some(_) => writeln!(f, "| not tried |"),
        None if verdict.violations.is_empty() => writeln!(f, "| |"),
        None => writeln!(f, "| failed |"),
    }
}
