//! What in a migration breaks the program that still runs on the database, or locks a table while it is used.
//!
//! It reads statements as words and knows no schema: what it does not know it lets pass, and what is meant is said in
//! the migration by `-- foobar: allow RULE`. A table that is made by the same migrations has no rows, and no program
//! uses it; one that is made `IF NOT EXISTS` may have been there.

mod against;
mod alter;
mod others;
mod rule;
mod statement;
mod words;

use std::collections::BTreeSet;
use std::fmt;

use crate::Engine;

use against::{Against, CONTRACT, COPIED, IN_MAINTENANCE, RENAMED, ROWS_USED};
use others::Change;
pub use rule::LintRule;
use statement::{Statement, statements};
use words::Words;

/// Something in a migration that the program that runs meanwhile may not bear.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The file, as it was given, or as the program knows the folder of its migrations.
    pub file: String,
    /// The line in it; the first is 1.
    pub line: usize,
    /// Which rule it is against: the word of `-- foobar: allow RULE`.
    pub rule: LintRule,
    /// The statement, or the part of it, in at most 80 characters.
    pub statement: String,
    /// What may happen.
    pub problem: &'static str,
    /// What to do.
    pub advice: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, rule, statement, problem, advice } = self;
        write!(f, "{file}:{line}: {rule}: `{statement}`: {problem}; {advice}")?;
        write!(f, ", or write `-- foobar: allow {rule}` before the statement where it is meant")
    }
}

/// Reads migrations in the order in which they run, and remembers which tables they make.
pub struct MigrationLint {
    engine: Engine,
    /// In lower case.
    new_tables: BTreeSet<String>,
    /// Views, routines and their like: the kind and the name.
    new_others: BTreeSet<String>,
}

impl MigrationLint {
    /// For migrations of this engine.
    pub const fn new(engine: Engine) -> Self {
        Self { engine, new_tables: BTreeSet::new(), new_others: BTreeSet::new() }
    }

    /// What is found in one migration more; `file` is what its findings say.
    pub fn check(&mut self, file: &str, sql: &str) -> Vec<Finding> {
        let all = statements(sql, self.engine);
        let copied = copied_tables(&all);
        let mut findings = Vec::new();
        for statement in &all {
            for Against { rule, words, problem, advice } in self.against(statement.words(), &copied) {
                if !statement.allowed.contains(&rule) {
                    let (line, statement) = (words.line(), words.text(sql));
                    findings.push(Finding { file: file.to_owned(), line, rule, statement, problem, advice });
                }
            }
        }
        findings
    }

    fn against<'sql>(&mut self, words: Words<'sql>, copied: &BTreeSet<String>) -> Vec<Against<'sql>> {
        let found = |rule, problem, advice| vec![Against { rule, words, problem, advice }];
        if let Some((made, table)) = create_table(words) {
            let name = table.name();
            return match made {
                Made::Replaced if !self.is_new(&name) => found(LintRule::Drop, USED, CONTRACT),
                Made::New => {
                    self.new_tables.insert(name);
                    Vec::new()
                }
                Made::Replaced | Made::UnlessThere => Vec::new(),
            };
        }
        if let Some(tables) = of_tables(words, "DROP") {
            let tables = tables.skip(&["IF", "EXISTS"]).divided();
            let is_copied = tables.iter().all(|table| copied.contains(&table.name()));
            return match tables.iter().all(|table| self.is_new(&table.name())) {
                true => Vec::new(),
                false if is_copied => found(LintRule::Lock, COPIED, CONTRACT_COPY),
                false => found(LintRule::Drop, USED, CONTRACT),
            };
        }
        if let Some(table) = alter_table(words) {
            let is_new = self.is_new(&table.name());
            return if is_new { Vec::new() } else { alter::against(words, table, self.engine, copied) };
        }
        if let Some((is_unique, rest)) = create_index(words) {
            let Some(table) = rest.behind("ON") else { return Vec::new() };
            return if self.is_new(&table.name()) { Vec::new() } else { alter::index(words, is_unique, self.engine) };
        }
        match others::change(words) {
            Some((Change::Made, which)) => {
                self.new_others.insert(which);
                Vec::new()
            }
            Some((_, which)) if self.new_others.contains(&which) => Vec::new(),
            Some((change, _)) => others::against(change, words).into_iter().collect(),
            None => self.against_others(words),
        }
    }

    fn against_others<'sql>(&self, words: Words<'sql>) -> Vec<Against<'sql>> {
        let found = |rule, problem, advice| vec![Against { rule, words, problem, advice }];
        let without_where = words.behind("WHERE").is_none() && words.behind("LIMIT").is_none();
        let main = if words.is(&["WITH"]) { words.behind_with() } else { words };
        let changed = main.after(&["UPDATE"]).or_else(|| main.after(&["DELETE", "FROM"]));
        match changed.filter(|table| without_where && !self.is_new(&table.name())) {
            Some(_) => found(LintRule::Rows, ALL_ROWS, BATCHES),
            None if words.is(&["TRUNCATE"]) => found(LintRule::Drop, ROWS_USED, CONTRACT),
            None if words.is(&["RENAME"]) && !self.renames_new_tables_alone(words) => {
                found(LintRule::Rename, RENAMED, alter::EXPAND_NAME)
            }
            None if ["VACUUM", "OPTIMIZE", "REINDEX"].iter().any(|word| words.is(&[word]))
                || of_tables(words, "LOCK").is_some() =>
            {
                found(LintRule::Lock, "it locks what the program that runs writes to", IN_MAINTENANCE)
            }
            None => Vec::new(),
        }
    }

    fn renames_new_tables_alone(&self, words: Words<'_>) -> bool {
        let tables =
            of_tables(words, "RENAME").map_or_else(Vec::new, |tables| tables.skip(&["IF", "EXISTS"]).divided());
        !tables.is_empty() && tables.iter().all(|table| self.is_new(&table.name()))
    }

    fn is_new(&self, table: &str) -> bool {
        self.new_tables.contains(table)
    }
}

