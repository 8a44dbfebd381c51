use std::fmt;
use std::future::{Ready, ready};
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use foobar_core::RequestId;
use foobar_db::{Conn, Database, DatabaseSettings, EngineConnection};

use crate::{Error, route_pattern};

/// The database as an application uses it: a handler takes it as an argument, and it does everything that [the handle
/// of the tier](foobar_db::Db) does.
///
/// ```
/// # mod foobar { pub use foobar_app::{*, actix_web::web}; }
/// use diesel::prelude::*;
/// use foobar::actix_web::Responder;
/// use foobar::{Db, Error, web};
///
/// diesel::table! { products (id) { id -> Integer, name -> Text } }
///
/// async fn product(db: Db, id: web::Path<i32>) -> Result<impl Responder, Error> {
///     Ok(db.read(move |conn| products::table.find(*id).select(products::name).first::<String>(conn)).await?)
/// }
/// ```
///
/// `read` reads; `write` is a transaction on the primary, run again after a deadlock; `try_write` is the same with an error
/// of your own, and takes everything back on `Err`:
///
/// ```
/// # mod foobar { pub use foobar_app::{*, actix_web::web}; pub use foobar_db::{Error as DbError, diesel}; }
/// use foobar::diesel::prelude::*;
/// use foobar::{Db, DbError, Error, web};
///
/// diesel::table! { products (id) { id -> Integer, name -> Text, stock -> Integer } }
///
/// async fn rename(db: Db, id: web::Path<i32>, name: String) -> Result<&'static str, Error> {
///     let changed = db.write(move |conn| {
///         // It may run twice, so it lends what it has captured.
///         diesel::update(products::table.find(*id)).set(products::name.eq(&name)).execute(conn)
///     });
///     if changed.await? == 1 { Ok("renamed") } else { Err(Error::not_found("there is no such product")) }
/// }
///
/// #[derive(Debug)]
/// enum TakeError {
///     SoldOut,
///     Query(diesel::result::Error),
///     Database(DbError),
/// }
/// # impl From<diesel::result::Error> for TakeError { fn from(error: diesel::result::Error) -> Self { Self::Query(error) } }
/// # impl From<DbError> for TakeError { fn from(error: DbError) -> Self { Self::Database(error) } }
///
/// async fn take(db: Db, id: web::Path<i32>) -> Result<&'static str, Error> {
///     let taken = db.try_write(move |conn| {
///         let left = products::table.find(*id).filter(products::stock.gt(0));
///         match diesel::update(left).set(products::stock.eq(products::stock - 1)).execute(conn)? {
///             0 => Err(TakeError::SoldOut),
///             _ => Ok("it is yours"),
///         }
///     });
///     match taken.await {
///         Ok(text) => Ok(text),
///         Err(TakeError::SoldOut) => Err(Error::conflict("it is sold out")),
///         Err(TakeError::Query(error)) => Err(error.into()),
///         Err(TakeError::Database(error)) => Err(error.into()),
///     }
/// }
/// ```
///
/// What each engine writes in its own way has one word for both: [`insert_returning_id`](foobar_db::insert_returning_id)
/// gives the id of a new row, [`upsert`](foobar_db::upsert()) inserts or changes, [`locked`](foobar_db::locked()) reads
/// rows that stay as they are until the `write` ends.
///
/// Each call ends within `database.acquire_timeout` plus `database.query_timeout`. An [error](foobar_db::Error) that a
/// handler passes on by `?` has its status: 404 if there is no such row, 409 if the value exists already, 503 with
/// `Retry-After` if the database is down or busy, else 500.
///
/// `db: Db<MysqlConnection>` is that engine's own, with all of its types. If the server has no database, or another
/// engine, the answer is 500 and the log says why; `Option<Db>` accepts both.
///
/// It is the handle that [`Context::db`](crate::Context::db) gives too. All that it knows of its request is which one it
/// is, for the log and the spans of its statements ([`for_request`](foobar_db::Db::for_request)): what a request has
/// written is not tied to what it reads next. If the handler is [cancelled](crate::App#when-the-client-goes), a call
/// that waits for a connection never runs, and one that has begun runs to its end.
pub struct Db<C = Conn>(foobar_db::Db<C>);

impl Db {
    /// The database of `settings`, not yet started: its [`tier`](foobar_db::Db::tier) starts it.
    ///
    /// An error names what is wrong with the URL, or the feature that its engine needs.
    pub fn open(settings: &DatabaseSettings) -> Result<Self, foobar_db::Error> {
        foobar_db::Db::open(settings).map(Self)
    }

    /// A handle to `database`.
    pub fn new(database: Arc<dyn Database>) -> Self {
        Self(foobar_db::Db::new(database))
    }

    /// The same database for one engine's own connection, such as `Db<MysqlConnection>` with all of MySQL's types;
    /// an error if another engine runs.
    pub fn typed<C: EngineConnection>(&self) -> Result<Db<C>, foobar_db::Error> {
        self.0.typed().map(Db)
    }
}

impl<C> Deref for Db<C> {
    type Target = foobar_db::Db<C>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<C> From<foobar_db::Db<C>> for Db<C> {
    fn from(db: foobar_db::Db<C>) -> Self {
        Self(db)
    }
}

impl<C: EngineConnection> FromRequest for Db<C> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _body: &mut Payload) -> Self::Future {
        let db = request.app_data::<Db>().ok_or(foobar_db::Error::NoUrl).and_then(Db::typed);
        let db = db.map(|db: Self| on_behalf_of(request, db));
        ready(db.map_err(|error| Error::internal(format!("a handler takes a `Db`: {error}"))))
    }
}

fn on_behalf_of<C: EngineConnection>(request: &HttpRequest, db: Db<C>) -> Db<C> {
    let id = request.extensions().get::<RequestId>().copied();
    match id {
        Some(id) => Db(db.0.for_request(id, route_pattern::remembered(request))),
        None => db,
    }
}

impl<C> Clone for Db<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C> fmt::Debug for Db<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
