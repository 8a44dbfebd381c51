use std::cell::RefCell;
use std::rc::Rc;

use foobar_core::ClientAbort;
use futures_util::FutureExt;
use http::Method;
use tokio::task::{LocalSet, yield_now};

use super::*;

fn gate(requests: usize) -> (Arc<Gate>, Rc<Door>) {
    let gate = Arc::new(Gate::default());
    let hour = Duration::from_secs(3600);
    gate.set_limits(GateLimits { requests, wait: hour, pause: 2 * hour });
    let door = Door::of(Arc::clone(&gate));
    (gate, door)
}

fn held(gate: &Gate) -> usize {
    gate.status().pause.map_or(0, |pause| pause.held)
}

#[test]
fn a_request_goes_through_a_gate_that_nobody_has_paused() {
    let (gate, door) = gate(1);
    let request = door.enter(None).now_or_never();
    assert!(matches!(request, Some(Ok(_))));
    assert_eq!(gate.status().in_flight, 1);
    drop(request);
    assert_eq!(gate.status().in_flight, 0);
}

#[tokio::test]
async fn what_is_held_goes_on_in_the_order_in_which_it_came() {
    let (gate, door) = gate(10);
    assert!(gate.pause() && !gate.pause());
    let order = Rc::new(RefCell::new(Vec::new()));
    let ask = |number: i32| {
        let (door, order) = (Rc::clone(&door), Rc::clone(&order));
        async move {
            let request = door.enter(None).await;
            order.borrow_mut().push(number);
            drop(request);
        }
    };
    let local = LocalSet::new();
    let tasks: Vec<_> = (0..5).map(|number| local.spawn_local(ask(number))).collect();
    local
        .run_until(async {
            while held(&gate) < 5 {
                yield_now().await;
            }
            assert_eq!(gate.resume().map(|ended| ended.released), Some(5));
            for task in tasks {
                task.await.expect("it does not panic");
            }
        })
        .await;
    assert_eq!(*order.borrow(), [0, 1, 2, 3, 4]);
    assert_eq!(gate.resume(), None);
}

#[tokio::test]
async fn a_request_that_meets_another_pause_as_it_goes_on_keeps_its_place() {
    let (gate, door) = gate(10);
    gate.pause();
    let mut first = Box::pin(door.enter(None));
    assert!((&mut first).now_or_never().is_none());
    gate.resume();
    gate.pause();
    let mut second = Box::pin(door.enter(None));
    assert!((&mut second).now_or_never().is_none() && (&mut first).now_or_never().is_none());
    assert_eq!((held(&gate), gate.resume().map(|ended| ended.released)), (2, Some(2)));
    assert!(first.await.is_ok() && second.await.is_ok());
}

#[tokio::test]
async fn a_request_beyond_those_that_are_held_is_turned_away_with_the_time_that_is_left() {
    let (gate, door) = gate(1);
    gate.pause();
    let mut first = Box::pin(door.enter(None));
    assert!((&mut first).now_or_never().is_none());
    let Some(Err(TurnedAway { retry_after })) = door.enter(None).now_or_never() else { panic!("it is one too many") };
    assert!((7000..=7200).contains(&retry_after), "{retry_after}");
    drop(first);
    assert_eq!(held(&gate), 0);
    assert!(door.enter(None).now_or_never().is_none(), "there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_held_for_too_long_is_turned_away() {
    let (gate, door) = gate(10);
    gate.pause();
    assert!(door.enter(None).await.is_err());
    assert_eq!((held(&gate), gate.status().in_flight), (0, 0));
}

#[tokio::test]
async fn a_request_that_is_held_ends_with_its_client_also_where_its_handler_would_run_on() {
    let (gate, door) = gate(10);
    let abort = ClientAbort::of(&Method::POST);
    gate.pause();
    let mut request = Box::pin(door.enter(Some(&abort)));
    assert!((&mut request).now_or_never().is_none() && !abort.runs_to_end());
    gate.resume();
    assert!(request.await.is_ok() && abort.runs_to_end());
}

#[tokio::test]
async fn a_pause_is_quiet_once_the_last_request_has_ended() {
    let (gate, door) = gate(10);
    let [Some(Ok(first)), Some(Ok(second))] = [door.enter(None).now_or_never(), door.enter(None).now_or_never()] else {
        panic!("nothing holds them")
    };
    gate.pause();
    let mut quiet = Box::pin(gate.quiet());
    assert!((&mut quiet).now_or_never().is_none());
    drop(first);
    assert!((&mut quiet).now_or_never().is_none());
    drop(second);
    quiet.await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_nobody_ends_ends_by_itself_and_another_one_has_its_own_time() {
    let (gate, _) = gate(10);
    gate.pause();
    let mut first = Box::pin(gate.overrun());
    assert!((&mut first).now_or_never().is_none());
    gate.resume();
    gate.pause();
    assert_eq!(first.await, None);
    gate.resume();
    gate.pause();
    assert!(gate.overrun().await.is_some());
    assert_eq!((gate.status().pause, gate.overrun().await), (None, None));
}

#[test]
fn a_pause_loses_no_request_that_enters_at_the_same_moment() {
    for _ in 0..500 {
        let gate = Arc::new(Gate::default());
        gate.set_limits(GateLimits { requests: 0, wait: Duration::ZERO, pause: Duration::from_secs(60) });
        let other = Arc::clone(&gate);
        let entered = std::thread::spawn(move || {
            let door = Door::of(other);
            let request = door.enter(None).now_or_never();
            let entered = matches!(request, Some(Ok(_)));
            std::mem::forget(request); // it is in flight for good
            entered
        });
        gate.pause();
        let seen = gate.status().in_flight;
        let entered = entered.join().expect("it does not panic");
        assert!(!entered || seen == 1, "it is seen, or is held");
    }
}

#[test]
fn maintenance_is_on_until_it_is_off() {
    let (gate, door) = gate(1);
    assert!(gate.set_maintenance(true) && !gate.set_maintenance(true));
    assert!(door.is_in_maintenance() && gate.status().maintenance.is_some());
    assert!(gate.set_maintenance(false) && !gate.set_maintenance(false));
    assert!(!door.is_in_maintenance() && gate.status().maintenance.is_none());
}
