use super::super::tests::client;
use super::*;
use crate::testing::{Client, TestResponse};
use crate::{AppSettings, AppTier, Runtime};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Responder};
use futures_util::StreamExt;
use std::sync::Arc;
use tokio::io::DuplexStream;

/// Echoes messages and says goodbye when there are no more.
async fn echo(request: HttpRequest, body: web::Payload) -> Result<impl Responder, actix_web::Error> {
    let (response, mut session, mut messages) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(async move {
        while let Some(Ok(actix_ws::Message::Text(text))) = messages.next().await {
            session.text(text).await.expect("the client listens");
        }
        session.close(None).await.expect("the client listens");
    });
    Ok(response)
}

/// Neither ends when there are no more messages nor answers them.
async fn stubborn(request: HttpRequest, body: web::Payload) -> Result<impl Responder, actix_web::Error> {
    let (response, session, _messages) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(async move {
        let _held_open = session;
        std::future::pending::<()>().await;
    });
    Ok(response)
}

/// Sends back what it gets, in a protocol of its own.
async fn raw(body: web::Payload) -> impl Responder {
    HttpResponse::SwitchingProtocols().upgrade("raw").streaming(body)
}

/// A runtime with WebSockets at `/echo` and `/stubborn`, what calls it, and the client's end of the upgraded
/// connection.
async fn websocket(path: &str) -> (Arc<dyn AppTier>, Client, DuplexStream) {
    let (tier, client, near, answer) = switched(path, &AppSettings::default()).await;
    assert_eq!((answer.header("upgrade"), answer.header("connection")), (Some("websocket"), Some("upgrade")));
    assert_eq!(answer.header("sec-websocket-accept"), Some("HSmrc0sMlYUkAGmm5OPpG2HaGWk="));
    (tier, client, near)
}

/// The same with settings, and the answer that switched protocols.
async fn switched(path: &str, settings: &AppSettings) -> (Arc<dyn AppTier>, Client, DuplexStream, TestResponse) {
    let app = crate::routes(|routes: &mut ServiceConfig| {
        routes
            .route("/echo", web::get().to(echo))
            .route("/stubborn", web::get().to(stubborn))
            .route("/raw", web::get().to(raw));
    });
    let tier: Arc<dyn AppTier> = Arc::new(Runtime::new(app, None, settings));
    let client = Client::of(Arc::clone(&tier)).await;
    let (near, far) = tokio::io::duplex(1 << 16);
    let answer = handshake(&client, path, far).await;
    assert_eq!(answer.status(), 101, "{answer:?}");
    (tier, client, near, answer)
}

async fn handshake(client: &Client, path: &str, connection: DuplexStream) -> TestResponse {
    client
        .get(path)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "x3JJHMbDL1EzLkh9GBhXDw==")
        .extension(Upgrade::new(async { Ok(Box::new(connection) as Box<dyn Io>) }))
        .await
}

/// A text frame of a client, masked with zeros.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("the text is short");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

async fn expect(connection: &mut DuplexStream, bytes: &[u8]) {
    let mut received = vec![0; bytes.len()];
    let read = tokio::time::timeout(PATIENCE, connection.read_exact(&mut received)).await;
    read.expect("the server answers soon").expect("the server answers");
    assert_eq!(received, bytes);
}

/// Ends a test that hangs; nothing else depends on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Frames of close with the codes 1001 and 1009.
const GOING_AWAY: &[u8] = &[0x88, 2, 0x03, 0xe9];
const TOO_LARGE: &[u8] = &[0x88, 2, 0x03, 0xf1];

#[tokio::test]
async fn a_websocket_carries_messages_both_ways_until_the_client_goes() {
    let (_tier, _client, mut connection) = websocket("/echo").await;
    for text in ["hello", "again"] {
        connection.write_all(&frame(text)).await.expect("the server reads");
        expect(&mut connection, &[&[0x81, 5], text.as_bytes()].concat()).await;
    }
    connection.shutdown().await.expect("the client may go");
    expect(&mut connection, GOING_AWAY).await;
    assert_eq!(connection.read(&mut [0]).await.expect("the end is clean"), 0);
}

