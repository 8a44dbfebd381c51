use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use super::Violations;
use super::known::{ForeignKey, Id, Row};

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
    /// Some of those whose names are known and may be told.
    ids: Vec<Id>,
}

/// How many foreign keys are named at most, and how many rows of each.
const NAMED: usize = 10;

impl Violations {
    /// What has been added to those of `before`. The rows of a foreign key that is gone may be those of one that is new,
    /// since a table may have been renamed.
    pub(in crate::migrations) fn since(&self, before: &Self) -> Option<Dangling> {
        let is_gone = |(key, _): &(&ForeignKey, &Vec<Row>)| !self.rows.contains_key(*key);
        let mut gone: Vec<_> = before.rows.iter().filter(is_gone).flat_map(|(_, rows)| rows).collect();
        let mut rows = Vec::new();
        for (key, now) in &self.rows {
            match before.rows.get(key) {
                _ if before.unchecked.contains_key(&key.table) => {} // nobody knows what was there
                Some(then) => rows.extend(Added::of(key, &mut then.iter().collect(), now)),
                None => rows.extend(Added::of(key, &mut gone, now)),
            }
        }
        let mut unchecked = Vec::new();
        if self.unchecked.len() > before.unchecked.len() {
            let new = self.unchecked.iter().filter(|(table, _)| !before.unchecked.contains_key(*table));
            unchecked.extend(new.map(|(table, why)| (table.clone(), why.clone())));
        }
        (!rows.is_empty() || !unchecked.is_empty()).then_some(Dangling { rows, unchecked })
    }
}

impl Added {
    /// Those of `now` that were not among `then`, from which the others are taken.
    fn of(key: &ForeignKey, then: &mut Vec<&Row>, now: &[Row]) -> Option<Self> {
        let now: Vec<_> = now.iter().collect();
        let now = without(now, then, |row| row.id.clone());
        let now = without(now, then, |row| row.reference.clone());
        let now = without_unknown(now, then);
        let ids = now.iter().filter_map(|row| row.id.clone()).filter(Id::may_be_told).take(NAMED).collect();
        (!now.is_empty()).then(|| Self { key: key.clone(), number: now.len(), ids })
    }
}

/// Takes the rows that are in both by this mark out of both; gives those that are left of `now`. A migration may have
/// changed the id of a row, or what it refers to, and seldom both.
fn without<'a, M: Eq + Hash>(
    now: Vec<&'a Row>,
    then: &mut Vec<&Row>,
    mark: impl Fn(&Row) -> Option<M>,
) -> Vec<&'a Row> {
    let mut marks: HashMap<M, usize> = HashMap::new();
    for known in then.iter().filter_map(|row| mark(row)) {
        *marks.entry(known).or_default() += 1;
    }
    let mut found: HashMap<M, usize> = HashMap::new();
    let mut is_new = |row: &&Row| {
        let Some(known) = mark(row) else { return true };
        let Some(left) = marks.get_mut(&known).filter(|left| **left > 0) else { return true };
        *left -= 1;
        *found.entry(known).or_default() += 1;
        false
    };
    let new = now.into_iter().filter(&mut is_new).collect();
    then.retain(|row| match mark(row).and_then(|known| found.get_mut(&known).filter(|left| **left > 0)) {
        Some(left) => {
            *left -= 1;
            false
        }
        None => true,
    });
    new
}

/// Rows without a name are only counted, before and after.
fn without_unknown<'a>(now: Vec<&'a Row>, then: &mut Vec<&Row>) -> Vec<&'a Row> {
    let is_unknown = |row: &Row| row.id.is_none();
    let mut left = then.len();
    let mut unknown = then.iter().filter(|row| is_unknown(row)).count();
    let new: Vec<_> = now
        .into_iter()
        .filter(|row| {
            let is_one = if is_unknown(row) { left > 0 } else { unknown > 0 };
            if is_one {
                left -= 1;
                unknown = unknown.saturating_sub(1);
            }
            !is_one
        })
        .collect();
    then.truncate(left);
    new
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
        let mut named = ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        if ids.len() < *number {
            named.push("…".to_owned());
        }
        let kind = ids.first().map(|id| match id {
            Id::Rowid(_) => "rowid",
            Id::Key(_) => "primary key",
        });
        if let Some(kind) = kind {
            write!(f, " ({kind} {})", named.join(", "))?;
        }
        let parent_columns = parent_columns.as_ref().map_or("key".to_owned(), |columns| format!("`{columns}`"));
        write!(f, ", whose `{columns}` is no {parent_columns} of `{parent}`")
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rowid(number) => number.fmt(f),
            Self::Key(values) => f.write_str(values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(rows: &[(Option<i64>, Option<&str>)]) -> Violations {
        let key = ForeignKey {
            table: "books".to_owned(),
            columns: "author".to_owned(),
            parent: "authors".to_owned(),
            parent_columns: None,
        };
        let row = |(id, reference): &(Option<i64>, Option<&str>)| Row {
            id: id.map(Id::Rowid),
            reference: reference.map(str::to_owned),
        };
        Violations { rows: [(key, rows.iter().map(row).collect())].into(), ..Violations::default() }
    }

    #[test]
    fn rows_without_a_name_are_counted() {
        let (one, two) = (violations(&[(None, None)]), violations(&[(None, None), (None, None)]));
        assert!(two.since(&two).is_none() && one.since(&two).is_none());
        let told = two.since(&one).unwrap().to_string();
        assert_eq!(told, "1 of `books`, whose `author` is no key of `authors`");
        let named = violations(&[(Some(1), Some("7")), (Some(2), Some("8"))]);
        assert!(named.since(&two).is_none() && two.since(&named).is_none());
    }
}
