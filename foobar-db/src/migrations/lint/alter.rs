//! The clauses of `ALTER TABLE`, and indices.

use std::collections::BTreeSet;

use super::against::{Against, CONTRACT, COPIED, IN_MAINTENANCE, RENAMED, ROWS_USED};
use super::rule::LintRule;
use super::words::Words;
use crate::Engine;

/// What the clauses of a statement that alters a table are against; `table` is what follows from its name on.
pub(super) fn against<'sql>(
    statement: Words<'sql>,
    table: Words<'sql>,
    engine: Engine,
    copied: &BTreeSet<String>,
) -> Vec<Against<'sql>> {
    let is_online = is_online(statement);
    let mut clauses = table.rest();
    while clauses.is_of_name() {
        clauses = clauses.rest().rest(); // `database.table`, with quotes
    }
    clauses = clauses.after(&["WAIT"]).map_or(clauses, Words::rest).skip(&["NOWAIT"]);
    let mut all = Vec::new();
    for words in clauses.divided() {
        let found = match words.after(&["ADD"]) {
            Some(rest) => added(rest, engine, is_online),
            None => of_clause(words, engine, copied).into_iter().collect(),
        };
        let is_partitioned = words.has(&["PARTITION", "BY"]) && found.iter().all(|(rule, ..)| *rule != LintRule::Lock);
        let found = found.into_iter().chain(is_partitioned.then_some((LintRule::Lock, COPIED, IN_MAINTENANCE)));
        all.extend(found.map(|(rule, problem, advice)| Against { rule, words, problem, advice }));
    }
    all
}

/// What a clause is against that adds nothing.
fn of_clause(words: Words<'_>, engine: Engine, copied: &BTreeSet<String>) -> Option<What> {
    if let Some(rest) = words.after(&["DROP"]) {
        return dropped(rest);
    }
    if let Some(rest) = words.after(&["ALTER"]) {
        let column = rest.skip(&["COLUMN"]).skip(&["IF", "EXISTS"]);
        let loses_default = column.rest().is(&["DROP", "DEFAULT"]);
        return loses_default.then_some((LintRule::NotNull, NO_DEFAULT, KEEP_DEFAULT));
    }
    if let Some(rest) = words.after(&["RENAME"]) {
        let is_copy = rest.after(&["TO"]).is_some_and(|name| copied.contains(&name.name())) && engine == Engine::Sqlite;
        let is_index = rest.is(&["INDEX"]) || rest.is(&["KEY"]);
        return if is_index || is_copy { None } else { Some((LintRule::Rename, RENAMED, EXPAND_NAME)) };
    }
    if let Some(rest) = words.after(&["CHANGE"]) {
        let rest = rest.skip(&["COLUMN"]).skip(&["IF", "EXISTS"]);
        return match rest.name() == rest.rest().name() {
            true => Some((LintRule::Type, TYPE, EXPAND_TYPE)),
            false => Some((LintRule::Rename, RENAMED, EXPAND_NAME)),
        };
    }
    if words.is(&["MODIFY"]) {
        return Some((LintRule::Type, TYPE, EXPAND_TYPE));
    }
    if words.is(&["TRUNCATE", "PARTITION"]) {
        return Some((LintRule::Drop, ROWS_USED, CONTRACT));
    }
    let copies = [&["CONVERT"][..], &["ENGINE"], &["ROW_FORMAT"], &["ORDER"], &["FORCE"], &["REMOVE", "PARTITIONING"]];
    let moves = ["REORGANIZE", "REBUILD", "COALESCE", "EXCHANGE"].iter().any(|verb| words.is(&[verb, "PARTITION"]));
    let copies = copies.iter().any(|keywords| words.is(keywords));
    if copies || moves { Some((LintRule::Lock, COPIED, IN_MAINTENANCE)) } else { None }
}

type What = (LintRule, &'static str, &'static str);

fn dropped(rest: Words<'_>) -> Option<What> {
    const HARMLESS: [&str; 5] = ["INDEX", "KEY", "CONSTRAINT", "FOREIGN", "CHECK"];
    if HARMLESS.iter().any(|word| rest.is(&[word])) {
        return None;
    }
    if rest.is(&["PARTITION"]) {
        return Some((LintRule::Drop, ROWS_USED, CONTRACT));
    }
    if rest.is(&["PRIMARY"]) {
        return Some((LintRule::Lock, COPIED, IN_MAINTENANCE));
    }
    Some((LintRule::Drop, "the program that runs may still name the column", CONTRACT))
}

