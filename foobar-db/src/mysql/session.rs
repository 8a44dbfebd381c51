use foobar_core::Chain;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn as Driver, DriverError, Error, Opts, OptsBuilder, SslOpts};

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

/// Connects and sets the session up.
pub(super) async fn begin(options: &Options) -> Result<(Driver, Session), ConnectError> {
    let server = options.for_connection().map_err(|error| ConnectError::Refused(Chain(&error).to_string()))?;
    let why = |error| classify(error, options);
    let mut driver = sign_in(server, options).await.map_err(why)?;
    let session = Session::set_up(&mut driver, options).await.map_err(why)?;
    Ok((driver, session))
}

/// How often a user is tried whom MariaDB denies.
const ATTEMPTS: u32 = 3;

/// Of the 32 random bytes that MariaDB wants a user by `ed25519` to sign, the driver leaves out the last one where it is 0,
/// so that one signature of 256 is wrong whatever the password. What is denied there is tried again; MySQL has no such
/// users, and may lock an account after a few attempts.
async fn sign_in(server: Opts, options: &Options) -> Result<Driver, Error> {
    let mut outcome = connect(server.clone(), options.may_be_plain).await;
    let has_password = server.pass().is_some_and(|password| !password.is_empty());
    if has_password && outcome.as_ref().is_err_and(denies_password) && is_mariadb(&server, options).await {
        for _again in 1..ATTEMPTS {
            if !outcome.as_ref().is_err_and(denies_password) {
                break;
            }
            outcome = connect(server.clone(), options.may_be_plain).await;
        }
    }
    outcome
}

/// It is asked once: servers shut out whoever breaks off too many connections.
async fn is_mariadb(server: &Opts, options: &Options) -> bool {
    match options.is_mariadb.get() {
        Some(known) => *known,
        None => match greeting::is_mariadb(server).await {
            Ok(told) => *options.is_mariadb.get_or_init(|| told),
            Err(_gone_meanwhile) => false,
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
