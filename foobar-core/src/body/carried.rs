use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::mpsc;

use super::{Body, SendStream};
use crate::BoxError;

/// Carries a body away from the thread that it must stay on. The first is the body for another thread; the second has
/// to run where the original is. It reads one frame ahead of its reader at most, and ends with it.
///
/// A body whose feed is dropped before the end breaks off: it never seems to be complete.
pub fn carry<B>(body: B) -> (Body<SendStream>, impl Future<Output = ()>)
where
    B: http_body::Body<Data = Bytes, Error = BoxError>,
{
    let (feed, pieces) = mpsc::channel(1);
    (Body(super::Content::Stream(Box::pin(Carried(Some(pieces))))), read(body, feed))
}

/// What comes from the other thread.
enum Piece {
    Frame(Frame<Bytes>),
    Failure(BoxError),
    End,
}

async fn read(body: impl http_body::Body<Data = Bytes, Error = BoxError>, feed: mpsc::Sender<Piece>) {
    let mut body = pin!(body);
    while let Ok(permit) = feed.reserve().await {
        let frame = tokio::select! {
            biased;
            () = feed.closed() => return,
            frame = poll_fn(|cx| body.as_mut().poll_frame(cx)) => frame,
        };
        match frame {
            Some(Ok(frame)) => permit.send(Piece::Frame(frame)),
            Some(Err(error)) => return permit.send(Piece::Failure(error)),
            None => return permit.send(Piece::End),
        }
    }
}

/// The body on the other thread; `None` once it has ended.
struct Carried(Option<mpsc::Receiver<Piece>>);

impl http_body::Body for Carried {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(pieces) = &mut self.0 else { return Poll::Ready(None) };
        let end = match ready!(pieces.poll_recv(cx)) {
            Some(Piece::Frame(frame)) => return Poll::Ready(Some(Ok(frame))),
            Some(Piece::Failure(error)) => Some(Err(error)),
            Some(Piece::End) => None,
            None => Some(Err("it was dropped before its end".into())),
        };
        self.0 = None;
        Poll::Ready(end)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A body of these frames, which has no end after them where there is none among them.
    struct Frames(VecDeque<Option<Result<Frame<Bytes>, BoxError>>>);

    impl http_body::Body for Frames {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            self.0.pop_front().map_or(Poll::Pending, Poll::Ready)
        }
    }

    fn frames<const N: usize>(frames: [Option<Result<&'static str, &str>>; N]) -> Frames {
        let frame = |frame: Result<&'static str, &str>| frame.map(|data| Frame::data(data.into())).map_err(Into::into);
        Frames(frames.map(|item| item.map(frame)).into())
    }

    async fn next(body: &mut Body<SendStream>) -> Option<Result<Bytes, String>> {
        let frame = poll_fn(|cx| http_body::Body::poll_frame(Pin::new(body), cx)).await?;
        Some(frame.map(|frame| frame.into_data().expect("no trailers")).map_err(|error| error.to_string()))
    }

    #[tokio::test]
    async fn a_body_arrives_frame_by_frame_with_its_end() {
        let (mut body, feed) = carry(frames([Some(Ok("a")), Some(Ok("b")), None]));
        let feed = tokio::spawn(feed);
        assert_eq!(next(&mut body).await, Some(Ok("a".into())));
        assert_eq!(next(&mut body).await, Some(Ok("b".into())));
        assert_eq!(next(&mut body).await, None);
        assert_eq!(next(&mut body).await, None);
        feed.await.expect("it ends with the body");
    }

    #[tokio::test]
    async fn an_error_arrives_as_one() {
        let (mut body, feed) = carry(frames([Some(Err("broken"))]));
        tokio::spawn(feed);
        assert_eq!(next(&mut body).await, Some(Err("broken".to_owned())));
        assert_eq!(next(&mut body).await, None);
    }

    #[tokio::test]
    async fn a_feed_that_is_dropped_is_no_end() {
        let (mut body, feed) = carry(frames([Some(Ok("a")), None]));
        drop(feed);
        assert_eq!(next(&mut body).await, Some(Err("it was dropped before its end".to_owned())));
        assert_eq!(next(&mut body).await, None);
    }

    #[tokio::test]
    async fn a_silent_body_is_dropped_with_its_reader() {
        let (body, feed) = carry(frames([]));
        let feed = tokio::spawn(feed);
        drop(body);
        feed.await.expect("it ends with the reader");
    }
}
