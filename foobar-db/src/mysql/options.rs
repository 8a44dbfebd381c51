mod certificates;
mod identity;
mod readable;
mod tls;

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mysql_async::{Opts, OptsBuilder};
use rustls::crypto::CryptoProvider;

use super::url::Server;
use crate::limits::bounded;
use crate::{DatabaseSettings, Error};

use identity::Identity;
use readable::read;

/// How to connect to a server, and how a session begins.
pub(crate) struct Options {
    pub(crate) server: Opts,
    /// The statements that each session begins with.
    pub(crate) session: String,
    /// Those that migrations begin with.
    pub(crate) limits_of_migrations: String,
    pub(crate) connect_timeout: Duration,
    /// Whether a server without TLS is spoken to in clear, although the options are those of TLS.
    pub(crate) may_be_plain: bool,
    /// Whether statements begin with a comment that names their request.
    pub(crate) query_comments: bool,
    /// Whether the server is one of MariaDB, once it has been asked.
    pub(super) is_mariadb: OnceLock<bool>,
    /// The file with the password, which may change.
    password: Option<PathBuf>,
    /// The files with the certificate and the key of this program, which may too.
    identity: Option<(PathBuf, PathBuf)>,
    /// The file with the certificate authority, of which the driver has what it says.
    authority: Option<PathBuf>,
}

/// Ends the limits on a session's statements, for migrations. The comments are code for MariaDB and for MySQL alone.
pub(crate) const UNLIMITED: &str =
    "SET @foobar_unlimited = 1 /*M! , SESSION max_statement_time = 0 */ /*!50708 , SESSION max_execution_time = 0 */";

/// After this long without traffic the system asks whether the server is still there.
const TCP_KEEPALIVE: u32 = 30_000;

/// The longest row that a server sends, whatever it takes at once. What is sent is looked at before.
const LONGEST_ROW: usize = 1 << 30;

impl Options {
    pub(crate) fn new(settings: &DatabaseSettings) -> Result<Self, Error> {
        let url = settings.url.as_ref().ok_or(Error::NoUrl)?;
        let server = super::url::parse(url.expose())?;
        let tls = tls::of(&server, settings.tls_ca.as_ref())?;
        let Server { opts: server, may_be_plain } = server;
        if settings.password_file.is_some() && super::url::has_password(url.expose()) {
            let why = "is there, and `database.url` has a password too; take one of them out";
            return Err(Error::Setting { key: "password_file", why });
        }
        let identity = identity::of(settings, server.ssl_opts().is_some())?;
        let name = server.db_name().unwrap_or_default(); // `parse` refuses a URL without one
        let lock = in_seconds(bounded(settings.migration_lock_timeout));
        let limits_of_migrations =
            format!("{UNLIMITED}; SET SESSION lock_wait_timeout = {lock}, SESSION innodb_lock_wait_timeout = {lock}");
        let session = session(name, bounded(settings.query_timeout), bounded(settings.lock_timeout));
        let builder = OptsBuilder::from_opts(server)
            .ssl_opts(tls)
            .prefer_socket(false) // the address that was given, even where the server offers another
            .tcp_keepalive(Some(TCP_KEEPALIVE))
            .stmt_cache_size(0) // Diesel has its own
            .max_allowed_packet(Some(LONGEST_ROW))
            .client_found_rows(true) // an UPDATE counts the rows it matched, as on SQLite
            .wait_timeout(Some(0)); // for pools of the driver's; for this and the packet it would ask the server
        let options = Self {
            server: builder.into(),
            session,
            limits_of_migrations,
            connect_timeout: bounded(settings.connect_timeout),
            may_be_plain,
            query_comments: settings.query_comments,
            is_mariadb: OnceLock::new(),
            password: settings.password_file.clone(),
            identity,
            authority: settings.tls_ca.clone(),
        };
        options.check_files().map(|()| options)
    }

    /// Whether what its files say can be used.
    fn check_files(&self) -> Result<(), Error> {
        if let Some(file) = &self.password {
            password(file)?;
        }
        if let Some((certificate, key)) = &self.identity {
            Identity::read(certificate, key)?;
        }
        Ok(())
    }

    /// How to connect now, with what its files say.
    pub(crate) fn for_connection(&self) -> Result<Opts, Error> {
        self.for_connection_by(CryptoProvider::get_default().map(Arc::as_ref))
    }

    /// The same where this provider of cryptography has been chosen for the process, if one has.
    pub(super) fn for_connection_by(&self, chosen: Option<&CryptoProvider>) -> Result<Opts, Error> {
        if self.password.is_none() && self.identity.is_none() {
            return Ok(self.server.clone());
        }
        let mut builder = OptsBuilder::from_opts(self.server.clone());
        if let Some(file) = &self.password {
            builder = builder.pass(Some(password(file)?));
        }
        if let Some((certificate, key)) = &self.identity {
            let identity = Identity::read(certificate, key)?.for_driver(chosen)?;
            let tls = self.server.ssl_opts().cloned().map(|tls| tls.with_client_identity(Some(identity)));
            builder = builder.ssl_opts(tls);
        }
        Ok(builder.into())
    }

    /// The file with the certificate by which the server can know this program.
    pub(super) fn certificate(&self) -> Option<&Path> {
        self.identity.as_ref().map(|(certificate, _key)| certificate.as_path())
    }

    /// The file with the authority of `database.tls_ca`.
    pub(super) fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// The database on it.
    pub(crate) fn name(&self) -> &str {
        self.server.db_name().unwrap_or_default() // a URL without one is refused
    }

    /// The host as a URL has it.
    fn host(&self) -> Cow<'_, str> {
        match self.server.ip_or_hostname() {
            address if address.contains(':') => format!("[{address}]").into(),
            name => name.into(),
        }
    }

    /// The URL without its password.
    pub(crate) fn describe(&self) -> String {
        let (user, name) = (self.server.user(), self.name());
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        match self.server.socket() {
            Some(socket) => format!("mysql://{user}localhost/{name}?socket={socket}"),
            None => format!("mysql://{user}{}:{}/{name}", self.host(), self.server.tcp_port()),
        }
    }
}

/// The statements that each session begins with: the same rules whatever the server's configuration, and the same
/// again after a caller has changed something. Errors are in English.
fn session(name: &str, query_timeout: Duration, lock_timeout: Duration) -> String {
    let name = name.replace('`', "``");
    let lock = in_seconds(lock_timeout);
    let (seconds, milliseconds) = (query_timeout.as_secs_f64(), query_timeout.as_millis());
    format!(
        "USE `{name}`; SET NAMES utf8mb4, SESSION autocommit = 1, SESSION time_zone = '+00:00', SESSION lc_messages = 'en_US', \
         SESSION sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
         ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
         SESSION innodb_lock_wait_timeout = {lock}, SESSION lock_wait_timeout = {lock} \
         /*M! , SESSION max_statement_time = {seconds} */ /*!50708 , SESSION max_execution_time = {milliseconds} */"
    )
}

/// As MySQL counts a wait for a lock.
fn in_seconds(period: Duration) -> f64 {
    period.as_secs_f64().ceil().max(1.0)
}

/// What a file holds, but for the end of its line.
fn password(file: &Path) -> Result<String, Error> {
    let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8");
    let read = read(file).and_then(|bytes| String::from_utf8(bytes).map_err(no_text));
    let why = |error: io::Error| format!("cannot be read: {error}");
    let failed = |error| Error::File { key: "password_file", file: file.to_owned(), why: why(error) };
    read.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()).map_err(failed)
}
