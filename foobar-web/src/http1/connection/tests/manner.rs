use std::time::Duration;

use super::random::Random;

/// How a client behaves.
#[derive(Debug)]
pub(crate) struct Manner {
    pub(crate) ends: Ends,
    /// The most that it sends and takes at a time.
    pub(crate) sends: usize,
    pub(crate) takes: usize,
    /// The most that is on its way to it.
    pub(crate) room: usize,
    /// The time that passes before it takes a piece.
    pub(crate) pause: Duration,
    /// How many times the connection is woken for nothing, and whether it is told to end then.
    pub(crate) surprises: usize,
    pub(crate) evicts: bool,
}

/// What a client does after it has sent its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// It closes its side at once.
    Early,
    /// It closes its side when it has been answered.
    Late,
    /// It waits.
    Never,
    /// It does nothing more after so many moves.
    Stuck(usize),
}

impl Manner {
    pub(crate) fn choose(random: &mut Random) -> Self {
        let ends = match random.below(24) {
            0..=5 => Ends::Never,
            6 => Ends::Stuck(random.size(6)),
            7..=12 => Ends::Early,
            _ => Ends::Late,
        };
        let pause = Duration::from_secs(if random.one_in(4) { random.up_to(3) as u64 } else { 0 });
        let surprises = if random.one_in(2) { random.up_to(5) } else { 0 };
        let (sends, takes, room) = if random.one_in(5) {
            (1 << 16, 1 << 24, 1 << 24) // for more than one turn
        } else {
            (random.size(16), random.size(22), random.size(22))
        };
        Self { ends, sends, takes, room, pause, surprises, evicts: random.one_in(2) }
    }
}
