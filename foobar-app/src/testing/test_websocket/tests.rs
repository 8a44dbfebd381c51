use std::sync::Arc;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Responder};
use tokio::sync::Notify;

use super::*;
use crate::testing::Client;

/// Echoes what it gets, after a ping, and closes with the other side's words.
async fn echo(request: HttpRequest, body: Payload) -> actix_web::Result<impl Responder> {
    let (response, mut session, messages) = actix_ws::handle(&request, body)?;
    let mut messages = messages.max_frame_size(1 << 20);
    actix_web::rt::spawn(async move {
        session.ping(b"are you there?").await.expect("the client is there");
        let mut reason = None;
        while let Some(Ok(message)) = messages.recv().await {
            let sent = match message {
                actix_ws::Message::Text(text) => session.text(text).await,
                actix_ws::Message::Binary(bytes) => session.binary(bytes).await,
                actix_ws::Message::Ping(bytes) => session.pong(&bytes).await,
                actix_ws::Message::Pong(bytes) => session.text(format!("pong: {}", bytes.escape_ascii())).await,
                actix_ws::Message::Close(close) => {
                    reason = close;
                    break;
                }
                _ => Ok(()),
            };
            sent.expect("the client is there");
        }
        drop(session.close(reason).await); // the client may have gone
    });
    Ok(response)
}

/// Tells when there are no more messages.
async fn until_gone(request: HttpRequest, body: Payload, gone: Data<Notify>) -> actix_web::Result<impl Responder> {
    let (response, _session, mut messages) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(async move {
        while let Some(Ok(_)) = messages.recv().await {}
        gone.notify_one();
    });
    Ok(response)
}

/// Sends these bytes as they are, in place of frames.
fn raw(bytes: &'static [u8]) -> HttpResponse {
    let mut response = HttpResponse::SwitchingProtocols();
    response.upgrade("websocket").insert_header(("sec-websocket-accept", ACCEPT));
    response.streaming(futures_util::stream::iter([Ok::<_, io::Error>(Bytes::from_static(bytes))]))
}

async fn client() -> Client {
    let app = crate::routes(|routes: &mut ServiceConfig| {
        routes
            .route("/echo", web::get().to(echo))
            .route("/pieces", web::get().to(async || raw(b"\x01\x01a\x89\x00\x00\x01b\x80\x01c\x02\x01d\x80\x00")))
            .route("/cut", web::get().to(async || raw(b"\x81\x05a")))
            .route("/close", web::get().to(async || raw(b"\x88\x05\x03\xe9bye")))
            .route("/masked", web::get().to(async || raw(b"\x81\x80aaaa")))
            .route("/no", web::get().to(async || HttpResponse::Forbidden().body("not you")));
    });
    Client::new(app, None).await
}

/// What [`echo`] says of the answer to its ping.
async fn greeted(client: &Client) -> TestWebSocket {
    let mut socket = client.get("/echo").websocket().await;
    assert_eq!(socket.next().await, Some(Message::Text("pong: are you there?".to_owned())));
    socket
}

#[tokio::test]
async fn texts_and_bytes_of_any_length_come_and_go() {
    let client = client().await;
    let mut socket = greeted(&client).await;
    for length in [0, 1, 125, 126, 0xffff, 0x1_0000, 200_000] {
        let text = "a".repeat(length);
        socket.send(&text).await;
        assert_eq!(socket.next().await, Some(Message::Text(text.clone())), "{length}");
        socket.send_binary(text.as_bytes()).await;
        assert_eq!(socket.next().await, Some(Message::Binary(text.into())), "{length}");
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_bytes() {
    let client = client().await;
    let mut socket = greeted(&client).await;
    socket.ping(b"hello").await;
    assert_eq!(socket.next().await, Some(Message::Pong("hello".into())));
}

#[tokio::test]
async fn a_close_is_answered_and_is_the_last() {
    let client = client().await;
    let mut socket = greeted(&client).await;
    socket.close(1001, "bye").await;
    assert_eq!(socket.next().await, Some(Message::Close(Some((1001, "bye".to_owned())))));
    assert_eq!(socket.next().await, None);
}

#[tokio::test]
async fn a_close_of_the_server_is_told_with_code_and_reason() {
    let client = client().await;
    let mut socket = client.get("/close").websocket().await;
    assert_eq!(socket.next().await, Some(Message::Close(Some((1001, "bye".to_owned())))));
    assert_eq!(socket.next().await, None);
}

#[tokio::test]
async fn a_message_in_pieces_is_one_also_around_a_ping() {
    let client = client().await;
    let mut socket = client.get("/pieces").websocket().await;
    assert_eq!(socket.next().await, Some(Message::Text("abc".to_owned())));
    assert_eq!(socket.next().await, Some(Message::Binary("d".into())));
    assert_eq!(socket.next().await, None);
}

#[tokio::test]
#[should_panic(expected = "the connection ended in the middle of a frame")]
async fn a_frame_that_is_cut_off_is_no_end() {
    let client = client().await;
    client.get("/cut").websocket().await.next().await;
}

#[tokio::test]
#[should_panic(expected = "the server masked a frame")]
async fn a_server_that_breaks_the_protocol_is_told_of() {
    let client = client().await;
    client.get("/masked").websocket().await.next().await;
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let client = client().await;
    let answer = client.get("/no").try_websocket().await.expect_err("it is refused");
    assert_eq!((answer.status().as_u16(), answer.text()), (403, "not you"));
}

#[tokio::test]
#[should_panic(expected = "the answer is no WebSocket's: 403")]
async fn a_refusal_that_nobody_expects_shows_the_answer() {
    let client = client().await;
    client.get("/no").websocket().await;
}

#[tokio::test]
async fn a_client_that_goes_without_a_word_ends_the_handlers_messages() {
    let gone = Arc::new(Notify::new());
    let seen = Data::from(Arc::clone(&gone));
    let app = crate::routes(move |routes: &mut ServiceConfig| {
        routes.app_data(seen.clone()).route("/", web::get().to(until_gone));
    });
    let client = Client::new(app, None).await;
    drop(client.get("/").websocket().await);
    gone.notified().await;
}