fn added(rest: Words<'_>, engine: Engine, is_online: bool) -> Vec<What> {
    let mut all: Vec<What> = Vec::new();
    for part in rest.skip(&["COLUMN"]).skip(&["IF", "NOT", "EXISTS"]).columns() {
        for what in of_part(part, engine, is_online).into_iter().flatten() {
            if !all.contains(&what) {
                all.push(what);
            }
        }
    }
    all
}

/// What a column, an index or a constraint is against that is added.
fn of_part(part: Words<'_>, engine: Engine, is_online: bool) -> [Option<What>; 3] {
    let is_index = ["INDEX", "KEY", "FULLTEXT", "SPATIAL"].iter().any(|word| part.is(&[word]));
    if is_index && engine == Engine::Mysql {
        return [of_index(false, engine, is_online), None, None];
    }
    let is_one = ["CONSTRAINT", "FOREIGN"].iter().any(|word| part.is(&[word]));
    let holds_one = ["UNIQUE", "CHECK", "PRIMARY"].iter().any(|word| part.has(&[word]));
    // SQLite has such a column be NULL in each row, which refers to nothing.
    let refers = engine == Engine::Mysql && part.has(&["REFERENCES"]);
    let constraint = (is_one || holds_one || refers).then_some((LintRule::Constraint, CONSTRAINT, KEEP_RULES));
    let is_filled = ["DEFAULT", "AUTO_INCREMENT", "GENERATED", "AS", "SERIAL"].iter().any(|word| part.has(&[word]));
    let needs_value = !is_one && part.has(&["NOT", "NULL"]) && !is_filled;
    let is_stored = part.has(&["AS"]) && ["STORED", "PERSISTENT"].iter().any(|word| part.rest().has(&[word]));
    let copies = is_stored && engine == Engine::Mysql; // SQLite adds none
    let needs_value = needs_value.then_some((LintRule::NotNull, NOT_NULL, EXPAND_NULL));
    [constraint, needs_value, copies.then_some((LintRule::Lock, COPIED, IN_MAINTENANCE))]
}

/// What making an index of a table with rows is against.
pub(super) fn index<'sql>(words: Words<'sql>, is_unique: bool, engine: Engine) -> Vec<Against<'sql>> {
    let found = of_index(is_unique, engine, is_online(words));
    found.into_iter().map(|(rule, problem, advice)| Against { rule, words, problem, advice }).collect()
}

fn of_index(is_unique: bool, engine: Engine, is_online: bool) -> Option<What> {
    match engine {
        _ if is_unique => Some((LintRule::Constraint, CONSTRAINT, KEEP_RULES)),
        Engine::Mysql if is_online => None,
        Engine::Mysql => Some((LintRule::Index, "the engine may lock the table for it without saying so", ONLINE)),
        Engine::Sqlite => Some((LintRule::Index, "nobody can write to the database while it is made", PAUSE)),
    }
}

/// Whether MySQL is told to fail rather than to lock.
fn is_online(words: Words<'_>) -> bool {
    let is_told_first = words.after(&["ALTER"]).is_some_and(|rest| rest.skip(&["IGNORE"]).is(&["ONLINE"]));
    is_told_first || words.behind("LOCK").is_some_and(|rest| rest.skip_sign("=").is(&["NONE"]))
}

const TYPE: &str = "the whole table may be copied and locked, and the program that runs knows the old type alone";
const EXPAND_TYPE: &str =
    "add a column of the new type, fill it from the program, and drop the old one later (expand and contract)";
pub(super) const EXPAND_NAME: &str =
    "add the new one beside the old one, write to both, and drop the old one later (expand and contract)";
const CONSTRAINT: &str = "it fails on rows that are there, or the program that runs does when it writes such rows; the table is read and may be locked";
const KEEP_RULES: &str = "have a release keep to it first, then add it";
const NOT_NULL: &str = "the program that runs does not fill it in, so its INSERTs fail";
const EXPAND_NULL: &str = "give it a DEFAULT, or let it be NULL until every program fills it in";
const NO_DEFAULT: &str = "the program that runs may leave it to the default, so its INSERTs fail";
const KEEP_DEFAULT: &str = "drop the default in a later release, once every program fills it in";
const ONLINE: &str = "end it with `ALGORITHM=INPLACE, LOCK=NONE` (`CREATE INDEX … ALGORITHM=INPLACE LOCK=NONE`), so that it fails instead";
const PAUSE: &str = "run it in a pause (`foobar pause`) if the table is large";
