use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::BoxFuture;

/// Writes down what happens to it; starts unless it is broken.
struct Witness {
    name: &'static str,
    broken: bool,
    diary: Diary,
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
        Box::pin(async { if self.broken { Err("it is broken".into()) } else { Ok(()) } })
    }

    fn readiness(&self) -> Readiness {
        Readiness::not(self.name)
    }

    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        self.note("drain");
        Box::pin(async {})
    }
}

fn tiers(broken: &str) -> (Vec<Arc<dyn Tier>>, Diary) {
    let diary = Diary::default();
    let tier = |name| Arc::new(Witness { name, broken: name == broken, diary: diary.clone() }) as Arc<dyn Tier>;
    (["database", "app", "web"].map(tier).into(), diary)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(1)
}

#[tokio::test]
async fn tiers_start_in_order_and_drain_in_reverse() {
    let (tiers, diary) = tiers("none");
    let supervisor = Supervisor::start(tiers, soon()).await.expect("no tier is broken");
    let names: Vec<_> = supervisor.readiness().collect();
    assert_eq!(names[0], ("database", Readiness::not("database")));
    supervisor.drain(soon()).await;
    let expected = ["start database", "start app", "start web", "drain web", "drain app", "drain database"];
    assert_eq!(*diary.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_tier_that_does_not_start_has_those_before_it_drained() {
    let (tiers, diary) = tiers("app");
    let error = Supervisor::start(tiers, soon()).await.err().expect("the application is broken");
    assert_eq!((error.tier, error.source.to_string().as_str()), ("app", "it is broken"));
    assert_eq!(*diary.lock().unwrap(), ["start database", "start app", "drain database"]);
}
