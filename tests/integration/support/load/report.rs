use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Answered,
    /// A WebSocket that the server has ended as it should, with 1001: it is not lost.
    GoneAway,
    /// The same where it has answered nothing on it yet.
    GoneAtOnce,
    Refused,
    /// A new connection was closed before a byte of the answer.
    ClosedOnNew,
    /// The same of one that has had an answer before.
    ClosedOnKept,
    /// The connection was closed within the answer.
    Cut,
    /// It has another status than 200, 201, or 101 of a WebSocket.
    Status,
    /// It has another content.
    Wrong,
    /// There was none in time.
    Silent,
}

/// A request that is lost.
pub(crate) struct Record {
    pub(super) lane: String,
    pub(super) number: u64,
    pub(super) outcome: Outcome,
    pub(super) told: String,
    /// From the start of the load to the time when it was to be sent.
    pub(super) intended: Duration,
    /// From then until its connection was there; nothing where that was kept or could not be made.
    pub(super) connected: Option<Duration>,
    /// From then to the end.
    pub(super) ended: Duration,
}

/// What became of the requests of one lane.
#[derive(Default)]
pub(crate) struct Tally {
    pub(super) lane: String,
    pub(super) counts: BTreeMap<Outcome, u64>,
    pub(super) lost: Vec<Record>,
    /// The longest wait for an answer, from the time when it was to be sent, without the client's own pauses.
    pub(super) longest: Duration,
    /// How many were answered after more than a second.
    pub(super) slow: u64,
    /// How many were sent once more.
    pub(super) sent_again: u64,
    /// How many answers have ended a connection that is kept.
    pub(super) closed: u64,
    /// When each answer had come.
    pub(super) ends: Vec<Instant>,
}

/// What became of all of them.
pub(crate) struct Report {
    lanes: Vec<Tally>,
    /// When it was told to end: what comes later are the answers that were under way.
    ended: Instant,
}

impl Tally {
    /// How many have been asked.
    pub(super) fn asked(&self) -> u64 {
        self.counts.values().sum()
    }

    fn count(&self, outcome: Outcome) -> u64 {
        self.counts.get(&outcome).copied().unwrap_or(0) // there was none
    }
}

impl Report {
    pub(super) const fn of(lanes: Vec<Tally>, ended: Instant) -> Self {
        Self { lanes, ended }
    }

    pub(crate) fn answered(&self) -> u64 {
        self.count(Outcome::Answered)
    }

    /// How many were answered in the lanes whose name begins so.
    pub(crate) fn answered_to(&self, name: &str) -> u64 {
        let lanes = self.lanes.iter().filter(|lane| lane.lane.starts_with(name));
        lanes.map(|lane| lane.count(Outcome::Answered)).sum()
    }

    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        self.lanes.iter().map(|lane| lane.count(outcome)).sum()
    }

    /// Each that has no answer, or a wrong one.
    pub(crate) fn lost(&self) -> impl Iterator<Item = &Record> {
        self.lanes.iter().flat_map(|lane| &lane.lost)
    }

    pub(crate) fn sent_again(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.sent_again).sum()
    }

    /// How many answers have ended a connection that their clients keep.
    pub(crate) fn closed(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.closed).sum()
    }

    /// The longest wait for an answer.
    pub(crate) fn longest(&self) -> Duration {
        self.lanes.iter().map(|lane| lane.longest).max().unwrap_or_default()
    }

    /// The longest time in which nobody had an answer.
    pub(crate) fn longest_stall(&self) -> Duration {
        let ends = self.lanes.iter().flat_map(|lane| &lane.ends).filter(|end| **end < self.ended);
        let mut ends: Vec<_> = ends.chain([&self.ended]).collect();
        ends.sort_unstable();
        ends.windows(2).map(|two| *two[1] - *two[0]).max().unwrap_or_default()
    }

    /// Prints it. In every lane something was answered, and in none something lost.
    pub(crate) fn assert_nothing_lost(&self) {
        println!("{self}");
        if let Some(first) = self.lost().next() {
            panic!("{} of {} are lost, the first: {first}", self.lost().count(), self.answered());
        }
        let idle = self.lanes.iter().find(|lane| lane.count(Outcome::Answered) == 0);
        assert!(idle.is_none(), "nothing was answered to {}", idle.map_or("", |lane| &lane.lane));
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lane, number, outcome, told, intended, connected, ended } = self;
        write!(f, "{lane}, number {number}: {outcome:?}: {told}; it was to be sent after {intended:.3?}, ")?;
        match connected {
            Some(connected) => write!(f, "had its connection {connected:.3?} later, ")?,
            None => f.write_str("had no new connection, ")?,
        }
        write!(f, "and ended {ended:.3?} later")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answered, lost, again) = (self.answered(), self.lost().count(), self.sent_again());
        write!(f, "{answered} answered, {lost} lost, {again} sent once more; ")?;
        write!(f, "the longest wait {:.1?}, the longest stall {:.1?}", self.longest(), self.longest_stall())?;
        for Tally { lane, counts, longest, slow, sent_again, closed, .. } in &self.lanes {
            write!(f, "\n  {lane}: ")?;
            counts.iter().try_for_each(|(outcome, count)| write!(f, "{outcome:?} {count}, "))?;
            write!(
                f,
                "sent once more {sent_again}, closed {closed}, after more than 1 s {slow}, the longest wait {longest:.1?}"
            )?;
        }
        Ok(())
    }
}
