use mysql_async::prelude::Queryable;
use mysql_async::{Conn as Driver, Error};

use super::Options;
use crate::connections::ConnectError;

/// One session on a server.
pub(super) struct Session {
    /// The server's number of the connection.
    pub(super) id: u32,
    /// `None` where the server does not tell, or something between us and it answers in its place.
    pub(super) server: Option<Server>,
}

/// One run of one server. The number of a connection means nothing on another, nor after a restart.
#[derive(Debug)]
pub(super) struct Server {
    /// MySQL's `server_uuid`; of MariaDB the host's name, the port and `server_id` together.
    name: String,
    /// In seconds since 1970, by the server's own clock.
    started: i64,
}

/// How far two readings of one start may be apart: the server counts whole seconds, at two moments.
const INACCURACY: i64 = 2;

impl Server {
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.name == other.name && self.started.abs_diff(other.started) <= INACCURACY.unsigned_abs()
    }
}

/// Connects and sets the session up.
pub(super) async fn begin(options: &Options) -> Result<(Driver, Session), ConnectError> {
    let mut driver = Driver::new(options.server.clone()).await.map_err(classify)?;
    let server = server(&mut driver).await.map_err(classify)?;
    let session = Session { id: driver.id(), server };
    Ok((driver, session))
}

/// Sets the session back to its beginning: transactions, variables, temporary tables, locks, the chosen database.
pub(super) async fn restore(driver: &mut Driver) -> Result<(), Error> {
    if driver.reset().await? {
        return Ok(());
    }
    driver.change_user(mysql_async::ChangeUserOpts::default()).await // of servers that are too old for a reset
}

/// Which server is behind the connection.
async fn server(driver: &mut Driver) -> Result<Option<Server>, Error> {
    let id = driver.id();
    let rows = match driver.query_iter(WHICH_SERVER).await {
        Ok(mut answer) => read(&mut answer).await,
        Err(error) => Err(error),
    };
    match rows {
        Ok(Some((answering, name, now, uptime))) if answering == id => Ok(Some(Server { name, started: now - uptime })),
        Ok(_) | Err(Error::Server(_)) => Ok(None), // not MySQL's own server, or not one connection
        Err(error) => Err(error),
    }
}

type Reading = (u32, String, i64, i64);

async fn read(
    answer: &mut mysql_async::QueryResult<'_, 'static, mysql_async::TextProtocol>,
) -> Result<Option<Reading>, Error> {
    let first = answer.collect::<(u32, String, i64)>().await?.pop();
    let uptime = answer.collect::<(String, i64)>().await?.pop();
    Ok(first.zip(uptime).map(|((id, name, now), (_, uptime))| (id, name, now, uptime)))
}

/// The comment is code for MySQL alone.
const WHICH_SERVER: &str = "SELECT CONNECTION_ID(), \
     CONCAT_WS(' ', @@hostname, @@port, @@server_id /*!50708 , @@server_uuid */), UNIX_TIMESTAMP(); \
     SHOW GLOBAL STATUS LIKE 'Uptime'";

/// Tells a server that refuses us from one that is not there or has no room: access denied, unknown database.
fn classify(error: Error) -> ConnectError {
    match error {
        Error::Server(error) if [1044, 1045, 1049, 1698].contains(&error.code) => ConnectError::Refused(error.message),
        Error::Server(error) => ConnectError::Unreachable(error.message),
        Error::Io(error) => ConnectError::Unreachable(error.to_string()), // its own words are the same
        other => ConnectError::Unreachable(other.to_string()),
    }
}
