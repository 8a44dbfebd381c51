use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use foobar_core::{Body, BoxError, Chain, SendStream};
use http::HeaderValue;
use http_body::Body as _;

use super::event::{Event, EventReader};
use super::test_head::TestHead;
use super::test_response::TestResponse;

/// An answer whose body is read piece by piece; a [`TestHead`] otherwise. Dropping it has the effect of a client that
/// disconnects.
///
/// ```
/// # mod foobar {
/// #     pub use foobar_app::{*, actix_web::web};
/// #     pub mod test {
/// #         pub use foobar_app::testing::*;
/// #         pub async fn client(app: impl super::App) -> Client { Client::new(app, None).await }
/// #     }
/// # }
/// use foobar::actix_web::{HttpResponse, web};
/// use futures_util::stream;
///
/// async fn prices() -> HttpResponse {
///     let prices = ["event: price\ndata: 12\n\n", "event: price\ndata: 13\n\n"];
///     let prices = stream::iter(prices.map(|price| Ok::<_, std::io::Error>(price.into())));
///     HttpResponse::Ok().content_type("text/event-stream").streaming(prices)
/// }
///
/// # #[foobar_app::actix_web::main]
/// # async fn main() {
/// let app = foobar::routes(|routes| _ = routes.route("/prices", web::get().to(prices)));
/// let client = foobar::test::client(app).await;
///
/// let mut prices = client.get("/prices").open().await;
/// assert_eq!(prices.header("content-type"), Some("text/event-stream"));
/// let price = prices.event().await.expect("there is one");
/// assert_eq!((price.event.as_str(), price.data.as_str()), ("price", "12"));
/// assert_eq!(prices.event().await.expect("there is another").data, "13");
/// assert!(prices.event().await.is_none());
///
/// let mut prices = client.get("/prices").open().await;
/// assert_eq!(prices.chunk().await.as_deref(), Some(&b"event: price\ndata: 12\n\n"[..]));
/// # }
/// ```
pub struct TestStream {
    head: TestHead,
    body: Body<SendStream>,
    events: EventReader,
}

impl TestStream {
    pub(super) fn new(early_hints: Vec<HeaderValue>, response: http::Response<Body<SendStream>>) -> Self {
        let (head, body) = response.into_parts();
        Self { head: TestHead::new(early_hints, head), body, events: EventReader::default() }
    }

    /// The next piece of the body, as the application gave it; `None` at the end. It waits until there is one.
    ///
    /// # Panics
    ///
    /// If the body broke off.
    pub async fn chunk(&mut self) -> Option<Bytes> {
        let chunk = self.try_chunk().await?;
        Some(chunk.unwrap_or_else(|error| panic!("the answer broke off: {}", Chain(&*error))))
    }

    /// The same, or why the body broke off.
    pub async fn try_chunk(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await?;
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => return Some(Ok(data)),
                Ok(Err(_trailers)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The next event of a `text/event-stream`, however its bytes are cut into pieces; `None` at the end. Comments,
    /// such as those that keep a connection alive, are passed over, as a browser does.
    ///
    /// # Panics
    ///
    /// If the body broke off, or is not of that type.
    pub async fn event(&mut self) -> Option<Event> {
        let kind = self.header("content-type").unwrap_or("nothing");
        assert!(
            kind.starts_with("text/event-stream"),
            "the answer is no text/event-stream but {kind}: {:?}",
            self.head
        );
        loop {
            if let Some(event) = self.events.next() {
                return Some(event);
            }
            let chunk = self.chunk().await?;
            self.events.add(&chunk);
        }
    }

    pub(super) fn into_head(self) -> TestHead {
        self.head
    }

    /// The rest of the body, to its end or until it breaks off.
    pub async fn finish(mut self) -> TestResponse {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = self.try_chunk().await {
            match chunk {
                Ok(data) => bytes.extend_from_slice(&data),
                Err(error) => return TestResponse::new(self.head, Err(error)),
            }
        }
        TestResponse::new(self.head, Ok(bytes.freeze()))
    }
}

impl Deref for TestStream {
    type Target = TestHead;

    fn deref(&self) -> &TestHead {
        &self.head
    }
}

impl fmt::Debug for TestStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.head, self.body)
    }
}
