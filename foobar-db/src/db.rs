mod info;
mod migrator;
mod schema;
mod upkeep;

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foobar_core::{RequestId, RoutePattern, Tier};

use migrator::Migrator;

use crate::shared_tier::SharedTier;
use crate::statements::{CallOrigin, Caller};
use crate::{
    Conn, Database, DatabaseSettings, Ending, Engine, EngineConnection, Error, Isolation, Query, QueryError, QueryKind,
    QueryResult, opening,
};

/// The handle to the database that an application holds: cheap to clone, usable from any thread and runtime.
///
/// Queries are closures of ordinary Diesel. They run on the database's own threads, so they never block a worker, and
/// every call ends within `database.acquire_timeout` plus `database.query_timeout`, or `database.connect_timeout` more
/// where a connection has to be opened for it. Before the tier has started and after it has been drained, each call gets
/// [`Error::Closed`].
///
/// # Values
///
/// A value that does not fit is an error, but for what Diesel itself converts. On SQLite an integer read as `Integer`
/// or `SmallInt` is cut to its 32 or 16 bits, and a text read as a number is what it begins with, or 0: use `BigInt`
/// where numbers may grow. A fraction read as an integer is cut off, but for `Db<MysqlConnection>`, where it is an error.
/// On both engines a number too large for `Float` is infinite, and as `Bool` any byte that is not 0 is true (on SQLite,
/// any number whose 32 bits are not).
/// SQLite has no NaN and stores NULL for it; MySQL has neither that nor infinity, and refuses both.
pub struct Db<C = Conn> {
    tier: Arc<SharedTier>,
    isolation: Isolation,
    caller: Option<Arc<Caller>>,
    migrator: Arc<Migrator>,
    connection: PhantomData<fn(&mut C)>,
}

impl Db {
    /// The database of `settings`, not yet started: its [`tier`](Self::tier) starts it.
    ///
    /// An error names what is wrong with the URL, or the feature that its engine needs.
    pub fn open(settings: &DatabaseSettings) -> Result<Self, Error> {
        let migrator = Arc::new(Migrator::of(settings)?);
        Ok(Self { migrator, ..Self::new(opening::open(settings)?) })
    }

    /// A handle to `database`.
    pub fn new(database: Arc<dyn Database>) -> Self {
        let tier = Arc::new(SharedTier::new(database, None));
        Self { tier, isolation: Isolation::Server, caller: None, migrator: Arc::default(), connection: PhantomData }
    }

    /// The same database under a name of its own, one lower-case word: that of its [`tier`](Self::tier) in the log and in
    /// `/readyz`, and the label `database` of its figures in `/metrics`. For a program with several databases, before the
    /// tier is started or the handle cloned.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        let tier = Arc::new(SharedTier::new(self.database(), Some(name)));
        Self { tier, ..self }
    }

    /// The same database for one engine's own connection, such as `Db<MysqlConnection>` with all of MySQL's types;
    /// an error if another engine runs.
    pub fn typed<C: EngineConnection>(&self) -> Result<Db<C>, Error> {
        let is = self.database().engine();
        match C::ENGINE {
            Some(wanted) if wanted != is => Err(Error::OtherEngine { is, wanted }),
            _ => Ok(Db {
                tier: Arc::clone(&self.tier),
                isolation: self.isolation,
                caller: self.caller.clone(),
                migrator: Arc::clone(&self.migrator),
                connection: PhantomData,
            }),
        }
    }

    /// The tier that a supervisor starts and drains. Several may: the first start opens the database and the last drain
    /// closes it, so that two servers on one `Db` stop on their own.
    pub fn tier(&self) -> Arc<dyn Tier> {
        Arc::clone(&self.tier) as Arc<dyn Tier>
    }

    /// From now on the calls of this handle, and of all its clones, go to the database of `other`, which has been started by
    /// its [`tier`](Self::tier): the same with other settings, or another of the same engine. Those that have come before end
    /// where they are, and then that database is closed.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, and if `other` has another engine.
    pub fn replace(&self, other: &Self) {
        assert_eq!(self.engine(), other.engine(), "a handle keeps its engine");
        self.tier.replace(other.database());
    }

    /// Whether its data ends with the process, so that no other can take its place.
    pub fn is_temporary(&self) -> bool {
        self.database().is_temporary()
    }

    /// Says whether the database could be opened, and why not, without changing anything: no file is made. A MySQL
    /// server that is down is an error. The tier need not have been started.
    pub async fn check(&self) -> Result<(), Error> {
        self.database().check().await
    }
}

