//! What clients were told, held against what the database holds.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ledger::Book;
use crate::request::{Outcome, Request};

#[derive(Default)]
pub(crate) struct Verdict {
    pub(crate) requests: usize,
    /// Writes that were answered with 201.
    pub(crate) acknowledged: usize,
    /// Those of them that the database does not have.
    pub(crate) lost: usize,
    /// Writes that it has twice.
    pub(crate) doubled: usize,
    /// Requests that were answered with 503.
    pub(crate) refused: usize,
    /// Writes of which the client does not know.
    pub(crate) unknown: usize,
    pub(crate) longest: Duration,
    /// What must not be; empty if all is well.
    pub(crate) violations: Vec<String>,
}

impl Verdict {
    /// Adds that of another database.
    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.longest = self.longest.max(other.longest);
        self.violations.extend(other.violations);
    }
}

/// Judges all requests to one database; each answer was due within `limit`.
pub(crate) fn judge(requests: &[Request], book: &Book, limit: Duration) -> Verdict {
    let rows = book.rows.iter().fold(BTreeMap::<i32, usize>::new(), |mut rows, (id, _)| {
        *rows.entry(*id).or_default() += 1;
        rows
    });
    let times = |request: &Request| rows.get(&request.id).copied().unwrap_or(0); // it has no row
    let is = |outcome: Outcome| move |request: &&Request| request.outcome == outcome;
    let writes = || requests.iter().filter(|request| request.kind.writes());
    let lost = ids(writes().filter(is(Outcome::Done)).filter(|write| times(write) == 0));
    let doubled = ids(writes().filter(|write| times(write) > 1));
    let undone = ids(writes().filter(is(Outcome::Refused)).filter(|write| times(write) > 0));
    let late = ids(requests.iter().filter(|request| request.took > limit));
    Verdict {
        requests: requests.len(),
        acknowledged: writes().filter(is(Outcome::Done)).count(),
        lost: lost.len(),
        doubled: doubled.len(),
        refused: requests.iter().filter(is(Outcome::Refused)).count(),
        unknown: writes().filter(is(Outcome::Unknown)).count(),
        longest: requests.iter().map(|request| request.took).max().unwrap_or_default(), // none was sent
        violations: [
            some(&lost, "acknowledged and lost"),
            some(&doubled, "written twice"),
            some(&undone, "refused with 503 and written all the same"),
            some(&late, &format!("answered after more than {limit:?}")),
            some(&strangers(&rows, writes()), "written by nobody"),
            some(&half_done(book), "half done"),
            counted(book),
            (book.migrations != 1).then(|| format!("the one migration is recorded {} times", book.migrations)),
        ]
        .into_iter()
        .flatten()
        .chain(wrong(requests))
        .collect(),
    }
}

fn ids<'a>(requests: impl Iterator<Item = &'a Request>) -> Vec<i32> {
    requests.map(|request| request.id).collect()
}

fn some(ids: &[i32], what: &str) -> Option<String> {
    let first = ids.first()?;
    Some(format!("{what}: {}, the first is {first}", ids.len()))
}

fn strangers<'a>(rows: &BTreeMap<i32, usize>, writes: impl Iterator<Item = &'a Request>) -> Vec<i32> {
    let sent: std::collections::BTreeSet<i32> = writes.map(|write| write.id).collect();
    rows.keys().filter(|id| !sent.contains(id)).copied().collect()
}

/// Rows of transactions that only a part of has been kept.
fn half_done(book: &Book) -> Vec<i32> {
    let half = book.rows.iter().filter(|(_, note)| note == "half done" || note == "endless");
    half.map(|(id, _)| *id).collect()
}

/// Each transaction that has counted has a row.
fn counted(book: &Book) -> Option<String> {
    let counted = book.rows.iter().filter(|(_, note)| note == "counted").count();
    let is_right = book.counters.len() == 2 && book.counters.iter().all(|times| usize::try_from(*times) == Ok(counted));
    (!is_right).then(|| format!("half done: {counted} writes have counted, and the counters are {:?}", book.counters))
}