#[tokio::test]
async fn a_drain_lets_a_websocket_say_goodbye() {
    let (tier, _client, mut connection) = websocket("/echo").await;
    tier.drain(Instant::now() + Duration::from_secs(60)).await;
    expect(&mut connection, GOING_AWAY).await;
    assert_eq!(connection.read(&mut [0]).await.expect("the end is clean"), 0);
}

#[tokio::test]
async fn a_websocket_that_does_not_say_goodbye_is_cut_at_the_deadline_of_the_drain() {
    let (tier, _client, mut connection) = websocket("/stubborn").await;
    tier.drain(Instant::now()).await;
    let end = tokio::time::timeout(PATIENCE, connection.read(&mut [0])).await;
    assert_eq!(end.expect("it is cut").expect("the end is clean"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_handler_has_until_the_deadline_of_the_drain_to_say_goodbye_and_not_for_long_without_one() {
    let short = Duration::from_secs(2);
    for (deadline, time) in [(None, GOODBYE), (Some(Duration::ZERO), Duration::ZERO), (Some(short), short)] {
        let begun = tokio::time::Instant::now();
        let (_drain, drained) = watch::channel(deadline.map(|deadline| begun.into_std() + deadline));
        carry(std::future::ready(Reason::GoingAway), std::future::pending(), drained, &Cell::new(None))
            .await
            .expect("nothing failed");
        let taken = begun.elapsed();
        assert!((time..time + Duration::from_secs(1)).contains(&taken), "{deadline:?}: {taken:?}");
    }
}

/// The header of a frame of 8 GiB.
const HUGE: &[u8] = &[0x82, 0xff, 0, 0, 0, 2, 0, 0, 0, 0];

#[tokio::test]
async fn a_websocket_frame_that_announces_more_than_is_allowed_ends_the_connection() {
    let (_tier, _client, mut connection) = websocket("/echo").await;
    connection.write_all(HUGE).await.expect("the server reads");
    expect(&mut connection, TOO_LARGE).await;
    assert_eq!(connection.read(&mut [0]).await.expect("the end is clean"), 0);
}

#[tokio::test]
async fn the_largest_websocket_frame_is_a_setting_and_zero_is_no_limit() {
    for (largest, allowed) in [(5, false), (6, true), (0, true)] {
        let settings = AppSettings { max_websocket_frame: Size::bytes(largest), ..AppSettings::default() };
        let (_tier, _client, mut connection, _) = switched("/echo", &settings).await;
        connection.write_all(&frame("hello")).await.expect("the server reads");
        expect(&mut connection, b"\x81\x05hello").await;
        connection.write_all(&frame("hello!")).await.expect("the server reads");
        expect(&mut connection, if allowed { b"\x81\x06hello!" } else { TOO_LARGE }).await;
    }
}

#[tokio::test]
async fn a_tunnel_of_another_protocol_is_not_read_as_frames() {
    let (_tier, _client, mut connection, _) = switched("/raw", &AppSettings::default()).await;
    connection.write_all(HUGE).await.expect("the server reads");
    expect(&mut connection, HUGE).await;
}

#[tokio::test]
async fn without_a_101_nothing_is_tunnelled() {
    let client = client(|routes| _ = routes.route("/", web::get().to(async || "no"))).await;
    let (mut near, far) = tokio::io::duplex(64);
    assert_eq!(handshake(&client, "/", far).await.text(), "no");
    assert_eq!(near.read(&mut [0]).await.expect("the far end is dropped"), 0);
}

#[tokio::test]
async fn a_101_on_a_connection_that_cannot_switch_is_an_error() {
    let client =
        client(|routes| _ = routes.route("/", web::get().to(async || HttpResponse::SwitchingProtocols()))).await;
    assert_eq!(client.get("/").await.status(), 400);
}
