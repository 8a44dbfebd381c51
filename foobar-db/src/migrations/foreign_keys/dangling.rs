use std::collections::HashSet;
use std::fmt;

use super::{ForeignKey, RowId, Violations};

/// Rows that a migration has left referring to nothing, and that did not before.
#[derive(Debug)]
pub(in crate::migrations) struct Dangling {
    rows: Vec<Added>,
    /// Tables that could be checked before, and why they cannot be now.
    unchecked: Vec<(String, String)>,
}

/// The rows of one foreign key.
#[derive(Debug)]
struct Added {
    key: ForeignKey,
    number: usize,
    /// Some of them, unless their table has no rowids.
    ids: Vec<i64>,
}

/// How many foreign keys are named at most, and how many rows of each.
const NAMED: usize = 10;

impl Violations {
    /// What has been added to those of `before`. They are counted, since a migration may change rowids; and those of a
    /// foreign key that is gone are taken for those of one that is new, since a table may have been renamed.
    pub(in crate::migrations) fn since(&self, before: &Self) -> Option<Dangling> {
        let (mut rows, mut appeared) = (Vec::new(), Vec::new());
        for (key, now) in &self.rows {
            match before.rows.get(key) {
                _ if before.unchecked.contains_key(&key.table) => {} // nobody knows what was there
                Some(then) => rows.extend(Added::of(key, then, now)),
                None => appeared.extend(Added::of(key, &[], now)),
            }
        }
        if appeared.iter().map(|added| added.number).sum::<usize>() > before.gone(self) {
            rows.append(&mut appeared);
        }
        let mut unchecked = Vec::new();
        if self.unchecked.len() > before.unchecked.len() {
            let new = self.unchecked.iter().filter(|(table, _)| !before.unchecked.contains_key(*table));
            unchecked.extend(new.map(|(table, why)| (table.clone(), why.clone())));
        }
        (!rows.is_empty() || !unchecked.is_empty()).then_some(Dangling { rows, unchecked })
    }

    /// The number of rows of foreign keys that are not in `after`.
    fn gone(&self, after: &Self) -> usize {
        self.rows.iter().filter(|(key, _)| !after.rows.contains_key(key)).map(|(_, rows)| rows.len()).sum()
    }
}

impl Added {
    fn of(key: &ForeignKey, then: &[RowId], now: &[RowId]) -> Option<Self> {
        let number = now.len().checked_sub(then.len()).filter(|number| *number > 0)?;
        let known = then.iter().flatten().collect::<HashSet<_>>();
        let ids = now.iter().flatten().filter(|id| !known.contains(id)).copied().take(number.min(NAMED + 1));
        Some(Self { key: key.clone(), number, ids: ids.collect() })
    }
}

impl fmt::Display for Dangling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows.iter().map(ToString::to_string);
        let unchecked = self
            .unchecked
            .iter()
            .map(|(table, why)| format!("perhaps those of `{table}`, which cannot be checked: {why}"));
        let parts: Vec<_> = rows.chain(unchecked).collect();
        f.write_str(&parts[..parts.len().min(NAMED)].join("; "))?;
        match parts.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "; and so for {more} more foreign keys"),
        }
    }
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: ForeignKey { table, columns, parent, parent_columns }, number, ids } = self;
        write!(f, "{number} of `{table}`")?;
        let mut named = ids.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>();
        if ids.len() > NAMED {
            named.push("…".to_owned());
        }
        if !named.is_empty() {
            write!(f, " (rowid {})", named.join(", "))?;
        }
        let parent_columns = parent_columns.as_ref().map_or("key".to_owned(), |columns| format!("`{columns}`"));
        write!(f, ", whose `{columns}` is no {parent_columns} of `{parent}`")
    }
}
