/// How far a `write` on MySQL is kept apart from the transactions that run at the same time; see
/// [`Db::isolated`](crate::Db::isolated). On SQLite, where one write runs at a time, each is serializable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isolation {
    /// That of the server, `REPEATABLE READ` unless it is configured otherwise.
    #[default]
    Server,
    /// Each statement sees what is committed when it begins.
    ReadCommitted,
    /// Every query without a lock sees what was committed at the first one. What is written on the ground of what was
    /// read may overwrite another's change.
    RepeatableRead,
    /// As if the transactions ran one after the other: what has been read is locked until the end.
    Serializable,
}

impl Isolation {
    /// The statements that a transaction begins with on MySQL. The level is for that transaction alone.
    #[cfg(feature = "mysql")]
    pub(crate) const fn begin(self) -> &'static str {
        match self {
            Self::Server => "BEGIN",
            Self::ReadCommitted => "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN",
            Self::RepeatableRead => "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; BEGIN",
            Self::Serializable => "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; BEGIN",
        }
    }
}
