//! Calls an application in process: no socket, no port, the same path through the guard as in a server.
//!
//! ```
//! use foobar_app::App;
//! use foobar_app::actix_web::web::{self, ServiceConfig};
//! use foobar_app::testing::Client;
//!
//! struct Hello;
//!
//! impl App for Hello {
//!     fn routes(&self, routes: &mut ServiceConfig) {
//!         routes.route("/", web::get().to(async || "Hello!"));
//!     }
//! }
//!
//! # #[foobar_app::actix_web::main]
//! # async fn main() {
//! let client = Client::new(Hello, None).await;
//! let answer = client.get("/").await;
//! assert_eq!(answer.status(), 200);
//! assert_eq!(answer.text(), "Hello!");
//! # }
//! ```
//!
//! The limits of the web tier do not apply: a request's body may be of any size.

use std::rc::Rc;
use std::sync::Arc;

use foobar_core::{BoxError, Chain, Handler, Request};
use foobar_db::Db;
use http::Method;
use tokio::sync::{mpsc, oneshot};

mod answer;
mod call;

pub use answer::Answer;
pub use call::Call;

use crate::{App, AppSettings, AppTier, Runtime};

/// Calls an application that runs on a thread of its own. Any number of calls may be under way at once.
///
/// It works under every test attribute (`#[tokio::test]`, `#[actix_web::test]`). The thread ends when the client is
/// dropped.
pub struct Client {
    calls: mpsc::UnboundedSender<(Request, oneshot::Sender<Answer>)>,
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
        tier.start().await.unwrap_or_else(|error| panic!("the application does not start: {}", Chain(&*error)));
        let (calls, receiver) = mpsc::unbounded_channel();
        let (made, ready) = oneshot::channel();
        let worker = move || tier.block_on(Box::pin(work(Arc::clone(&tier), receiver, made)));
        std::thread::Builder::new().name("foobar-client".into()).spawn(worker).expect("the system has threads left");
        match ready.await {
            Ok(Ok(())) => Self { calls },
            Ok(Err(error)) => panic!("the application cannot serve: {}", Chain(&*error)),
            Err(_) => panic!("the application panicked before it could serve"),
        }
    }

    /// A `GET`. `path` may have a query.
    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    /// A `POST`.
    pub fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    /// A `PUT`.
    pub fn put(&self, path: &str) -> Call<'_> {
        self.call(Method::PUT, path)
    }

    /// A `DELETE`.
    pub fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    /// Any method. The request's `Host` is `localhost` unless a header says otherwise.
    ///
    /// # Panics
    ///
    /// If `path` is not the path of a URI.
    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call::new(self, method, path)
    }

    async fn send(&self, request: Request) -> Answer {
        let (sender, answer) = oneshot::channel();
        let _dead_worker_shows_below = self.calls.send((request, sender));
        answer.await.expect("the application's thread answers every call")
    }
}

/// The one worker thread: answers calls until the client is gone.
async fn work(
    tier: Arc<dyn AppTier>,
    mut calls: mpsc::UnboundedReceiver<(Request, oneshot::Sender<Answer>)>,
    made: oneshot::Sender<Result<(), BoxError>>,
) {
    let handler: Rc<dyn Handler> = match tier.make().await {
        Ok(handler) => handler,
        Err(error) => return drop(made.send(Err(error))),
    };
    let _client_gone = made.send(Ok(()));
    while let Some((request, sender)) = calls.recv().await {
        let handler = Rc::clone(&handler);
        tokio::task::spawn_local(async move {
            let answer = Answer::collect(handler.handle(request).await).await;
            let _caller_gone = sender.send(answer);
        });
    }
}
