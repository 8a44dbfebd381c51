use std::fmt;
use std::pin::Pin;
use std::task::{self, Poll};

use foobar_core::BoxFuture;

/// Completes as soon as a stop of the server has begun, and is complete from then on. A handler takes it as an argument;
/// elsewhere [`Context::stopping`](crate::Context::stopping) gives one.
///
/// An answer that is long in coming ends by it, or one without an end ([`sse`](crate::sse()) does so by itself):
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
pub struct Stopping(Option<BoxFuture<'static, ()>>);

impl Stopping {
    /// Completes with `begun`.
    pub(crate) fn new(begun: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(begun)))
    }
}

impl Future for Stopping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        if let Some(begun) = &mut self.0 {
            task::ready!(begun.as_mut().poll(cx));
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
