use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use foobar_core::{BoxError, BoxFuture, Chain, Period, Readiness, Tier};
use tokio::time::{MissedTickBehavior, interval};

use crate::Context;

/// Work that is repeated in the background, such as deleting what has expired: a tier for `Server::tier_with`.
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
/// It first runs one `period` after the server's start, when migrations have usually finished. It never overlaps
/// itself: a run that would begin before the last one has ended is skipped. An error or a panic is logged, and the next
/// run follows as usual. A stop waits for a run in progress, as for everything that is [spawned](Context::spawn). If
/// several servers share a database, each of them runs it.
///
/// `period` is written as in the configuration: `"30s"`, `"10m"`, `"1d"`. An invalid one, or 0, is an error at the
/// server's start.
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

pub(crate) async fn repeat<F, W>(period: Period, context: Context, work: Arc<F>)
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