impl<C: EngineConnection> Db<C> {
    /// Runs a query that only reads. It may see a replica, and is run again if its connection was lost: hence the `Fn`,
    /// as at [`write`](Self::write). An attempt to write is an error; on MySQL, where it is hidden in a view, or in a
    /// procedure that begins a transaction of its own, it is not seen. It is in no transaction: where several
    /// statements must see the same state, put them into `conn.transaction(..)`.
    ///
    /// What a query sets in its session (variables, locks, modes, temporary tables) is gone for the next one. On MySQL,
    /// what a trigger or a view sets is not seen: let them set nothing.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl Fn(&mut C) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.run_whole(QueryKind::Read, query).await
    }

    /// Like [`read`](Self::read), for a query with an error of its own; see [`try_write`](Self::try_write).
    pub async fn try_read<T: Send + 'static, E: QueryError>(
        &self,
        query: impl Fn(&mut C) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        self.run(QueryKind::Read, move |conn| Ok(query(conn))).await?
    }

    /// Runs a query as one transaction on the primary: committed if it is `Ok`, rolled back if it is an error or
    /// panics.
    ///
    /// After a deadlock, a lock held too long or a connection lost before COMMIT it is run again from its start, so it
    /// must have no effects beside those on the database. For that reason it is an `Fn`, here and in the other three
    /// methods: what it has taken in by `move` stays its own, and each run borrows it, or clones what it must give
    /// away.
    ///
    /// ```
    /// # mod foobar { pub use foobar_db::{Error as DbError, *}; pub mod test { pub use foobar_db::testing::*; } }
    /// use diesel::prelude::*;
    /// use foobar::{Db, DbError};
    ///
    /// diesel::table! { users (name) { name -> Text } }
    ///
    /// async fn add(db: &Db, name: String) -> Result<usize, DbError> {
    ///     // `users::name.eq(name)` would move the name out in the first run: "cannot move out of `name`".
    ///     db.write(move |conn| diesel::insert_into(users::table).values(users::name.eq(&name)).execute(conn)).await
    /// }
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), DbError> {
    /// # let db = foobar::test::TestDb::sqlite().await;
    /// # db.write(|conn| diesel::sql_query("CREATE TABLE users (name TEXT PRIMARY KEY)").execute(conn)).await?;
    /// # assert_eq!(add(&db, "Ann".to_owned()).await?, 1);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    ///
    /// **Read, then write.** On SQLite writes come one after the other. On MySQL they run side by side, at the isolation
    /// level of the server, which is `REPEATABLE READ` as a rule: where two read a value and each writes what it makes of
    /// it, one change is lost (the anomaly "lost update"), and twenty counters at once may count to three. Let the
    /// database compute the value, as below, read it by [`locked`](crate::locked), or use
    /// [`serializable`](Self::serializable).
    ///
    /// A query that wants to undo its changes for a reason of its own returns `Err(RollbackTransaction)`. Any `Ok` is
    /// committed, `Ok(Err(reason))` too: return that only where nothing has been changed yet. A violated constraint is
    /// told by its kind:
    ///
    /// ```
    /// # mod foobar { pub use foobar_db::{Error as DbError, *}; pub mod test { pub use foobar_db::testing::*; } }
    /// use diesel::prelude::*;
    /// use diesel::result::DatabaseErrorKind::UniqueViolation;
    /// use diesel::result::Error::{DatabaseError, RollbackTransaction};
    /// use foobar::{Db, DbError};
    ///
    /// diesel::table! { stock (product) { product -> Integer, pieces -> Integer } }
    /// diesel::table! { orders (id) { id -> Integer, product -> Integer } }
    ///
    /// async fn order(db: &Db, id: i32, product: i32) -> Result<&'static str, DbError> {
    ///     let ordered = db.write(move |conn| {
    ///         diesel::insert_into(orders::table)
    ///             .values((orders::id.eq(id), orders::product.eq(product)))
    ///             .execute(conn)?;
    ///         let in_stock = stock::table.find(product).filter(stock::pieces.gt(0));
    ///         match diesel::update(in_stock).set(stock::pieces.eq(stock::pieces - 1)).execute(conn)? {
    ///             0 => Err(RollbackTransaction), // takes the order back
    ///             _ => Ok(()),
    ///         }
    ///     });
    ///     match ordered.await {
    ///         Ok(()) => Ok("ordered"),
    ///         Err(DbError::Query(RollbackTransaction)) => Ok("out of stock"),
    ///         Err(DbError::Query(DatabaseError(UniqueViolation, _))) => Ok("ordered before"),
    ///         Err(error) => Err(error),
    ///     }
    /// }
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), DbError> {
    /// # use diesel::connection::SimpleConnection;
    /// # let db = foobar::test::TestDb::sqlite().await;
    /// # let tables = "CREATE TABLE stock (product INTEGER PRIMARY KEY, pieces INTEGER NOT NULL); \
    /// #     CREATE TABLE orders (id INTEGER PRIMARY KEY, product INTEGER NOT NULL); INSERT INTO stock VALUES (7, 1)";
    /// # db.write(move |conn| conn.batch_execute(tables)).await?;
    /// # assert_eq!(order(&db, 1, 7).await?, "ordered");
    /// # assert_eq!(order(&db, 1, 7).await?, "ordered before");
    /// # assert_eq!(order(&db, 2, 7).await?, "out of stock");
    /// # assert_eq!(db.read(|conn| orders::table.count().get_result::<i64>(conn)).await?, 1);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    pub async fn write<T: Send + 'static>(
        &self,
        query: impl Fn(&mut C) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.run_whole(QueryKind::Write(self.isolation), query).await
    }

    /// Like [`write`](Self::write), as if no other write ran at the same time: at the isolation level `SERIALIZABLE` on
    /// MySQL; on SQLite every write is.
    ///
    /// What the query reads is locked until its end. Where two have read what the other one writes, one of them gives way
    /// and is run again, up to 20 times within `database.query_timeout`. Where many change one row,
    /// [`locked`](crate::locked) is quicker, since they wait instead.
    ///
    /// ```
    /// # mod foobar { pub use foobar_db::{Error as DbError, *}; pub mod test { pub use foobar_db::testing::*; } }
    /// use diesel::prelude::*;
    /// use foobar::{Db, DbError};
    ///
    /// diesel::table! { shifts (doctor) { doctor -> Text, on_call -> Bool } }
    ///
    /// /// Ends a doctor's shift, unless nobody else would be on call: a rule about several rows.
    /// async fn go_home(db: &Db, doctor: &str) -> Result<bool, DbError> {
    ///     let doctor = doctor.to_owned();
    ///     db.serializable(move |conn| {
    ///         let on_call: i64 = shifts::table.filter(shifts::on_call).count().get_result(conn)?;
    ///         if on_call < 2 {
    ///             return Ok(false);
    ///         }
    ///         diesel::update(shifts::table.find(&doctor)).set(shifts::on_call.eq(false)).execute(conn)?;
    ///         Ok(true)
    ///     })
    ///     .await
    /// }
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), DbError> {
    /// # use diesel::connection::SimpleConnection;
    /// # let db = foobar::test::TestDb::sqlite().await;
    /// # let table = "CREATE TABLE shifts (doctor TEXT PRIMARY KEY, on_call BOOLEAN NOT NULL); \
    /// #     INSERT INTO shifts VALUES ('a', TRUE), ('b', TRUE)";
    /// # db.write(move |conn| conn.batch_execute(table)).await?;
    /// # assert_eq!((go_home(&db, "a").await?, go_home(&db, "b").await?), (true, false));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    pub async fn serializable<T: Send + 'static>(
        &self,
        query: impl Fn(&mut C) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.isolated(Isolation::Serializable).write(query).await
    }

    /// The same database, whose [`write`](Self::write) and [`try_write`](Self::try_write) run at the isolation level
    /// `isolation`. A server that does not have it (TiDB has no `SERIALIZABLE`) refuses each of them with an error.
    pub fn isolated(&self, isolation: Isolation) -> Self {
        Self { isolation, ..self.clone() }
    }

    /// The same database on behalf of a request: the log's line of a slow statement, the span of each, and its comment
    /// where `database.query_comments` is on, name the request and the pattern of its route. The `Db` that a handler takes
    /// as an argument is such a handle; a service of another framework makes it of its `Context`'s.
    pub fn for_request(&self, request: RequestId, route: Option<RoutePattern>) -> Self {
        Self { caller: Some(Arc::new(Caller::new(request, route))), ..self.clone() }
    }

    /// Like [`write`](Self::write), for a query with an error of its own: any `Err` rolls its transaction back and is
    /// returned.
    ///
    /// Whether the query is run again does not depend on that error but on what happened on the connection: after a
    /// deadlock or a lost connection it is, whatever the query has made of it. If that was the last attempt, or the
    /// last statement failed because the database is down, full, read-only or late, the error is `E::from` the
    /// [`Error`] that `write` would have returned, and the query's own is dropped.
    ///
    /// ```
    /// # mod foobar { pub use foobar_db::{Error as DbError, *}; pub mod test { pub use foobar_db::testing::*; } }
    /// use diesel::prelude::*;
    /// use foobar::{Db, DbError};
    ///
    /// diesel::table! { stock (product) { product -> Integer, pieces -> Integer } }
    ///
    /// #[derive(Debug, thiserror::Error)]
    /// enum TakeError {
    ///     #[error("only {0} are left")]
    ///     Short(i32),
    ///     #[error(transparent)]
    ///     Query(#[from] diesel::result::Error),
    ///     #[error(transparent)]
    ///     Database(#[from] DbError),
    /// }
    ///
    /// async fn take(db: &Db, product: i32, pieces: i32) -> Result<(), TakeError> {
    ///     db.try_write(move |conn| {
    ///         let enough = stock::table.find(product).filter(stock::pieces.ge(pieces));
    ///         if diesel::update(enough).set(stock::pieces.eq(stock::pieces - pieces)).execute(conn)? == 1 {
    ///             return Ok(());
    ///         }
    ///         Err(TakeError::Short(stock::table.find(product).select(stock::pieces).first(conn)?))
    ///     })
    ///     .await
    /// }
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), TakeError> {
    /// # use diesel::connection::SimpleConnection;
    /// # let db = foobar::test::TestDb::sqlite().await;
    /// # let table = "CREATE TABLE stock (product INTEGER PRIMARY KEY, pieces INTEGER NOT NULL); INSERT INTO stock VALUES (7, 3)";
    /// # db.write(move |conn| conn.batch_execute(table)).await?;
    /// # take(&db, 7, 2).await?;
    /// # assert!(matches!(take(&db, 7, 2).await, Err(TakeError::Short(1))));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    pub async fn try_write<T: Send + 'static, E: QueryError>(
        &self,
        query: impl Fn(&mut C) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        self.run(QueryKind::Write(self.isolation), move |conn| Ok(query(conn))).await?
    }

    /// The kind of database.
    pub fn engine(&self) -> Engine {
        self.database().engine()
    }

    /// Which database this is, for logs: `sqlite:foobar.db`, `mysql://user@host:3306/name`. Never a password.
    pub fn describe(&self) -> String {
        self.database().describe()
    }

    /// How long a call takes at most: the sum of `database.acquire_timeout`, `database.query_timeout` and, on MySQL,
    /// `database.connect_timeout`. `None` for a [`Database`] that does not say.
    pub fn call_limit(&self) -> Option<Duration> {
        self.database().call_limit()
    }

    fn database(&self) -> Arc<dyn Database> {
        self.tier.database()
    }

    /// Runs a query that knows no errors but Diesel's.
    async fn run_whole<T: Send + 'static>(
        &self,
        kind: QueryKind,
        query: impl Fn(&mut C) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, Error> {
        let Ok(value) = self.run(kind, move |conn| query(conn).map(Ok::<T, Infallible>)).await?;
        Ok(value)
    }

    /// Runs a query that may also come to an error of its own, the inner one.
    async fn run<T: Send + 'static, E: Send + 'static>(
        &self,
        kind: QueryKind,
        query: impl Fn(&mut C) -> QueryResult<Result<T, E>> + Send + 'static,
    ) -> Result<Result<T, E>, Error> {
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        let origin = CallOrigin::of(self.caller.clone());
        let query = Query::new(move |conn| {
            let conn = C::of(conn).expect("the engine was compared when the handle was made");
            let value = query(conn)?;
            let ending = if value.is_ok() { Ending::Commit } else { Ending::RollBack };
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            Ok(ending)
        });
        self.tier.run(kind, query.of(origin)).await?;
        let value = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(value.expect("a query that has ended has left its result"))
    }
}

impl<C> Clone for Db<C> {
    fn clone(&self) -> Self {
        Self {
            tier: Arc::clone(&self.tier),
            isolation: self.isolation,
            caller: self.caller.clone(),
            migrator: Arc::clone(&self.migrator),
            connection: PhantomData,
        }
    }
}

impl<C> fmt::Debug for Db<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Db").field(&self.tier.database().describe()).finish()
    }
}

#[cfg(all(feature = "sqlite", feature = "mysql"))]
#[cfg(test)]
mod tests;
