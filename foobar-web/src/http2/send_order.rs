use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use super::priority::Priority;

/// Which bodies of a connection hand out what they have, and how much of it in one turn of the connection.
///
/// A body waits here only while it has bytes that could be sent at once: its client gives it room, its pace allows it, and
/// whoever makes it has made them. So nobody waits for one that stands still.
#[derive(Default)]
pub(super) struct SendOrder {
    /// What may still be handed out in this turn.
    room: Cell<usize>,
    /// The same, until all that have something wait.
    closed: Cell<usize>,
    waiting: RefCell<BTreeMap<Rank, Waker>>,
    ranks: Cell<u64>,
    bodies: Bodies,
}

/// How many there are.
#[derive(Default)]
struct Bodies {
    by_urgency: [Cell<usize>; 8],
    sequential: Cell<usize>,
}

/// The lowest is the next.
type Rank = (u8, u64);

/// The slot of a body in the order. It has to [leave](SendOrder::leave).
pub(super) struct SendSlot {
    rank: Rank,
    is_incremental: bool,
    is_waiting: bool,
}

/// What a body hands out before it is another's turn: one frame, as most clients want them. Where the order does not matter it is
/// all that h2 takes, so that each body is polled less often.
const PORTION: usize = 16 << 10;
/// What is handed out in one turn where the order matters: less is on its way then when something urgent comes. As much waits in h2
/// of one body, or the next would have a part of each turn.
const ORDERED: usize = 64 << 10;
/// And where it does not.
const UNORDERED: usize = 128 << 10;

impl SendOrder {
    /// A turn begins, when so much has gathered that was not sent.
    pub(super) fn begin_turn(&self, gathered: usize) {
        let is_ordered = self.bodies.are_ordered();
        let room = if is_ordered { ORDERED } else { UNORDERED }.saturating_sub(gathered);
        self.room.set(if is_ordered { 0 } else { room });
        self.closed.set(if is_ordered { room } else { 0 });
    }

    /// The slot of a body that begins.
    pub(super) fn slot(&self, priority: Priority) -> SendSlot {
        let Priority { urgency, is_incremental } = priority;
        self.bodies.count(urgency, is_incremental, |count| count + 1);
        SendSlot { rank: (urgency, self.next()), is_incremental, is_waiting: false }
    }

    fn next(&self) -> u64 {
        self.ranks.replace(self.ranks.get() + 1)
    }

    /// How much a body hands out at once.
    pub(super) fn portion(&self) -> usize {
        if self.has_waiting() && self.bodies.are_ordered() { PORTION } else { usize::MAX }
    }

    /// Whether a body that has something may hand it out now.
    pub(super) fn is_open(&self, slot: &SendSlot) -> bool {
        let waiting = self.waiting.borrow();
        self.room.get() > 0 && waiting.first_key_value().is_none_or(|(first, _)| *first >= slot.rank)
    }

    /// Waits until a body that has something may hand it out.
    pub(super) fn poll(&self, cx: &Context<'_>, slot: &mut SendSlot) -> Poll<()> {
        if self.is_open(slot) {
            self.stop_waiting(slot);
            return Poll::Ready(());
        }
        slot.is_waiting = true;
        self.waiting.borrow_mut().insert(slot.rank, cx.waker().clone());
        Poll::Pending
    }

    /// A body has handed out this much. One whose parts are of use lets the others of its urgency come next.
    pub(super) fn gave(&self, slot: &mut SendSlot, bytes: usize) {
        self.room.set(self.room.get().saturating_sub(bytes));
        if slot.is_incremental {
            slot.rank.1 = self.next();
        }
    }

    /// A body has ended.
    pub(super) fn leave(&self, slot: &mut SendSlot) {
        self.stop_waiting(slot);
        self.bodies.count(slot.rank.0, slot.is_incremental, |count| count - 1);
    }

    fn stop_waiting(&self, slot: &mut SendSlot) {
        if std::mem::take(&mut slot.is_waiting) {
            self.waiting.borrow_mut().remove(&slot.rank);
        }
    }

    /// All have had a look. Wakes the body that is next, if there is room for it; `false` if there is not, or nobody waits.
    pub(super) fn wake_next(&self) -> bool {
        self.room.set(self.room.get() + self.closed.take());
        let next = if self.room.get() > 0 { self.waiting.borrow_mut().pop_first() } else { None };
        next.is_some_and(|(_, body)| {
            body.wake();
            true
        })
    }

    /// Whether a body waits.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }
}

impl Bodies {
    fn count(&self, urgency: u8, is_incremental: bool, change: fn(usize) -> usize) {
        let of_urgency = &self.by_urgency[usize::from(urgency)];
        of_urgency.set(change(of_urgency.get()));
        if !is_incremental {
            self.sequential.set(change(self.sequential.get()));
        }
    }

