use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::BoxFuture;

/// Writes down what happens to it.
struct Witness {
    name: &'static str,
    start: Start,
    diary: Diary,
}

/// What comes of its start, or later.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    Works,
    Fails,
    Panics,
    FailsLater,
    PanicsLater,
    PanicsAtTheDrain,
    BlocksAtTheDrain,
}

type Diary = Arc<Mutex<Vec<String>>>;

impl Witness {
    fn note(&self, what: &str) {
        self.diary.lock().unwrap().push(format!("{what} {}", self.name));
    }
}

impl Tier for Witness {
    fn name(&self) -> &'static str {
        self.name
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        self.note("start");
        Box::pin(async {
            match self.start {
                Start::Fails => Err("it is broken".into()),
                Start::Panics => panic!("it has a bug"),
                _ => Ok(()),
            }
        })
    }

    fn failed(&self) -> BoxFuture<'_, BoxError> {
        match self.start {
            Start::FailsLater => Box::pin(async { "it is broken".into() }),
            Start::PanicsLater => panic!("it has a bug"),
            _ => Box::pin(pending()),
        }
    }

    fn readiness(&self) -> Readiness {
        Readiness::not(self.name)
    }

    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        self.note("drain");
        match self.start {
            Start::PanicsAtTheDrain => panic!("it has a bug"),
            Start::BlocksAtTheDrain => loop {
                std::thread::park();
            },
            _ => Box::pin(async {}),
        }
    }
}

/// Three tiers, whose second starts like this.
fn tiers(second: Start) -> (Vec<Arc<dyn Tier>>, Diary) {
    let diary = Diary::default();
    let tier = |name| {
        let start = if name == "app" { second } else { Start::Works };
        Arc::new(Witness { name, start, diary: diary.clone() }) as Arc<dyn Tier>
    };
    (["database", "app", "web"].map(tier).into(), diary)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

#[tokio::test]
async fn tiers_start_in_order_and_drain_in_reverse() {
    let (tiers, diary) = tiers(Start::Works);
    let supervisor = Supervisor::start(tiers, soon()).await.expect("no tier is broken");
    let names: Vec<_> = supervisor.readiness().collect();
    assert_eq!(names[0], ("database", Readiness::not("database")));
    assert_eq!(supervisor.drain(soon()).await, Drained::Cleanly);
    let expected = ["start database", "start app", "start web", "drain web", "drain app", "drain database"];
    assert_eq!(*diary.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_tier_that_does_not_start_has_those_before_it_drained() {
    for (start, why) in [(Start::Fails, "it is broken"), (Start::Panics, "panicked: it has a bug")] {
        let (tiers, diary) = tiers(start);
        let error = Supervisor::start(tiers, soon()).await.err().expect("the application does not start");
        assert_eq!((error.tier, error.source.to_string().as_str()), ("app", why));
        assert_eq!(*diary.lock().unwrap(), ["start database", "start app", "drain database"]);
    }
}

#[tokio::test]
async fn a_tier_that_fails_after_the_start_is_named_as_often_as_one_asks() {
    let (tiers, _) = tiers(Start::FailsLater);
    let supervisor = Supervisor::start(tiers, soon()).await.expect("it fails only later");
    for _ in 0..2 {
        let error = supervisor.failed().await;
        assert_eq!((error.tier, error.source.to_string().as_str()), ("app", "it is broken"));
    }
}

#[tokio::test]
async fn while_no_tier_fails_there_is_no_failure() {
    let (tiers, _) = tiers(Start::Works);
    let supervisor = Supervisor::start(tiers, soon()).await.expect("no tier is broken");
    assert!(supervisor.failed().now_or_never().is_none());
}

#[tokio::test]
async fn a_panic_in_place_of_a_failure_is_one() {
    let (tiers, _) = tiers(Start::PanicsLater);
    let error = Supervisor::start(tiers, soon()).await.expect("it fails only later").failed().await;
    assert_eq!((error.tier, error.source.to_string().as_str()), ("app", "panicked: it has a bug"));
}

#[tokio::test]
async fn a_tier_that_panics_or_blocks_at_its_drain_holds_no_other() {
    for start in [Start::PanicsAtTheDrain, Start::BlocksAtTheDrain] {
        let (tiers, diary) = tiers(start);
        let supervisor = Supervisor::start(tiers, soon()).await.expect("no tier is broken");
        assert_eq!(supervisor.drain(Instant::now()).await, Drained::Not);
        assert_eq!(diary.lock().unwrap()[3..], ["drain web", "drain app", "drain database"]);
    }
}
