use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use diesel::result::Error::NotFound;
use futures_util::future::join_all;
use tokio::time::timeout;

use super::*;
use crate::testing::TestDb;

/// What a request of these tests asks for.
#[derive(Default)]
struct Question {
    asked: AtomicUsize,
    fails: bool,
    /// Holds up the call until something, or the end, comes.
    gate: Option<Mutex<mpsc::Receiver<()>>>,
}

const PATIENCE: Duration = Duration::from_secs(100);

type Questions = Batches<Arc<Question>, &'static str>;

fn ask(_conn: &mut Conn, item: &Arc<Question>) -> QueryResult<&'static str> {
    item.asked.fetch_add(1, SeqCst);
    if let Some(gate) = &item.gate {
        let _open = lock(gate).recv();
    }
    if item.fails { Err(NotFound) } else { Ok("found") }
}

impl Question {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn failing() -> Arc<Self> {
        Arc::new(Self { fails: true, ..Self::default() })
    }

    /// With what opens it.
    fn gated() -> (Arc<Self>, mpsc::Sender<()>) {
        let (open, gate) = mpsc::channel();
        (Arc::new(Self { gate: Some(Mutex::new(gate)), ..Self::default() }), open)
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

/// On a database whose calls may take as long as they do, once they have a connection.
async fn of(call: Call) -> (Arc<Questions>, Db, TestDb) {
    within(call, "600s").await
}

/// On a database whose calls have this time.
async fn within(call: Call, time: &str) -> (Arc<Questions>, Db, TestDb) {
    let test = TestDb::sqlite().await;
    let mut settings = test.settings();
    settings.query_timeout = time.parse().unwrap();
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    (Arc::new(Batches::new(db.clone(), call, ask)), db, test)
}

async fn until(is_so: impl Fn() -> bool) {
    let turns = async {
        while !is_so() {
            yield_now().await;
        }
    };
    timeout(PATIENCE, turns).await.expect("it comes to that");
}

/// Asks for these together: they wait for a call that goes on meanwhile.
async fn ask_together(batches: &Arc<Questions>, items: &[Arc<Question>]) -> Vec<Result<&'static str, Error>> {
    let (first, open) = Question::gated();
    let going_on = tokio::spawn({
        let (batches, first) = (Arc::clone(batches), Arc::clone(&first));
        async move { batches.together(first).await }
    });
    until(|| first.asked() == 1).await;
    let asked = join_all(items.iter().map(|item| batches.together(Arc::clone(item))));
    let opened = async {
        until(|| lock(&batches.waiting).len() == items.len()).await;
        drop(open);
    };
    let (outcomes, ()) = tokio::join!(asked, opened);
    assert_eq!(going_on.await.unwrap().unwrap(), "found");
    outcomes
}

#[tokio::test]
async fn each_gets_what_it_has_asked_for() {
    for call in [Call::Read, Call::Write] {
        let (batches, _db, _test) = of(call).await;
        assert_eq!(batches.together(Question::new()).await.unwrap(), "found");
        let items: Vec<_> = (0..2 * MOST + 1).map(|_| Question::new()).collect();
        let outcomes = ask_together(&batches, &items).await;
        assert!(outcomes.into_iter().all(|outcome| outcome.unwrap() == "found"));
        assert!(items.iter().all(|item| item.asked() == 1), "and it was asked for once");
    }
}

#[tokio::test]
async fn of_those_that_are_asked_for_together_one_fails_by_itself() {
    for call in [Call::Read, Call::Write] {
        let (batches, _db, _test) = of(call).await;
        let items = [Question::new(), Question::failing(), Question::new()];
        let outcomes = ask_together(&batches, &items).await;
        let [one, failing, other] = <[_; 3]>::try_from(outcomes).unwrap();
        assert_eq!([one.unwrap(), other.unwrap()], ["found"; 2]);
        assert!(matches!(failing, Err(Error::Query(NotFound))));
        assert_eq!(items[0].asked(), 2, "it was together with the other, and then alone");
    }
}

#[tokio::test]
async fn an_error_of_one_that_is_alone_is_its_own() {
    let (batches, _db, _test) = of(Call::Read).await;
    let failing = Question::failing();
    assert!(matches!(batches.together(Arc::clone(&failing)).await, Err(Error::Query(NotFound))));
    assert_eq!(failing.asked(), 1);
}

#[tokio::test]
async fn a_request_that_goes_takes_no_other_with_it() {
    let (batches, _db, _test) = of(Call::Read).await;
    let (first, open) = Question::gated();
    let leaving = tokio::spawn({
        let (batches, first) = (Arc::clone(&batches), Arc::clone(&first));
        async move { batches.together(first).await }
    });
    until(|| first.asked() == 1).await;
    let staying = tokio::spawn({
        let batches = Arc::clone(&batches);
        async move { batches.together(Question::new()).await }
    });
    until(|| lock(&batches.waiting).len() == 1).await;
    leaving.abort();
    assert_eq!(staying.await.unwrap().unwrap(), "found", "it does not even wait for it");
    drop(open);
}

#[tokio::test]
async fn while_no_call_can_be_made_each_is_told_so() {
    let (batches, db, _test) = of(Call::Write).await;
    let (first, open) = Question::gated();
    let going_on = tokio::spawn({
        let (batches, first) = (Arc::clone(&batches), Arc::clone(&first));
        async move { batches.alone(first).await }
    });
    until(|| first.asked() == 1).await;
    let asked = join_all((0..200).map(|_| batches.together(Question::new())));
    let outcomes = timeout(PATIENCE, asked).await.expect("they do not wait a second each, one after the other");
    assert!(outcomes.into_iter().all(|outcome| matches!(outcome, Err(Error::Busy { .. }))));
    drop(open);
    assert_eq!(going_on.await.unwrap().unwrap(), "found");
    db.tier().drain(Instant::now()).await;
    assert!(matches!(batches.together(Question::new()).await, Err(Error::Closed)));
}

#[tokio::test]
async fn requests_that_have_gone_take_no_places_in_a_call() {
    for call in [Call::Read, Call::Write] {
        let (batches, _db, _test) = of(call).await;
        let (first, open) = Question::gated();
        let ask = |item: &Arc<Question>| {
            let (batches, item) = (Arc::clone(&batches), Arc::clone(item));
            tokio::spawn(async move { batches.together(item).await })
        };
        let going_on = ask(&first);
        until(|| first.asked() == 1).await;
        let gone: Vec<_> = (0..2 * MOST).map(|_| ask(&Question::new())).collect();
        until(|| lock(&batches.waiting).len() == gone.len()).await;
        for request in gone {
            request.abort();
            request.await.unwrap_err();
        }
        let last = ask(&Question::new());
        until(|| lock(&batches.waiting).len() == 2 * MOST + 1).await;
        drop(open);
        assert_eq!(timeout(PATIENCE, last).await.expect("it is asked").unwrap().unwrap(), "found");
        assert_eq!(going_on.await.unwrap().unwrap(), "found");
    }
}

#[tokio::test]
async fn a_request_whose_call_another_began_and_left_gets_no_other_s_error() {
    let (batches, _db, _test) = of(Call::Read).await;
    let ask = |item: &Arc<Question>| {
        let (batches, item) = (Arc::clone(&batches), Arc::clone(item));
        tokio::spawn(async move { batches.together(item).await })
    };
    let (first, open_first) = Question::gated();
    let going_on = ask(&first);
    until(|| first.asked() == 1).await;
    let (leaving, open) = Question::gated();
    let (left, with_it, failing) = (ask(&leaving), Question::new(), Question::failing());
    until(|| lock(&batches.waiting).len() == 1).await;
    let shared = ask(&with_it);
    until(|| lock(&batches.waiting).len() == 2).await;
    drop(open_first);
    assert_eq!(going_on.await.unwrap().unwrap(), "found");
    until(|| leaving.asked() == 1).await; // its call has both
    left.abort();
    left.await.unwrap_err();
    assert!(matches!(ask(&failing).await.unwrap(), Err(Error::Query(_))), "its own error");
    drop(open);
    assert_eq!(timeout(PATIENCE, shared).await.expect("it ends").unwrap().unwrap(), "found");
}

#[tokio::test]
async fn a_request_waits_for_the_call_of_others_no_longer_than_one_of_its_own_may_take() {
    for call in [Call::Read, Call::Write] {
        let (batches, db, _test) = within(call, "100ms").await;
        let _call_that_does_not_end = batches.turn.lock().await;
        let outcome = timeout(PATIENCE, batches.together(Question::new())).await.expect("it gives up");
        let limit = db.call_limit().unwrap();
        assert!(matches!(outcome, Err(Error::Busy { limit: time, .. }) if time == limit), "{outcome:?}");
        assert!(lock(&batches.waiting).is_empty());
    }
}

#[tokio::test]
async fn a_request_that_is_in_a_call_gives_up_when_one_of_its_own_would_have_ended() {
    for call in [Call::Read, Call::Write] {
        let (batches, db, _test) = within(call, "100ms").await;
        let limit = db.call_limit().unwrap();
        let outcome = loop {
            let (item, open) = Question::gated();
            let outcome = timeout(PATIENCE, batches.together(Arc::clone(&item))).await.expect("it gives up");
            drop(open);
            if item.asked() > 0 {
                break outcome; // else the machine was too slow to begin
            }
        };
        match call {
            Call::Read => {
                assert!(matches!(outcome, Err(Error::Deadline { limit: time, .. }) if time == limit), "{outcome:?}")
            }
            Call::Write => assert!(matches!(outcome, Err(Error::OutcomeUnknown { .. })), "{outcome:?}"),
        }
    }
}

#[tokio::test]
async fn a_request_with_which_its_call_has_not_begun_in_time_is_told_that_nothing_was_done_and_nothing_is() {
    let (batches, _db, _test) = within(Call::Write, "100ms").await;
    let ask = |item: &Arc<Question>| {
        let (batches, item) = (Arc::clone(&batches), Arc::clone(item));
        tokio::spawn(async move { batches.together(item).await })
    };
    loop {
        let ((first, open_first), (second, open), behind) = (Question::gated(), Question::gated(), Question::new());
        let going_on = ask(&first);
        until(|| first.asked() == 1 || going_on.is_finished()).await;
        let asked = [ask(&second), ask(&behind)];
        until(|| lock(&batches.waiting).len() == 2 || asked.iter().any(|asked| asked.is_finished())).await;
        drop(open_first);
        let outcomes = timeout(PATIENCE, join_all(asked)).await.expect("they give up");
        let is_behind = second.asked() == 1 && behind.asked() == 0;
        drop(open);
        drop(going_on.await.unwrap()); // the machine may have been too slow for it
        let next = async { while batches.alone(Question::new()).await.is_err() {} };
        timeout(PATIENCE, next).await.expect("the call has ended");
        if is_behind {
            let [in_hand, untouched] = <[_; 2]>::try_from(outcomes).unwrap().map(Result::unwrap);
            assert!(matches!(in_hand, Err(Error::OutcomeUnknown { .. })), "{in_hand:?}");
            assert!(matches!(untouched, Err(Error::Busy { .. })), "{untouched:?}");
            assert_eq!(behind.asked(), 0);
            break; // else the machine was too slow
        }
    }
}

#[test]
fn a_request_whose_call_was_rolled_back_has_nothing_done_until_the_next_begins() {
    let item = Item::new(());
    assert!(item.begin() && !item.give_up());
    item.undo();
    assert!(item.begin() && !item.give_up());
    item.undo();
    assert!(item.give_up() && !item.begin());
}
