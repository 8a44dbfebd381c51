use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use foobar_core::{BoxError, BoxFuture, Chain, Period, Readiness, Tier};
use tokio::time::{MissedTickBehavior, interval};

use crate::Context;

/// Work that is done again and again beside the requests, such as clearing what has expired: a tier for
/// `Server::tier_with`.
///
/// ```
/// # mod foobar { pub use {foobar_app::*, foobar_core::BoxError, foobar_db::{Conn, QueryResult}}; }
/// use foobar::{BoxError, Context};
/// # use foobar::{Conn, QueryResult};
/// # fn delete_expired(_: &mut Conn) -> QueryResult<()> { Ok(()) }
///
/// async fn clear(context: Context) -> Result<(), BoxError> {
///     Ok(context.db()?.write(delete_expired).await?)
/// }
///
/// let tier = foobar::every("10m", clear); // Server::new().tier_with(foobar::every("10m", clear))
/// # let _ = tier(&Context::new(None));
/// ```
///
/// The first time is one `period` after the server's start, when the migrations have mostly run. It is done once at a time: a
/// time that is missed because the last one is not over is left out. An error and a panic are logged, and the next time comes as
/// ever. A stop waits for what is under way, as for all that is [spawned](Context::spawn). Each server of several on one
/// database does it.
///
/// `period` is written as in the configuration: `"30s"`, `"10m"`, `"1d"`. One that cannot be read, or is 0, fails the start of
/// the server and says so.
pub fn every<F, W>(period: impl Into<String>, work: F) -> impl FnOnce(&Context) -> Arc<dyn Tier> + Send + 'static
where
    F: Fn(Context) -> W + Send + Sync + 'static,
    W: Future<Output = Result<(), BoxError>> + Send + 'static,
{
    let (period, work) = (period.into(), Arc::new(work));
    move |context| Arc::new(Every { period, context: context.clone(), work })
}

/// The tier.
struct Every<F> {
    period: String,
    context: Context,
    work: Arc<F>,
}

impl<F, W> Tier for Every<F>
where
    F: Fn(Context) -> W + Send + Sync + 'static,
    W: Future<Output = Result<(), BoxError>> + Send + 'static,
{
    fn name(&self) -> &'static str {
        "every"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async {
            let period = self.period.parse::<Period>().map_err(|error| self.unreadable(&error))?;
            if period.is_zero() {
                return Err(self.unreadable("the work would never end"));
            }
            self.context.spawn(repeat(period, self.context.clone(), Arc::clone(&self.work)));
            Ok(())
        })
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn drain(&self, _deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async {}) // it is spawned, and waited for as that
    }
}

impl<F> Every<F> {
    fn unreadable(&self, why: &str) -> BoxError {
        format!("`every({:?}, ..)`: {why}", self.period).into()
    }
}

async fn repeat<F, W>(period: Period, context: Context, work: Arc<F>)
where
    F: Fn(Context) -> W,
    W: Future<Output = Result<(), BoxError>>,
{
    let mut stopping = pin!(context.stopping());
    let mut times = interval(*period);
    times.set_missed_tick_behavior(MissedTickBehavior::Skip);
    times.tick().await; // the first is at once
    loop {
        tokio::select! {
            () = &mut stopping => return,
            _ = times.tick() => {}
        }
        match foobar_core::panics::catch_future(async { work(context.clone()).await }).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(?period, error = %Chain(&*error), "repeated work failed"),
            Err(panic) => tracing::error!(?period, "repeated work {panic}"),
        }
    }
}

#[cfg(test)]
mod tests;