/// The tables that are dropped and whose names another one gets: they are altered as SQLite does it, by a copy.
fn copied_tables(all: &[Statement<'_>]) -> BTreeSet<String> {
    let renamed = |statement: &Statement<'_>| {
        let table = alter_table(statement.words())?;
        Some(table.behind("RENAME")?.after(&["TO"])?.name())
    };
    let dropped = |statement: &Statement<'_>| {
        let tables = of_tables(statement.words(), "DROP")?.skip(&["IF", "EXISTS"]).divided();
        Some(tables.into_iter().map(Words::name).collect::<Vec<_>>())
    };
    let dropped: BTreeSet<_> = all.iter().filter_map(dropped).flatten().collect();
    all.iter().filter_map(renamed).filter(|table| dropped.contains(table)).collect()
}

/// How a statement makes a table.
enum Made {
    New,
    /// In the place of one that may be there.
    Replaced,
    /// One that is there stays as it is.
    UnlessThere,
}

/// How the table is made, and its name with what follows. One that is temporary is seen by nobody else.
fn create_table(words: Words<'_>) -> Option<(Made, Words<'_>)> {
    let rest = words.after(&["CREATE"])?;
    let replacing = rest.after(&["OR", "REPLACE"]);
    let rest = replacing.unwrap_or(rest);
    let temporary = rest.after(&["TEMPORARY"]).or_else(|| rest.after(&["TEMP"]));
    let rest = temporary.unwrap_or(rest).skip(&["VIRTUAL"]).after(&["TABLE"])?;
    let unless_there = rest.after(&["IF", "NOT", "EXISTS"]);
    let made = match unless_there {
        _ if temporary.is_some() => Made::New,
        _ if replacing.is_some() => Made::Replaced,
        Some(_) => Made::UnlessThere,
        None => Made::New,
    };
    Some((made, unless_there.unwrap_or(rest)))
}

/// What follows `ALTER TABLE`, from the table's name on.
fn alter_table(words: Words<'_>) -> Option<Words<'_>> {
    let mut rest = words.after(&["ALTER"])?;
    while rest.is(&["ONLINE"]) || rest.is(&["IGNORE"]) {
        rest = rest.rest();
    }
    Some(rest.after(&["TABLE"])?.skip(&["IF", "EXISTS"]))
}

/// What follows this verb and `TABLE` or `TABLES`, which mean the same.
fn of_tables<'sql>(words: Words<'sql>, verb: &str) -> Option<Words<'sql>> {
    let rest = words.after(&[verb])?;
    rest.after(&["TABLE"]).or_else(|| rest.after(&["TABLES"]))
}

/// Whether it is unique, and its name with what follows.
fn create_index(words: Words<'_>) -> Option<(bool, Words<'_>)> {
    let rest = words.after(&["CREATE"])?.skip(&["OR", "REPLACE"]).skip(&["ONLINE"]);
    let is_unique = rest.is(&["UNIQUE"]);
    let rest = rest.skip(&["UNIQUE"]).skip(&["FULLTEXT"]).skip(&["SPATIAL"]);
    Some((is_unique, rest.after(&["INDEX"])?))
}

const USED: &str = "the program that runs may still use the table";
const CONTRACT_COPY: &str = "run it in a pause (`foobar pause`) if the table is small, else in maintenance";
const ALL_ROWS: &str = "it changes all rows in one transaction, and nobody can write to them meanwhile";
const BATCHES: &str = "change some thousand rows at a time, by a task of the program, and not in a migration";

#[cfg(test)]
mod tests;
