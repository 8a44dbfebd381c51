//! What the tier promises on every engine, provoked on real servers.

mod deadlines;
mod errors;
mod isolation;
mod own_errors;
mod servers;
mod sessions;
mod values;

use std::time::Duration;

use foobar_core::Period;

use crate::testing::TestDb;
use crate::{DatabaseSettings, Db};

/// A database of each engine.
async fn both() -> [TestDb; 2] {
    [TestDb::sqlite().await, TestDb::mysql().await]
}

/// A started handle with settings of its own to the same database.
async fn with(test: &TestDb, change: impl FnOnce(&mut DatabaseSettings)) -> Db {
    let mut settings = test.settings();
    change(&mut settings);
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    db
}

/// One connection for all calls.
fn alone(settings: &mut DatabaseSettings) {
    settings.connections = 1.try_into().unwrap();
    settings.readers = 1.try_into().unwrap();
}

fn period(milliseconds: u64) -> Period {
    Period::new(Duration::from_millis(milliseconds))
}
