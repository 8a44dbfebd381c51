use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::connection::SimpleConnection;
use diesel::r2d2::R2D2Connection;

use super::ending::{EndOnServer, Target};
use super::replication::Replication;
use super::session::{Server, Session};
use super::{MysqlConnection, Options};
use crate::{ConnectError, deadline};

/// A connection beside those of the pool: it asks whether the server is there, and ends statements on it.
pub(super) struct Control {
    options: Arc<Options>,
    connection: Mutex<Option<MysqlConnection>>,
    /// Whether the server took no writes when it was asked last.
    is_read_only: AtomicBool,
    /// How it followed its sources then; `None` where it has none, is no replica or does not say.
    replication: Mutex<Option<Replication>>,
}

/// Which server answers, and whether it takes writes, as far as it has told.
#[derive(Clone, Debug)]
pub(super) struct Role {
    is_read_only: Option<bool>,
    server: Option<Server>,
}

impl Role {
    /// Whether this is another server, or one in another role: connections that were opened before do not lead to it.
    pub(super) fn differs_from(&self, before: &Self) -> bool {
        let servers = self.server.as_ref().zip(before.server.as_ref());
        let roles = self.is_read_only.zip(before.is_read_only);
        servers.is_some_and(|(now, before)| !now.is_same_as(before)) || roles.is_some_and(|(now, before)| now != before)
    }

    /// With what was known before of the rest.
    pub(super) fn or(self, before: Option<Self>) -> Self {
        let (is_read_only, server) = before.map_or((None, None), |before| (before.is_read_only, before.server));
        Self { is_read_only: self.is_read_only.or(is_read_only), server: self.server.or(server) }
    }
}

/// How long ending a statement may take, with the wait for the connection.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a replica may take to say how it follows its sources. It waits while one is told to stop, and meanwhile no
/// statement can be ended.
const REPLICATION: Duration = Duration::from_millis(300);
/// A server that is silent for this long is taken for gone.
const SILENCE: Duration = Duration::from_secs(2);
/// How long a thread waits until it looks again whether the connection is free.
const PAUSE: Duration = Duration::from_millis(5);

impl Control {
    pub(super) const fn new(options: Arc<Options>) -> Self {
        Self {
            options,
            connection: Mutex::new(None),
            is_read_only: AtomicBool::new(false),
            replication: Mutex::new(None),
        }
    }

    /// Whether the server takes no writes, as a replica does not; no until it has been asked.
    pub(super) fn is_read_only(&self) -> bool {
        self.is_read_only.load(Relaxed)
    }

    /// How the server follows its sources, as it said last; `None` where it has none, is no replica or does not say.
    pub(super) fn replication(&self) -> Option<Replication> {
        *self.replication.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a replica how it follows its sources; another server is not asked.
    pub(super) fn ask_for_replication(&self) -> QueryResult<()> {
        let answer = if self.is_read_only() { self.follows() } else { Ok(None) };
        match answer {
            Ok(replication) => {
                self.set_replication(replication);
                Ok(())
            }
            Err(error) => {
                self.set_replication(None);
                Err(error)
            }
        }
    }

    /// From now on it is not known how the server follows its sources.
    pub(super) fn forget_replication(&self) {
        self.set_replication(None);
    }

    fn set_replication(&self, replication: Option<Replication>) {
        *self.replication.lock().unwrap_or_else(PoisonError::into_inner) = replication;
    }

    fn follows(&self) -> QueryResult<Option<Replication>> {
        let mut held = self.connection.lock().unwrap_or_else(|left| self.given_up(left.into_inner()));
        let Some(connection) = held.as_mut() else { return Ok(None) };
        let answer = deadline::until(Instant::now() + REPLICATION, || connection.replication());
        if connection.is_broken() {
            *held = None; // the next check opens another
        }
        answer
    }

    /// Asks the server whether it is there, on a new connection where the last one is gone; in which role it is, where it
    /// says so.
    pub(super) fn ping(&self) -> Result<Option<Role>, ConnectError> {
        let mut connection = self.connection.lock().unwrap_or_else(|left| self.given_up(left.into_inner()));
        let limit = self.options.connect_timeout.min(SILENCE);
        let by = Instant::now() + limit;
        match connection.as_mut().map(|connection| deadline::until(by, || self.ask(connection))) {
            Some(Ok(role)) => return Ok(role),
            Some(Err(_)) if Instant::now() >= by => {
                *connection = None;
                return Err(ConnectError::Unreachable(format!("no answer within {limit:?}")));
            }
            Some(Err(_lost)) => *connection = None, // a server that is full has room for the next
            None => {}
        }
        let new = MysqlConnection::connect(&self.options)?;
        let server = new.session().server.clone();
        *connection = Some(new);
        Ok(Some(Role { is_read_only: None, server })) // the next one asks: a start does not wait for more round trips
    }

    /// In which role it answers. One that does not know the question is there too.
    fn ask(&self, connection: &mut MysqlConnection) -> QueryResult<Option<Role>> {
        match connection.is_read_only() {
            Ok(is_read_only) => {
                self.is_read_only.store(is_read_only, Relaxed);
                Ok(Some(Role { is_read_only: Some(is_read_only), server: connection.session().server.clone() }))
            }
            Err(_unknown) => connection.ping().map(|()| None),
        }
    }

    /// Takes leave of the server; on a plain thread.
    pub(super) fn close(&self) {
        let connection = self.connection.lock().unwrap_or_else(|left| self.given_up(left.into_inner())).take();
        drop(connection); // without the lock
    }

    /// The connection, as soon as nobody uses it.
    fn free_by(&self, by: Instant) -> Option<Held<'_>> {
        loop {
            match self.connection.try_lock() {
                Ok(connection) => return Some(connection),
                Err(TryLockError::WouldBlock) if Instant::now() < by => sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return None,
                Err(TryLockError::Poisoned(left)) => return Some(self.given_up(left.into_inner())),
            }
        }
    }

