use std::fmt;
use std::pin::Pin;
use std::task::{self, Poll};

use foobar_core::BoxFuture;

/// Completes as soon as the server begins to stop, and stays complete. A handler takes it as an argument; elsewhere,
/// [`Context::stopping`](crate::Context::stopping) returns one.
///
/// Use it to end an answer that takes long, or one without an end (with [`sse`](crate::sse()) that happens by itself):
///
/// ```
/// # use foobar_app as foobar;
/// use foobar::Stopping;
/// use foobar::actix_web::HttpResponse;
/// # async fn news() -> Option<String> { None }
///
/// /// Waits for news, as long polling does.
/// async fn next(stopping: Stopping) -> HttpResponse {
///     tokio::select! {
///         news = news() => HttpResponse::Ok().json(news),
///         () = stopping => HttpResponse::NoContent().finish(), // the client asks again, and somebody else
///     }
/// }
/// ```
pub struct Stopping(Option<Waiting>);

/// A stop that had not begun when it was looked at last.
struct Waiting {
    /// Asked first: whoever is told of it first must not find that another has not been told.
    has_begun: Box<dyn Fn() -> bool + Send>,
    begun: BoxFuture<'static, ()>,
}

impl Stopping {
    /// Completes with `begun`, or when it is asked and it has.
    pub(crate) fn new(
        has_begun: impl Fn() -> bool + Send + 'static,
        begun: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self(Some(Waiting { has_begun: Box::new(has_begun), begun: Box::pin(begun) }))
    }
}

impl Future for Stopping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        if let Some(waiting) = &mut self.0 {
            if !(waiting.has_begun)() {
                task::ready!(waiting.begun.as_mut().poll(cx));
            }
            self.0 = None;
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for Stopping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stopping")
    }
}
