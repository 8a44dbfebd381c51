use std::thread::sleep;
use std::time::Duration;
#[cfg(feature = "mysql")]
use std::time::Instant;

#[cfg(feature = "mysql")]
use crate::migration_lock::Claim;
use crate::migration_lock::MigrationLock;
use crate::{Conn, Error, deadline};

/// How long a process waits until it asks again.
const PAUSE: Duration = Duration::from_millis(100);
/// How long giving the row back may take where there is no time left.
#[cfg(feature = "mysql")]
const LAST_WORDS: Duration = Duration::from_secs(1);

impl MigrationLock {
    /// Waits until no other process runs migrations, at most until the thread's deadline.
    pub(super) fn acquire(conn: &mut Conn) -> Result<Self, Error> {
        let lock = wait(|| Ok(conn.lock_migrations()?.ok_or(())))?;
        lock.map_err(|()| Error::Migrating)
    }

    /// Takes the row in the database too, from now on until the [`release`](Self::release). It waits as
    /// [`acquire`](Self::acquire) does.
    pub(super) fn claim(&mut self, conn: &mut Conn) -> Result<(), Error> {
        match (self, conn) {
            #[cfg(feature = "mysql")]
            (Self::Connection { of_server, token }, conn) => {
                let claimed = wait(|| match conn.claim_migrations(*of_server) {
                    Ok(Claim::Ours(ours)) => Ok(Ok(ours)),
                    Ok(Claim::Held(holder)) => Ok(Err(holder)),
                    Err(error) => Err(Error::MigrationState(error.into())),
                })?;
                *token = Some(claimed.map_err(Error::MigrationsHeld)?);
                Ok(())
            }
            #[cfg(feature = "sqlite")]
            _ => Ok(()),
        }
    }

    /// Gives the row back. Where the connection is lost, the next process finds it gone and takes the row over.
    pub(super) fn release(self, conn: &mut Conn) {
        match (self, conn) {
            #[cfg(feature = "mysql")]
            (Self::Connection { token: Some(token), .. }, conn) => {
                let by = Instant::now() + LAST_WORDS;
                if let Err(error) = deadline::until(by, || conn.release_migrations(&token)) {
                    tracing::debug!(%error, "the row of the process that runs migrations is left to the next one");
                }
            }
            _ => {}
        }
    }
}

/// What `ask` comes to, or the last refusal once the thread's deadline has passed.
fn wait<T, R>(mut ask: impl FnMut() -> Result<Result<T, R>, Error>) -> Result<Result<T, R>, Error> {
    let mut is_told = false;
    loop {
        match ask()? {
            Err(refused) if deadline::has_passed() => return Ok(Err(refused)),
            Err(_held) => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::info!("waiting for another process that runs migrations");
                }
                sleep(PAUSE);
            }
            ours => return Ok(ours),
        }
    }
}
