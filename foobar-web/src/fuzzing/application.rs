//! The application of the server that is fuzzed.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use bytes::BytesMut;
use foobar_core::{BoxFuture, Io, Request, RequestBody, Response, ResponseBody, Upgrade};
use http::header::{CONNECTION, HeaderName, HeaderValue, UPGRADE};
use http::{HeaderMap, StatusCode};
use http_body::Body;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_local;

/// What it says of each answer that it gives to a request that has come whole.
const MARK: HeaderName = HeaderName::from_static("by");

/// Answers with method, target and body; 400 if that does not come whole. At `/u` it takes over the connection for
/// `Upgrade: echo`, and sends back what comes on it; it refuses every other protocol by answering as ever.
pub(super) async fn answer(request: Request) -> Response {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/u"
        && asks_for_echo(&head.headers)
        && let Some(connection) = head.extensions.get().and_then(Upgrade::take)
    {
        return switch(connection);
    }
    let mut answer = format!("{} {}\n", head.method, head.uri).into_bytes();
    match read(body).await {
        Some(body) => answer.extend(body),
        None => {
            let mut refusal = Response::new(ResponseBody::empty());
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            return refusal;
        }
    }
    marked(Response::new(ResponseBody::full(answer)))
}

fn marked(mut response: Response) -> Response {
    response.headers_mut().insert(MARK, HeaderValue::from_static("application"));
    response
}

async fn read(mut body: RequestBody) -> Option<BytesMut> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        bytes.extend_from_slice(&frame.ok()?.into_data().ok()?); // there are no trailers, and an error is told by 400
    }
    Some(bytes)
}

fn asks_for_echo(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|protocol| protocol == "echo")
}

fn switch(connection: BoxFuture<'static, io::Result<Box<dyn Io>>>) -> Response {
    spawn_local(async move {
        _ = send_back(connection).await; // what is missing is noticed
    });
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("echo"));
    marked(response)
}

async fn send_back(connection: BoxFuture<'static, io::Result<Box<dyn Io>>>) -> io::Result<()> {
    let mut connection = connection.await?;
    let mut said = Vec::new();
    connection.read_to_end(&mut said).await?;
    connection.write_all(&said).await?;
    connection.shutdown().await
}
