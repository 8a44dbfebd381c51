use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::web::{self, ServiceConfig};
use bytes::Bytes;
use foobar_core::Tier;
use futures_util::future::poll_fn;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc;

use super::*;
use crate::testing::Client;
use crate::{AppSettings, Context, Error, Runtime, Stopping};

fn app(routes: impl Fn(&mut ServiceConfig) + Send + Sync + 'static) -> Arc<Runtime<impl crate::App>> {
    Arc::new(Runtime::new(crate::routes(routes), None, &AppSettings::default()))
}

async fn client(routes: impl Fn(&mut ServiceConfig) + Send + Sync + 'static) -> Client {
    Client::of(app(routes)).await
}

async fn next<B: MessageBody>(body: &mut Pin<&mut B>) -> Option<Bytes> {
    poll_fn(|cx| body.as_mut().poll_next(cx)).await.map(|chunk| chunk.ok().expect("it does not fail"))
}

#[tokio::test]
async fn events_are_sent_as_the_html_standard_has_them_and_kept_back_by_nobody() {
    let events = async || sse(stream::iter([Event::new("a"), Event::new("b\nc")]));
    let client = client(move |routes| _ = routes.route("/", web::get().to(events))).await;
    let answer = client.get("/").await;
    assert_eq!(answer.text(), "data: a\n\ndata: b\ndata: c\n\n");
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-cache"), ("x-accel-buffering", "no")]
    {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(answer.header("content-length"), None);
}

#[tokio::test]
async fn a_stream_that_fails_or_panics_in_the_middle_breaks_off_and_the_next_is_served() {
    let fails = async || sse(stream::iter([Ok(Event::new("a")), Err(Error::internal("no more"))]));
    let panics =
        async || sse(stream::iter([1, 2]).map(|n| if n == 1 { Event::new("a") } else { panic!("on purpose") }));
    let client = client(move |routes| {
        routes.route("/fails", web::get().to(fails)).route("/panics", web::get().to(panics));
    })
    .await;
    for (path, reason) in [("/fails", "no more"), ("/panics", "panicked"), ("/fails", "no more")] {
        let answer = client.get(path).await;
        let error = answer.try_bytes().expect_err("it breaks off").to_string();
        assert!(answer.status() == 200 && error.contains(reason), "{path}: {error}");
    }
}

#[tokio::test]
async fn the_last_event_id_is_what_the_client_says_and_text_alone() {
    let last = async |last: LastEventId| format!("{:?} {:?}", last.as_str(), last.parse::<u64>());
    let client = client(move |routes| _ = routes.route("/", web::get().to(last))).await;
    assert_eq!(client.get("/").await.text(), "None None");
    for (sent, seen) in [("7", "Some(\"7\") Some(7)"), ("a b", "Some(\"a b\") None"), ("", "None None")] {
        assert_eq!(client.get("/").header("last-event-id", sent).await.text(), seen, "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_comment_is_sent_whenever_no_event_was_for_the_time_of_a_heartbeat() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let events = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    let second = Duration::from_secs(1);
    let mut body = pin!(SseBody::new(events, 10 * second, None));
    let begun = tokio::time::Instant::now();
    assert_eq!(next(&mut body).await.expect("it goes on"), ":\n\n");
    assert_eq!(begun.elapsed(), 10 * second);
    tokio::time::advance(9 * second).await;
    sender.send(Event::new("a")).expect("it is read");
    assert_eq!(next(&mut body).await.expect("it goes on"), "data: a\n\n");
    assert_eq!(next(&mut body).await.expect("it goes on"), ":\n\n");
    assert_eq!(begun.elapsed(), 29 * second);
}

#[tokio::test(start_paused = true)]
async fn without_a_heartbeat_a_stream_is_silent() {
    let hour = Duration::from_secs(60 * 60);
    for never in [Duration::ZERO, Duration::MAX] {
        let mut body = pin!(SseBody::new(stream::pending::<Event>(), never, None));
        assert!(tokio::time::timeout(hour, next(&mut body)).await.is_err());
    }
}

#[tokio::test]
async fn a_stop_ends_a_stream_after_what_is_ready() {
    let context = Context::new(None);
    let goodbye = stream::once(context.stopping()).map(|()| Event::new("goodbye")).chain(stream::pending());
    let mut body = pin!(SseBody::new(goodbye, Duration::ZERO, Some(context.stopping())));
    assert!(next(&mut body).now_or_never().is_none());
    context.tier().stopping();
    assert_eq!(next(&mut body).await.expect("it says goodbye"), "data: goodbye\n\n");
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn a_stop_that_begins_while_a_stream_is_asked_ends_it_after_what_it_says_of_that() {
    let context = Context::new(None);
    let (tier, mut stopping) = (context.tier(), context.stopping());
    let events = stream::poll_fn(move |cx| {
        let goodbye = stopping.poll_unpin(cx).map(|()| Some(Event::new("goodbye")));
        tier.stopping();
        goodbye
    });
    let mut body =
        pin!(SseBody::new(events.take(1).chain(stream::pending()), Duration::ZERO, Some(context.stopping())));
    assert_eq!(next(&mut body).await.expect("it says goodbye"), "data: goodbye\n\n");
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn a_handler_takes_the_stop_as_an_argument() {
    let waits = async |stopping: Stopping| {
        stopping.await;
        "stopped"
    };
    let app = app(move |routes| _ = routes.route("/", web::get().to(waits)));
    let client = Client::of(Arc::clone(&app) as Arc<dyn crate::AppTier>).await;
    let mut answer = pin!(async { client.get("/").await });
    assert!((&mut answer).now_or_never().is_none());
    app.stopping();
    assert_eq!(answer.await.text(), "stopped");
}

#[tokio::test]
async fn a_stop_that_has_begun_stays_begun() {
    let context = Context::new(None);
    context.tier().stopping();
    let mut stopping = context.stopping();
    for _ in 0..2 {
        assert_eq!((&mut stopping).now_or_never(), Some(()));
    }
}