    /// Whether it matters who is first.
    fn are_ordered(&self) -> bool {
        let urgencies = self.by_urgency.iter().filter(|count| count.get() > 0).count();
        let all: usize = self.by_urgency.iter().map(Cell::get).sum();
        urgencies > 1 || (self.sequential.get() > 0 && all > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::task::Wake;

    /// A body that always has something.
    struct Eager {
        slot: SendSlot,
        woken: Arc<Woken>,
    }

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    /// Bodies of these urgencies, of which some are incremental. All wait.
    fn bodies(order: &SendOrder, of: &[(u8, bool)]) -> Vec<Eager> {
        let mut bodies = Vec::new();
        for (urgency, is_incremental) in of.iter().copied() {
            let slot = order.slot(Priority { urgency, is_incremental });
            let mut body = Eager { slot, woken: Arc::default() };
            assert!(body.poll(order).is_pending());
            bodies.push(body);
        }
        bodies
    }

    impl Eager {
        fn poll(&mut self, order: &SendOrder) -> Poll<()> {
            let waker = Waker::from(Arc::clone(&self.woken));
            order.poll(&Context::from_waker(&waker), &mut self.slot)
        }
    }

    /// Who hands out something in a turn that has room for this many portions.
    fn turn(order: &SendOrder, bodies: &mut [Eager], portions: usize) -> Vec<usize> {
        let mut gave = Vec::new();
        let room = if order.bodies.are_ordered() { ORDERED } else { UNORDERED };
        order.begin_turn(room - portions * PORTION);
        while order.wake_next() {
            let is_woken = |body: &Eager| body.woken.0.swap(false, Relaxed);
            let next = bodies.iter().position(is_woken).expect("somebody is woken");
            while bodies[next].poll(order).is_ready() {
                order.gave(&mut bodies[next].slot, PORTION);
                gave.push(next);
            }
        }
        gave
    }

    #[test]
    fn the_more_urgent_body_is_the_next() {
        let order = SendOrder::default();
        let mut bodies = bodies(&order, &[(5, true), (0, false), (3, true)]);
        assert_eq!(turn(&order, &mut bodies, 2), [1, 1]);
        order.leave(&mut bodies[1].slot);
        assert_eq!(turn(&order, &mut bodies, 2), [2, 2]);
        order.leave(&mut bodies[2].slot);
        assert_eq!(turn(&order, &mut bodies, 2), [0, 0]);
    }

    #[test]
    fn incremental_bodies_of_one_urgency_take_turns() {
        let order = SendOrder::default();
        let mut bodies = bodies(&order, &[(3, true), (3, true), (3, true)]);
        assert_eq!(turn(&order, &mut bodies, 5), [0, 1, 2, 0, 1]);
        assert_eq!(turn(&order, &mut bodies, 2), [2, 0]);
    }

    #[test]
    fn others_of_one_urgency_follow_each_other() {
        let order = SendOrder::default();
        let mut bodies = bodies(&order, &[(3, false), (3, true), (3, false)]);
        assert_eq!(turn(&order, &mut bodies, 3), [0, 0, 0]);
        order.leave(&mut bodies[0].slot);
        assert_eq!(turn(&order, &mut bodies, 4), [1, 2, 2, 2]);
        order.leave(&mut bodies[2].slot);
        assert_eq!(turn(&order, &mut bodies, 1), [1]);
    }

    #[test]
    fn a_body_that_has_nothing_holds_nobody_up() {
        let order = SendOrder::default();
        let mut bodies = bodies(&order, &[(0, false), (7, true)]);
        order.begin_turn(0);
        assert!(order.wake_next(), "the urgent one, which does not come back");
        assert!(order.is_open(&bodies[1].slot));
        assert_eq!(turn(&order, &mut bodies[1..], 2), [0, 0]);
    }

    #[test]
    fn where_the_order_matters_the_turn_is_open_once_all_have_had_a_look() {
        let order = SendOrder::default();
        let body =
            |urgency| Eager { slot: order.slot(Priority { urgency, is_incremental: true }), woken: Arc::default() };
        let mut late = body(7);
        order.begin_turn(0);
        assert!(order.is_open(&late.slot), "it is alone");
        let mut urgent = body(0);
        order.begin_turn(0);
        assert!(late.poll(&order).is_pending() && urgent.poll(&order).is_pending());
        assert!(order.wake_next() && urgent.woken.0.load(Relaxed) && !late.woken.0.load(Relaxed));
        order.leave(&mut urgent.slot);
        order.begin_turn(0);
        assert!(order.is_open(&late.slot), "it is alone again");
    }

    #[test]
    fn a_body_alone_hands_out_all_that_there_is_room_for() {
        let order = SendOrder::default();
        let mut slot = order.slot(Priority { urgency: 7, is_incremental: false });
        order.begin_turn(UNORDERED - 1);
        assert!(order.is_open(&slot) && order.portion() == usize::MAX);
        order.gave(&mut slot, 10 * PORTION);
        assert!(!order.is_open(&slot) && !order.wake_next());
    }
}
