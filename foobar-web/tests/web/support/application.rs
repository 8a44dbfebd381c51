//! What stands behind the web tier of a test.

use super::*;

/// The application of these tests.
pub(crate) async fn answer(request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let (parts, mut body) = request.into_parts();
    let text = match path.as_str() {
        "/echo" => match read(&mut body).await {
            Ok(bytes) => bytes,
            Err(error) => Bytes::from(format!("unexpected: {error}")),
        },
        "/panic" => panic!("a handler panics, as this test wants"),
        "/cookies" => parts.headers["cookie"].as_bytes().to_vec().into(),
        "/never" => std::future::pending().await,
        "/stream" => return Response::new(ResponseBody::stream(Ticks { left: 5, next: None, wait: FOREVER })),
        "/ticks" => {
            return Response::new(ResponseBody::stream(Ticks {
                left: 5,
                next: None,
                wait: Duration::from_millis(200),
            }));
        }
        "/big" => Bytes::from(vec![b'x'; 64 << 20]),
        _ => Bytes::from(format!("{} {}", parts.method, parts.uri)),
    };
    let mut response = Response::new(ResponseBody::full(text));
    if path == "/500" {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    response
}

/// A body of single bytes: the first one at once, each other one after a wait.
struct Ticks {
    left: u32,
    next: Option<Pin<Box<Sleep>>>,
    wait: Duration,
}

impl Body for Ticks {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(next) = &mut self.next {
            ready!(next.as_mut().poll(cx));
        }
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.next = Some(Box::pin(sleep(self.wait))); // time is what is tested
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
    }
}

/// Reads a body to its end.
pub(crate) async fn read(body: &mut foobar_core::RequestBody) -> Result<Bytes, String> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| error.downcast::<BodyError>().expect("it is a body's error").to_string())?;
        bytes.extend_from_slice(&frame.into_data().expect("there are no trailers"));
    }
    Ok(bytes.freeze())
}
