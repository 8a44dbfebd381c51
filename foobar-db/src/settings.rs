use std::num::NonZeroU32;
use std::path::PathBuf;

use foobar_core::config::settings;
use foobar_core::{Period, Secret};

settings! {
    /// `[database]`: which database, and how long anything may wait for it. A timeout of `"0"` is none.
    pub struct DatabaseSettings in "database" {
        /// Where the database is. `sqlite:PATH` is a file; a start makes it, and its folder, where they are missing,
        /// and says so in the log. `sqlite::memory:` lives as long as the process.
        /// `mysql://USER:PASSWORD@HOST:PORT/NAME` is a MySQL or MariaDB server; with `?socket=/PATH` over its Unix
        /// socket, with `?ssl-mode=required` only over TLS.
        pub url: Option<Secret>,
        /// SQLite: how many connections read at the same time, 1024 at most. One more writes. Each has a thread.
        pub readers: NonZeroU32 = "4",
        /// MySQL: how many connections this process opens at most, and 1024 at most. One of them watches the server
        /// and ends statements there; each of the others runs queries and has a thread. With `1` there are these two.
        /// Migrations by `migration_url` open two more while they run, and a reload of `[database]` has old and new
        /// ones open at once, up to twice as many.
        pub connections: NonZeroU32 = "8",
        /// MySQL: a file with the password, where `url` has none. It is read for each connection, so that a password
        /// that is rotated needs no restart: give the server the new one beside the old, then replace the file.
        pub password_file: Option<PathBuf>,
        /// How many calls may wait for a connection; one more is refused at once.
        pub queue: usize = "1024",
        /// How long a call waits for a connection before it is refused; where one has to be opened, for as long as
        /// `connect_timeout` in addition.
        pub acquire_timeout: Period = r#""2s""#,
        /// How long a call may take once it has a connection: all its statements and retries together. What still runs
        /// then is ended: on MySQL by `KILL QUERY` on a connection that is certainly to the same server. Where that is
        /// not certain, as behind a balancer, the connection is closed and the server's own limit is relied on
        /// (MariaDB's `max_statement_time`; MySQL's `max_execution_time`, which is for SELECT alone), and the log says
        /// so.
        pub query_timeout: Period = r#""5s""#,
        /// A statement that takes longer than this is a line in the log, with its text and never its values; `"0"` for
        /// none. It is on, unlike MySQL's own log of slow queries, since it discloses no value, repeats are
        /// summed up, and MySQL's 10 seconds (`long_query_time`) are more than `query_timeout` leaves.
        pub slow_query_time: Period = r#""1s""#,
        /// MySQL: whether the statements of a handler begin with a comment that names its route and its request, as in
        /// `/*route='%2Forders',request='1ecab73c'*/ SELECT …`, for the server's list of processes and its logs. Each
        /// is then prepared anew, which is one more round trip, since the comment is a part of its text.
        pub query_comments: bool = "false",
        /// How long a statement waits for a lock that another transaction holds. MySQL counts in whole seconds.
        pub lock_timeout: Period = r#""2s""#,
        /// MySQL: how long opening a connection may take.
        pub connect_timeout: Period = r#""5s""#,
        /// Whether a start runs the migrations. Where it does not, it waits until the database has all of them, and the
        /// program is not ready before: run `migrate` as a step of its own.
        pub migrate_on_start: bool = "true",
        /// MySQL: as which user migrations run, at the start and by `migrate`, where that of `url` may only change
        /// rows: the same database, with another user and, if need be, another host. `password_file` is of this user
        /// too, unless this URL has a password.
        pub migration_url: Option<Secret>,
        /// How long all migrations together may take, with the wait for another node that runs them.
        pub migration_timeout: Period = r#""10m""#,
        /// MySQL: how long a statement of a migration waits for a lock at once: as long as it does, it keeps all others
        /// from its table. One that changes the schema is tried again after it, until `migration_timeout`. In whole
        /// seconds.
        pub migration_lock_timeout: Period = r#""5s""#,
        /// MySQL: a connection older than this is replaced; up to a tenth earlier, so that not all go at once;
        /// `"0"` keeps it.
        pub max_lifetime: Period = r#""30m""#,
        /// MySQL: a connection unused for this long is closed; `"0"` keeps it.
        pub idle_timeout: Period = r#""10m""#,
        /// MySQL: a PEM file with the certificate authority that signed the server's certificate, where it is not a
        /// public one. `ssl-mode=verify_ca` needs it.
        pub tls_ca: Option<PathBuf>,
        /// MySQL: a PEM file with the certificate by which the server knows this program, and those that signed it;
        /// with `tls_key`. It is read for each connection.
        pub tls_cert: Option<PathBuf>,
        /// MySQL: a PEM file with the key of `tls_cert`, which is one of RSA, or of P-256, P-384, P-521 or Ed25519
        /// where `tiers::crypto_provider` is the provider of the process, as `Server::run` makes it.
        pub tls_key: Option<PathBuf>,
    }
}
