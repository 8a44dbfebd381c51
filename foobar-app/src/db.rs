use std::fmt;
use std::future::{Ready, ready};
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use foobar_db::{Conn, Database, DatabaseSettings, EngineConnection};

use crate::Error;

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
/// `db: Db<MysqlConnection>` is that engine's own, with all of its types. If the server has no database, or another
/// engine, the answer is 500 and the log says why; `Option<Db>` accepts both.
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
        ready(db.map_err(|error| Error::internal(format!("a handler takes a `Db`: {error}"))))
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
