//! Calls an application in process: no socket, no port, the same path through the guard as in a server.
//!
//! An application has it as `foobar::test`, on a database of its own.
//!
//! The limits of the web tier do not apply: a request's body may be of any size.

use std::sync::Arc;

use http::Method;

mod test_db;
mod test_request;
mod test_response;
mod worker;

pub use test_db::TestDb;
pub use test_request::TestRequest;
pub use test_response::TestResponse;
use worker::Worker;

use crate::{App, AppSettings, AppTier, Db, Runtime};

/// Calls an application that runs on a thread of its own. Any number of calls may be under way at once.
///
/// It works under every test attribute (`#[tokio::test]`, `#[actix_web::test]`). The thread ends when the client is
/// dropped.
pub struct Client {
    worker: Worker,
}

impl Client {
    /// Starts `app` with the default settings: runs its migrations on `db`, then [`App::start`].
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn new(app: impl App, db: Option<Db>) -> Self {
        Self::of(Arc::new(Runtime::new(app, db, &AppSettings::default()))).await
    }

    /// Starts `tier`.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn of(tier: Arc<dyn AppTier>) -> Self {
        Self { worker: Worker::start(tier).await }
    }

    /// A `GET`. `path` may have a query, or be a URL: one of `https://` is asked for over TLS.
    pub fn get(&self, path: &str) -> TestRequest<'_> {
        self.call(Method::GET, path)
    }

    /// A `POST`.
    pub fn post(&self, path: &str) -> TestRequest<'_> {
        self.call(Method::POST, path)
    }

    /// A `PUT`.
    pub fn put(&self, path: &str) -> TestRequest<'_> {
        self.call(Method::PUT, path)
    }

    /// A `DELETE`.
    pub fn delete(&self, path: &str) -> TestRequest<'_> {
        self.call(Method::DELETE, path)
    }

    /// Any method. The request's `Host` is that of a URL, else `localhost`, unless a header says otherwise.
    ///
    /// # Panics
    ///
    /// If `path` is not the path of a URI.
    pub fn call(&self, method: Method, path: &str) -> TestRequest<'_> {
        TestRequest::new(&self.worker, method, path)
    }
}
