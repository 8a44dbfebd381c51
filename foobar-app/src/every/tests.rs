use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

async fn started(tier: impl FnOnce(&Context) -> Arc<dyn Tier>) -> Context {
    let context = Context::new(None);
    context.tier().start().await.unwrap();
    tier(&context).start().await.unwrap();
    context
}

#[tokio::test(start_paused = true)]
async fn it_is_done_again_and_again_whatever_comes_of_it_until_a_stop() {
    let (told, mut tell) = mpsc::unbounded_channel();
    let times = AtomicUsize::new(0);
    let begun = tokio::time::Instant::now();
    let context = started(every("1m", move |_| {
        let time = times.fetch_add(1, Ordering::Relaxed);
        told.send(begun.elapsed().as_secs()).expect("the test reads");
        async move {
            match time {
                0 => Err("not this time".into()),
                1 => panic!("a bug"),
                _ => Ok(()),
            }
        }
    }))
    .await;
    for seconds in [60, 120, 180] {
        assert_eq!(tell.recv().await, Some(seconds));
    }
    context.tier().drain(tokio::time::Instant::now().into_std() + PATIENCE).await;
    assert_eq!((context.tier().unfinished(), tell.recv().await), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_is_under_way() {
    let (told, mut tell) = mpsc::unbounded_channel();
    let context = started(every("1s", move |context| {
        let told = told.clone();
        async move {
            told.send("begun").expect("the test reads");
            context.stopping().await;
            told.send("ended").expect("the test reads");
            Ok(())
        }
    }))
    .await;
    assert_eq!(tell.recv().await, Some("begun"));
    context.tier().drain(tokio::time::Instant::now().into_std() + PATIENCE).await;
    assert_eq!(tell.try_recv(), Ok("ended"));
}

#[tokio::test]
async fn a_period_that_is_none_fails_the_start_and_is_shown() {
    for period in ["often", "", "0", "0s"] {
        let tier = every(period, |_| async { Ok(()) })(&Context::new(None));
        let error = tier.start().await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("`every({period:?}, ..)`: ")), "{error}");
    }
}
