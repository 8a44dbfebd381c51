use std::time::Duration;

use foobar_core::Chain;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn as Driver, DriverError, Error, Opts, OptsBuilder, SslOpts};
use tokio::time::{Instant, timeout_at};

use super::refusal::{classify, denies_password};
use super::{Options, greeting};
use crate::ConnectError;

/// One session on a server.
pub(super) struct Session {
    /// The server's number of the connection.
    pub(super) id: u32,
    /// `None` where the server does not tell, or something between us and it answers in its place.
    pub(super) server: Option<Server>,
    /// The most bytes that the server takes at once (`max_allowed_packet`).
    pub(super) max_packet: usize,
    /// The statements that it began with.
    beginning: String,
    /// Those that migrations begin with.
    limits_of_migrations: String,
}

/// One run of one server. The number of a connection means nothing on another, nor after a restart.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// MySQL's `server_uuid`, which MariaDB has not; of both the host's name, the port, `server_id`, the data folder
    /// and the socket together.
    pub(super) name: String,
    /// In seconds since 1970, by the server's own clock.
    pub(super) started: i64,
}

/// How far two readings of one start may be apart: the server counts whole seconds, at two moments.
const INACCURACY: i64 = 2;

impl Server {
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.name == other.name && self.started.abs_diff(other.started) <= INACCURACY.unsigned_abs()
    }

    /// Whether that one has ended since, and all of its connections with it.
    pub(super) fn is_later_run_of(&self, other: &Self) -> bool {
        self.name == other.name && self.started > other.started + INACCURACY
    }
}

/// Connects and sets the session up, within `database.connect_timeout`.
pub(super) async fn begin(options: &Options) -> Result<(Driver, Session), ConnectError> {
    let by = Instant::now() + options.connect_timeout;
    let server = options.for_connection().map_err(|error| ConnectError::Refused(Chain(&error).to_string()))?;
    let why = |error| classify(error, options);
    let late = |_elapsed| ConnectError::Unreachable(format!("no answer within {:?}", options.connect_timeout));
    let first = timeout_at(by, connect(server.clone(), options.may_be_plain)).await.map_err(late)?;
    let mut driver = match first {
        Err(denial) if denies_password(&denial) => again(server, options, by).await.ok_or(denial),
        connected => connected,
    }
    .map_err(why)?;
    let set_up = timeout_at(by, Session::set_up(&mut driver, options)).await.map_err(late)?;
    let session = set_up.map_err(why)?;
    Ok((driver, session))
}

/// How long it may take to try a user again who was denied, where `database.connect_timeout` leaves more.
const AGAIN: Duration = Duration::from_secs(3);

/// Of the 32 random bytes that MariaDB wants a user by `ed25519` to sign, the driver leaves out the last one where it is
/// 0, so that one signature of 256 is wrong whatever the password. Who is denied there is tried once more, and no oftener:
/// MariaDB blocks an account after `max_password_errors`. MySQL has no such users. `None` leaves it at the denial, which
/// says more than what else may come of it.
async fn again(server: Opts, options: &Options, by: Instant) -> Option<Driver> {
    let has_password = server.pass().is_some_and(|password| !password.is_empty());
    let try_again = async {
        let is_worth_it = has_password && is_mariadb(&server, options).await;
        if is_worth_it { connect(server.clone(), options.may_be_plain).await.ok() } else { None }
    };
    timeout_at(by.min(Instant::now() + AGAIN), try_again).await.ok().flatten()
}

/// It is asked once: servers shut out whoever breaks off too many connections.
async fn is_mariadb(server: &Opts, options: &Options) -> bool {
    match options.is_mariadb.get() {
        Some(known) => *known,
        None => match greeting::is_mariadb(server).await {
            Ok(told) => *options.is_mariadb.get_or_init(|| told),
            Err(_does_not_say) => false,
        },
    }
}

/// As MySQL's own programs do, it is spoken in clear only where the server says that it has no TLS, not where that fails.
async fn connect(server: Opts, may_be_plain: bool) -> Result<Driver, Error> {
    match Driver::new(server.clone()).await {
        Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if may_be_plain => {
            Driver::new(OptsBuilder::from_opts(server).ssl_opts(None::<SslOpts>)).await
        }
        connected => connected,
    }
}

/// Sets the session back to its beginning: transactions, variables, temporary tables, locks, the chosen database.
pub(super) async fn restore(driver: &mut Driver, beginning: &str) -> Result<(), Error> {
    if !driver.reset().await? {
        driver.change_user(mysql_async::ChangeUserOpts::default()).await?; // of servers that are too old for a reset
    }
    driver.query_drop(beginning).await
}

impl Session {
    /// Runs the statements that it begins with, and learns what there is to know of it, in one round trip.
    async fn set_up(driver: &mut Driver, options: &Options) -> Result<Self, Error> {
        let (id, beginning) = (driver.id(), options.session.as_str());
        let read = match driver.query_iter(format!("{QUESTIONS}; {beginning}")).await {
            Ok(answers) => read(answers).await,
            Err(error) => Err(error),
        };
        let (max_packet, server) = match read {
            Ok((max_packet, Some((answering, server)))) => (max_packet, (answering == id).then_some(server)),
            Ok((max_packet, None)) => (max_packet, None),
            // Not one of the servers that we know; or it refuses what comes after the questions, and does so again.
            Err(Error::Server(_)) => driver.query_drop(beginning).await.map(|()| (usize::MAX, None))?,
            Err(error) => return Err(error),
        };
        let (beginning, limits_of_migrations) = (beginning.to_owned(), options.limits_of_migrations.clone());
        Ok(Self { id, server, max_packet, beginning, limits_of_migrations })
    }

    pub(super) fn limits_of_migrations(&self) -> &str {
        &self.limits_of_migrations
    }

    pub(super) fn beginning(&self) -> &str {
        &self.beginning
    }
}

/// The comment is code for MySQL alone.
const QUESTIONS: &str = "SELECT @@max_allowed_packet, CONNECTION_ID(), \
     CONCAT_WS(' ', @@hostname, @@port, @@server_id, @@datadir, @@socket /*!50708 , @@server_uuid */), UNIX_TIMESTAMP(); \
     SHOW GLOBAL STATUS LIKE 'Uptime'";

type Answers<'a> = mysql_async::QueryResult<'a, 'static, mysql_async::TextProtocol>;

async fn read(mut answers: Answers<'_>) -> Result<(usize, Option<(u32, Server)>), Error> {
    let first = answers.collect::<(usize, u32, String, i64)>().await?.pop();
    let uptime = answers.collect::<(String, i64)>().await?.pop();
    answers.drop_result().await?;
    Ok(match (first, uptime) {
        (Some((max_packet, id, name, now)), Some((_, uptime))) => {
            (max_packet, Some((id, Server { name, started: now - uptime })))
        }
        (Some((max_packet, ..)), None) => (max_packet, None),
        (None, _) => (usize::MAX, None),
    })
}
