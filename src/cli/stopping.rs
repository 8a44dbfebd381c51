//! The end of a server: what is under way is finished, or cut off by one signal more than the one that asked for it.

use std::future::ready;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use foobar_core::{Tier, on_own_thread, panics};
use tokio::time::{sleep, timeout};

use super::installed_log::InstalledLog;
use super::output::Exit;
use super::signals::Signals;
use crate::Running;
use crate::running::Stop;

/// Whether a signal has asked for a stop. Where none has, as after an upgrade, the first one is no second one: a service
/// manager sends it to the old and the new program alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    BySignal,
    Never,
}

/// Drains; what carries out `orders` goes on until nothing new is accepted.
pub(super) async fn stop(
    running: &Running,
    signals: Signals,
    tiers: &[Arc<dyn Tier>],
    log: &InstalledLog,
    asked: Asked,
    orders: impl Future<Output = ()>,
) -> Exit {
    match drain(running, signals, tiers, asked, orders).await {
        Stop::CutOff => Exit::CutOff, // what has failed since may have failed by that
        Stop::Drained => tokio::select! {
            biased;
            error = running.failed() => log.fail(&error), // meanwhile
            () = ready(()) => Exit::Success,
        },
    }
}

/// The same, whatever fails meanwhile.
pub(super) async fn drain(
    running: &Running,
    mut signals: Signals,
    tiers: &[Arc<dyn Tier>],
    asked: Asked,
    orders: impl Future<Output = ()>,
) -> Stop {
    match asked {
        Asked::BySignal => tracing::info!("stopping; a second signal stops at once"),
        Asked::Never => tracing::info!("stopping"),
    }
    let mut draining = pin!(finish(running, orders));
    let stop = tokio::select! {
        stop = &mut draining => stop,
        () = one_too_many(&mut signals, asked) => hasten(running, draining, signals, tiers).await,
    };
    if stop == Stop::CutOff {
        cut_off(tiers).await; // its exit code is the same
    }
    tracing::info!(?stop, "stopped");
    stop
}

/// Whoever gives orders is answered until nothing new is accepted: the next server may have the socket then.
async fn finish(running: &Running, orders: impl Future<Output = ()>) -> Stop {
    tokio::select! {
        () = running.serve_until_end() => {}
        () = orders => running.serve_until_end().await, // there are none
    }
    running.end().await
}

/// Completes at the signal after the one that asks for the stop.
async fn one_too_many(signals: &mut Signals, asked: Asked) {
    if asked == Asked::Never {
        signals.stop().await;
        tracing::info!("told to stop: what is under way is finished all the same; a second signal stops at once");
    }
    signals.stop().await;
}

/// The end of a drain after a second signal: what does not end in a moment is cut off, but where nothing would be, the drain may
/// still end by itself. A third signal waits for nothing.
async fn hasten(
    running: &Running,
    draining: Pin<&mut impl Future<Output = Stop>>,
    mut signals: Signals,
    tiers: &[Arc<dyn Tier>],
) -> Stop {
    running.hurry();
    tokio::select! {
        stop = in_a_moment(draining, tiers) => stop,
        () = signals.stop() => Stop::CutOff,
    }
}

/// An answer that its client has read may still count as under way, so it is checked more than once.
async fn in_a_moment(mut draining: Pin<&mut impl Future<Output = Stop>>, tiers: &[Arc<dyn Tier>]) -> Stop {
    let idle = async {
        while tiers.iter().any(|tier| unfinished(&**tier).is_some()) {
            sleep(GLANCE).await;
        }
    };
    tokio::select! {
        biased;
        stop = draining.as_mut() => return stop,
        idle = timeout(MOMENT, idle) => if idle.is_err() { return Stop::CutOff },
    }
    timeout(IDLE_DRAIN, draining).await.unwrap_or(Stop::CutOff) // a tier that does not say what it does
}

/// How long what is under way may still take after a second signal.
const MOMENT: Duration = Duration::from_secs(1);
/// The time between two looks at what is under way.
const GLANCE: Duration = Duration::from_millis(10);
/// How long the drain of tiers with nothing left to do is waited for.
const IDLE_DRAIN: Duration = Duration::from_secs(5);

/// Ends at once what the tiers do; whether that is anything, which the log tells. A tier that blocks is not
/// waited for.
pub(super) async fn cut_off(tiers: &[Arc<dyn Tier>]) -> bool {
    let unfinished: Vec<_> = tiers.iter().filter_map(|tier| Some((tier.name(), unfinished(&**tier)?))).collect();
    for (index, (tier, what)) in unfinished.iter().enumerate() {
        // What the application has spawned is its own, and a part of a server with other tiers.
        if !unfinished[index + 1..].iter().any(|(_, whole)| whole.contains(what.as_str())) {
            tracing::error!(tier, "cut off: {what}");
        }
    }
    for tier in tiers {
        let (name, tier) = (tier.name(), Arc::clone(tier));
        let ended = on_own_thread("cut-off", async move { tier.cut_off().await });
        match timeout(LAST_WORDS, ended).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(panic))) => tracing::error!(tier = name, "its end {panic}"),
            Ok(Err(error)) => tracing::error!(tier = name, %error, "its end got no thread"),
            Err(_elapsed) => tracing::error!(tier = name, "it does not end, and is left behind"),
        }
    }
    !unfinished.is_empty()
}

fn unfinished(tier: &dyn Tier) -> Option<String> {
    panics::catch(|| tier.unfinished()).unwrap_or_else(|panic| Some(format!("nobody knows what: it {panic}")))
}

/// How long a tier may take to end what goes on elsewhere.
const LAST_WORDS: Duration = Duration::from_secs(1);
