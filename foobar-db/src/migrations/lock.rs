#[cfg(feature = "sqlite")]
use std::fs::File;
use std::thread::sleep;
use std::time::Duration;

use crate::{Conn, Error, deadline};

/// What keeps all other processes from running migrations.
pub(crate) enum MigrationLock {
    /// A lock of the operating system, as long as this lives.
    #[cfg(feature = "sqlite")]
    File(#[expect(dead_code, reason = "dropped, it unlocks the file")] File),
    /// One that the connection has, until it is closed.
    Connection,
}

/// How long a process waits until it asks again.
const PAUSE: Duration = Duration::from_millis(100);

impl MigrationLock {
    /// Waits until no other process runs migrations, at most until the thread's deadline.
    pub(super) fn acquire(conn: &mut Conn) -> Result<Self, Error> {
        for attempt in 0.. {
            if let Some(lock) = conn.lock_migrations()? {
                return Ok(lock);
            }
            if deadline::has_passed() {
                break;
            }
            if attempt == 0 {
                tracing::info!("waiting for another process that runs migrations");
            }
            sleep(PAUSE);
        }
        Err(Error::Migrating)
    }
}
