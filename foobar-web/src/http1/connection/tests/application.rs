use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use foobar_core::{BoxError, Io, MakeHandler, Request, Response, ResponseBody, Upgrade, handler_fn};
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{StatusCode, Uri};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_local;

/// What the application waits for.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<Waits>>);

#[derive(Default)]
struct Waits {
    permits: usize,
    waker: Option<Waker>,
}

impl Gate {
    /// Whether somebody waits.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.lock().unwrap().waker.is_some()
    }

    /// Lets one through.
    pub(crate) fn open(&self) {
        let mut waits = self.0.lock().unwrap();
        waits.permits += 1;
        waits.waker.take().inspect(Waker::wake_by_ref);
    }

    /// Forgets who waited.
    pub(crate) fn close(&self) {
        *self.0.lock().unwrap() = Waits::default();
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut waits = self.0.lock().unwrap();
        if waits.permits > 0 {
            waits.permits -= 1;
            return Poll::Ready(());
        }
        waits.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Sends content back (`/app/echo`), does not read it (`/app/ignore`), sends pieces (`/app/stream?NUMBER,LENGTH`), or so many
/// bytes of another protocol back (`/app/upgrade?LENGTH`).
pub(crate) fn application(gate: Gate) -> Arc<dyn MakeHandler> {
    Arc::new(handler_fn(move |request| answer(request, gate.clone())))
}

async fn answer(request: Request, gate: Gate) -> Response {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query();
    if query == Some("wait") {
        std::future::poll_fn(|cx| gate.poll(cx)).await;
    }
    if parts.uri.path() == "/app/upgrade"
        && let Some(upgrade) = parts.extensions.get::<Upgrade>()
    {
        return switch(upgrade, &parts.uri);
    }
    let body = match (parts.uri.path(), query.and_then(|query| query.split_once(','))) {
        ("/app/stream", Some((left, length))) => {
            let frame = "s".repeat(length.parse().unwrap()).into();
            ResponseBody::stream(Frames { left: left.parse().unwrap(), frame, gate })
        }
        ("/app/echo", _) => match body.collect().await {
            Ok(content) => ResponseBody::full(content.to_bytes()),
            Err(_) => {
                let mut response = Response::default();
                *response.status_mut() = StatusCode::BAD_REQUEST;
                return response;
            }
        },
        _ => ResponseBody::full("ignored"),
    };
    Response::new(body)
}

fn switch(upgrade: &Upgrade, uri: &Uri) -> Response {
    let (connection, length) = (upgrade.take().unwrap(), uri.query().unwrap().parse().unwrap());
    spawn_local(async move {
        if let Ok(connection) = connection.await {
            _ = send_back(connection, length).await; // the client may go at any time
        }
    });
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("echo"));
    response
}

async fn send_back(mut connection: Box<dyn Io>, length: u64) -> std::io::Result<()> {
    let mut left = length;
    let mut piece = vec![0; 1 << 16];
    while left > 0 {
        let read = connection.read(&mut piece).await?;
        if read == 0 {
            break;
        }
        connection.write_all(&piece[..read]).await?;
        left -= read as u64;
    }
    connection.shutdown().await
}

/// A body of which every other piece is waited for.
struct Frames {
    left: usize,
    frame: Bytes,
    gate: Gate,
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left % 2 == 1 {
            ready!(self.gate.poll(cx));
        }
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(self.frame.clone()))))
    }
}