    /// Drops a connection that a panic has left in the middle of something.
    fn given_up<'a>(&self, mut connection: Held<'a>) -> Held<'a> {
        self.connection.clear_poison();
        *connection = None;
        connection
    }
}

impl EndOnServer for Control {
    fn end(&self, what: Target, session: &Session) -> bool {
        let by = Instant::now() + PATIENCE;
        let outcome = self.free_by(by).ok_or(Unended::Busy).and_then(|mut connection| {
            let connection = connection.as_mut().ok_or(Unended::Unconnected)?;
            if !is_on_the_server_of(connection.session(), session) {
                return Err(Unended::Unproven);
            }
            let kill = match what {
                Target::Statement => format!("KILL QUERY {}", session.id),
                Target::Connection => format!("KILL {}", session.id),
            };
            deadline::until(by, || connection.batch_execute(&kill)).map_err(Unended::Failed)
        });
        let warn = |reason| {
            let connection = session.id;
            tracing::warn!(
                connection,
                %reason,
                "a statement past its deadline, or past the end of a drain, could not be ended on the server: its connection \
                 is closed, and the server's own limit ends it, if it has one for such a statement"
            );
        };
        outcome.map_err(warn).is_ok()
    }
}

type Held<'a> = MutexGuard<'a, Option<MysqlConnection>>;

/// Why a statement was left running.
#[derive(Debug, thiserror::Error)]
enum Unended {
    #[error("the control connection is waiting for the server")]
    Busy,
    #[error("there is no control connection")]
    Unconnected,
    #[error("the control connection may be on another server")]
    Unproven,
    #[error("{0}")]
    Failed(diesel::result::Error),
}

/// Behind a balancer, or after a restart, the number of a connection is a stranger's.
fn is_on_the_server_of(control: &Session, session: &Session) -> bool {
    let both = control.server.as_ref().zip(session.server.as_ref());
    both.is_some_and(|(control, server)| control.is_same_as(server))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use foobar_core::Secret;

    use super::*;
    use crate::DatabaseSettings;
    use crate::testing::MysqlServer;

    fn options(url: &str) -> Arc<Options> {
        let settings = DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() };
        Arc::new(Options::new(&settings).unwrap())
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged while `work` runs on this thread.
    fn logged(work: impl FnOnce()) -> String {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, work);
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
    }

    /// Behind a balancer, and after a restart, the number of a connection is another one's.
    #[test]
    fn a_statement_is_ended_on_the_same_run_of_the_same_server_alone() {
        let mut servers = [MysqlServer::start().unwrap(), MysqlServer::start().unwrap()];
        let options = servers.each_ref().map(|server| options(&server.url("mysql")));
        let [here, elsewhere] = options.each_ref().map(|options| MysqlConnection::connect(options).unwrap());
        let control = Control::new(Arc::clone(&options[0]));
        let refused = |session: &Session, reason: &str| {
            let log = logged(|| assert!(!control.end(Target::Statement, session)));
            assert!(log.contains("could not be ended on the server") && log.contains(reason), "{log}");
        };
        refused(here.session(), "there is no control connection");
        control.ping().unwrap();
        assert!(control.end(Target::Statement, here.session()));
        refused(elsewhere.session(), "the control connection may be on another server");
        let mut connection = MysqlConnection::connect(&options[0]).unwrap();
        connection.batch_execute("DO SLEEP(3)").unwrap(); // starts are told apart by seconds
        servers[0].restart().unwrap();
        drop(control.ping()); // it may take one to see that the last connection is gone
        control.ping().unwrap();
        refused(here.session(), "the control connection may be on another server");
    }
}