/// Each kind of wrong answer, the first of it, and how many there were.
fn wrong(requests: &[Request]) -> Vec<String> {
    let mut kinds = BTreeMap::<(String, &str), (&str, usize)>::new();
    for request in requests {
        if let Outcome::Wrong(what) = &request.outcome {
            let kind = (format!("{:?}", request.kind), what.split(':').next().unwrap_or(what)); // there is a first part
            kinds.entry(kind).or_insert((what, 0)).1 += 1;
        }
    }
    let tell = |((kind, _), (first, times))| format!("{kind} answered {times} times, first with {first}");
    kinds.into_iter().map(tell).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::request::Kind;

    const LIMIT: Duration = Duration::from_secs(2);

    fn request(id: i32, kind: Kind, outcome: Outcome) -> Request {
        Request { id, kind, sent: Instant::now(), took: Duration::from_millis(5), outcome }
    }

    fn write(id: i32, outcome: Outcome) -> Request {
        request(id, Kind::Write, outcome)
    }

    fn book(ids: &[i32]) -> Book {
        let row = |id: &i32| (*id, "acknowledged".to_owned());
        Book { rows: ids.iter().map(row).collect(), counters: vec![0, 0], migrations: 1 }
    }

    fn violations(requests: &[Request], book: &Book) -> Vec<String> {
        judge(requests, book, LIMIT).violations
    }

    #[test]
    fn what_the_client_knows_is_right_and_what_it_does_not_know_may_be_either() {
        let requests = [
            write(1, Outcome::Done),
            write(2, Outcome::Refused),
            write(3, Outcome::Unknown),
            write(4, Outcome::Unknown),
            request(1, Kind::Read, Outcome::Done),
            request(5, Kind::Static, Outcome::Done),
        ];
        let verdict = judge(&requests, &book(&[1, 3]), LIMIT);
        assert_eq!(verdict.violations, [""; 0]);
        assert_eq!((verdict.requests, verdict.acknowledged, verdict.refused, verdict.unknown), (6, 1, 1, 2));
    }

    #[test]
    fn an_acknowledged_write_that_is_gone_is_lost() {
        let verdict = judge(&[write(1, Outcome::Done), write(2, Outcome::Done)], &book(&[2]), LIMIT);
        assert_eq!(
            (verdict.lost, verdict.violations),
            (1, vec!["acknowledged and lost: 1, the first is 1".to_owned()])
        );
    }

    #[test]
    fn a_write_that_is_there_twice_is_doubled_whatever_its_answer() {
        for outcome in [Outcome::Done, Outcome::Unknown] {
            let verdict = judge(&[write(1, outcome)], &book(&[1, 1]), LIMIT);
            assert_eq!((verdict.doubled, verdict.violations), (1, vec!["written twice: 1, the first is 1".to_owned()]));
        }
    }

    #[test]
    fn a_refused_write_must_not_be_there() {
        let expected = ["refused with 503 and written all the same: 1, the first is 1"];
        assert_eq!(violations(&[write(1, Outcome::Refused)], &book(&[1])), expected);
    }

    #[test]
    fn a_row_that_nobody_has_sent_is_told() {
        assert_eq!(violations(&[], &book(&[7])), ["written by nobody: 1, the first is 7"]);
    }

    #[test]
    fn a_late_answer_is_told_whatever_it_is() {
        let mut late = request(3, Kind::Static, Outcome::Done);
        late.took = LIMIT + Duration::from_millis(1);
        assert_eq!(violations(&[late], &book(&[])), ["answered after more than 2s: 1, the first is 3"]);
    }

    #[test]
    fn a_part_of_a_transaction_is_told_by_its_note_or_by_the_counters() {
        let mut half = book(&[1]);
        half.rows[0].1 = "half done".to_owned();
        assert_eq!(violations(&[write(1, Outcome::Done)], &half), ["half done: 1, the first is 1"]);
        let contended = || [request(1, Kind::Contended, Outcome::Done)];
        let mut counted = book(&[1]);
        (counted.rows[0].1, counted.counters) = ("counted".to_owned(), vec![1, 1]);
        assert_eq!(violations(&contended(), &counted), [""; 0]);
        counted.counters = vec![1, 2];
        let expected = ["half done: 1 writes have counted, and the counters are [1, 2]"];
        assert_eq!(violations(&contended(), &counted), expected);
    }

    #[test]
    fn answers_that_must_not_be_are_told_by_kind() {
        let wrong = |number: i32| Outcome::Wrong(format!("500: request {number}"));
        let requests = [request(1, Kind::Static, wrong(1)), request(2, Kind::Static, wrong(2))];
        let expected = ["Static answered 2 times, first with 500: request 1"];
        assert_eq!(violations(&requests, &book(&[])), expected);
    }
}
