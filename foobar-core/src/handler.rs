//! The seam between whoever takes requests and whoever answers them.
//!
//! A handler returns a `LocalBoxFuture`: one allocation a request buys an object-safe seam. Request bodies are `Send`,
//! response bodies are not: a tower service needs the former, actix makes the latter.

use std::future::Future;
use std::io;
use std::rc::Rc;

use crate::{BoxError, BoxFuture, DefaultFields, LocalBoxFuture, RequestBody, RequestInfo, ResponseBody};

/// What a client asked, with a body that arrives as it is read.
///
/// Its extensions hold a [`ConnectInfo`](crate::ConnectInfo), a [`RequestId`](crate::RequestId), a
/// [`ClientAbort`](crate::ClientAbort), over HTTP/1.1 [`EarlyHints`](crate::EarlyHints) and, where the client asked to
/// switch protocols, an [`Upgrade`](crate::Upgrade).
pub type Request = http::Request<RequestBody>;
/// What a client is answered.
pub type Response = http::Response<ResponseBody>;

/// Answers the requests of one worker thread: an asynchronous function from [`Request`] to [`Response`].
///
/// This is the seam between the web tier and whatever stands behind it. It is infallible: an error becomes a
/// response in the tier that understands it (see [`Problem`](crate::Problem)).
///
/// A handler stays on the thread that made it, so it may hold `Rc` and `RefCell`. It must not block that thread,
/// which serves other requests meanwhile. A dropped future means that the client of a request that is to be
/// [cancelled](crate::ClientAbort) has gone, or the deadline has passed; what the handler had begun elsewhere goes on.
///
/// Implemented by the application runtime and the tower adapter of foobar-app, and by [`handler_fn`].
pub trait Handler: 'static {
    /// Answers one request.
    fn handle(&self, request: Request) -> LocalBoxFuture<'_, Response>;

    /// The same for the web tier, which gives what it knows of the request in one piece. The default makes extensions of
    /// the request of it; a handler that needs none of them saves that time.
    fn handle_with<'a>(&'a self, mut request: Request, info: &'a RequestInfo) -> LocalBoxFuture<'a, Response> {
        info.put_into(request.extensions_mut());
        self.handle(request)
    }

    /// What whoever sends its responses adds to each of them; nothing by default. A handler around another one gives
    /// that one's, or its responses are without: an application's security headers are among them.
    fn default_fields(&self) -> &DefaultFields {
        DefaultFields::NONE
    }

    /// The same handler under settings that have changed since it was made; `None`, the default, where it needs no other.
    /// It is asked on its own thread when a server takes another configuration. Requests that it has begun are still its own. A
    /// handler around another one gives itself around that one's, or its settings stay as they are.
    fn renewed(&self) -> Option<Rc<dyn Handler>> {
        None
    }
}

/// Makes one [`Handler`] for each worker thread.
pub trait MakeHandler: Send + Sync + 'static {
    /// Makes the handler of the thread it is called on; called once for each worker, before it accepts.
    fn make(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Handler>, BoxError>>;

    /// Whether a name that no site has may have a certificate, which clients have asked for; by default none may.
    ///
    /// Asked on a thread of the web tier that is no worker's, once for each name and again before each renewal. It must not
    /// block that thread. An error is no answer: the question is put again later.
    fn allows_certificate<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, BoxError>> {
        let _unused = name;
        Box::pin(async { Ok(false) })
    }

    /// Runs a worker to its end on this thread.
    ///
    /// The default is a tokio runtime of one thread with timers and input/output on and a `LocalSet`. A maker
    /// whose handlers need more of their thread (actix wants a `System`) brings its own runtime here.
    fn block_on(&self, worker: LocalBoxFuture<'static, ()>) -> io::Result<()> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(BLOCKING_THREADS).build()?;
        tokio::task::LocalSet::new().block_on(&runtime, worker);
        Ok(())
    }
}

/// How many threads one worker may start for what blocks, such as reading files.
const BLOCKING_THREADS: usize = 64;

/// A [`Handler`], and a maker of itself, from an async function.
pub const fn handler_fn<F>(function: F) -> HandlerFn<F> {
    HandlerFn(function)
}

/// Made by [`handler_fn`].
#[derive(Clone, Copy, Debug)]
pub struct HandlerFn<F>(F);

impl<F, Answer> Handler for HandlerFn<F>
where
    F: Fn(Request) -> Answer + 'static,
    Answer: Future<Output = Response> + 'static,
{
    fn handle(&self, request: Request) -> LocalBoxFuture<'_, Response> {
        Box::pin((self.0)(request))
    }
}

impl<F, Answer> MakeHandler for HandlerFn<F>
where
    F: Fn(Request) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Response> + 'static,
{
    fn make(&self) -> LocalBoxFuture<'_, Result<Rc<dyn Handler>, BoxError>> {
        let handler: Rc<dyn Handler> = Rc::new(Self(self.0.clone()));
        Box::pin(async { Ok(handler) })
    }
}
