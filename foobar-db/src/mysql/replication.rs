use foobar_core::Metrics;
use mysql_async::Row;
use mysql_async::prelude::FromValue;

/// How a replica follows its sources, as the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replication {
    /// Whether it is connected to each of them, and applies what comes.
    is_running: bool,
    /// How many seconds it is behind the one that it is furthest behind; `None` where the server does not know that, as
    /// of one that it does not follow now.
    lag: Option<u64>,
}

/// What asks for a row of each source. The comments are code for MariaDB and for MySQL alone.
pub(super) const QUESTION: &str = "SHOW /*M! ALL SLAVES */ /*!50708 REPLICA */ STATUS";

impl Replication {
    /// What the rows of the answer say; `None` for a server without a source.
    pub(super) fn of(sources: &[Row]) -> Option<Self> {
        let of_all = |one: Self, other: Self| Self {
            is_running: one.is_running && other.is_running,
            lag: one.lag.zip(other.lag).map(|(one, other)| one.max(other)),
        };
        sources.iter().map(Self::of_source).reduce(of_all)
    }

    fn of_source(row: &Row) -> Self {
        let runs = |names| value::<String>(row, names).is_some_and(|state| state == "Yes");
        Self {
            is_running: runs(["Replica_IO_Running", "Slave_IO_Running"])
                && runs(["Replica_SQL_Running", "Slave_SQL_Running"]),
            lag: value(row, ["Seconds_Behind_Source", "Seconds_Behind_Master"]),
        }
    }

    /// Adds it to a scrape.
    pub(super) fn add_to(self, metrics: &mut Metrics, labels: &[(&str, &str)]) {
        let help = "Whether the replica is connected to its source and applies what comes.";
        metrics.gauge("foobar_database_replication_running", help, labels, u8::from(self.is_running));
        if let Some(lag) = self.lag {
            let help = "How far the replica is behind its source, as it says itself.";
            metrics.gauge("foobar_database_replication_lag_seconds", help, labels, lag);
        }
    }
}

/// The value of a column, which has one of two names; `None` for NULL and for what cannot be read.
fn value<T: FromValue>(row: &Row, names: [&str; 2]) -> Option<T> {
    let columns = names.into_iter().find_map(|name| row.get_opt::<Option<T>, _>(name));
    columns.and_then(Result::ok).flatten() // a number below 0 is none
}
