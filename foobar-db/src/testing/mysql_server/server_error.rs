use std::io;

/// Why no server for tests could be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// None is installed. On Debian `mariadb-server-core` has the server, and `mariadb-client-core` a program that
    /// `mariadb-install-db` needs; neither starts a service.
    #[error(
        "tests on MySQL need `mariadbd` or `mysqld`; on Debian: apt-get install mariadb-server-core \
         mariadb-client-core; or `FOOBAR_MYSQLD` names a server's program"
    )]
    Missing,
    /// A program of the server or a file of it failed.
    #[error("the test server failed: {doing}")]
    System {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The data folder could not be made.
    #[error("the test server's data folder could not be made: {0}")]
    Install(String),
    /// It does not answer.
    #[error("the test server does not answer; its log ends: {log}")]
    Silent {
        /// The end of the server's log.
        log: String,
        /// What the last attempt to connect got.
        source: diesel::ConnectionError,
    },
    /// It answers, but not as it should.
    #[error("the test server refuses a statement")]
    Query(#[from] diesel::result::Error),
}

/// What failed while this was done.
pub(super) fn failed(doing: &str) -> impl FnOnce(io::Error) -> ServerError {
    let doing = doing.to_owned();
    move |source| ServerError::System { doing, source }
}
