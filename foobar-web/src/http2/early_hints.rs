use std::task::{Context, Poll};

use bytes::Bytes;
use foobar_core::{EarlyHints, HintsToSend};
use h2::server::SendResponse;
use http::header::LINK;
use http::{HeaderValue, Response, StatusCode};

/// The early hints of a request in hand (RFC 8297), as far as they have not been sent.
pub(super) struct Hints {
    waiting: HintsToSend,
    /// Bytes that h2 may still be given: it tells nobody when the client has taken an interim response.
    left: usize,
}

/// As much as the hints of one request may take together; what is beyond waits, until the handler is told of it.
const MOST: usize = 16 << 10;

impl Hints {
    /// These, and what lets the handler give them.
    pub(super) fn offer() -> (EarlyHints, Self) {
        let (hints, waiting) = EarlyHints::channel();
        let sent = Self { waiting, left: MOST };
        (hints, sent)
    }

    /// Sends those that there are by now.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, respond: &mut SendResponse<Bytes>) {
        while self.left > 0
            && let Poll::Ready(links) = self.waiting.poll_next(cx)
        {
            let size: usize = links.iter().map(HeaderValue::len).sum();
            self.left = self.left.saturating_sub(size);
            if let Err(error) = respond.send_informational(response(links)) {
                tracing::debug!(%error, "early hints were not sent");
            }
        }
    }
}

fn response(links: Vec<HeaderValue>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::EARLY_HINTS;
    response.headers_mut().extend(links.into_iter().map(|link| (LINK, link)));
    response
}
