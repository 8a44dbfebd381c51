use std::task::{Context, Poll};

use foobar_core::{EarlyHints, HintsToSend};
use http::HeaderValue;

/// The early hints of a request in hand (RFC 8297), as far as they have not been sent.
pub(super) struct Hints {
    waiting: HintsToSend,
    /// What the client has not taken yet of one that has been begun.
    begun: Vec<u8>,
}

impl Hints {
    /// These, and what lets the handler give them.
    pub(super) fn offer() -> (EarlyHints, Self) {
        let (hints, waiting) = EarlyHints::channel();
        let sent = Self { waiting, begun: Vec::new() };
        (hints, sent)
    }

    /// What is to be written, if there is anything.
    pub(super) fn unsent(&mut self, cx: &mut Context<'_>) -> Option<&[u8]> {
        if self.begun.is_empty() {
            let Poll::Ready(links) = self.waiting.poll_next(cx) else { return None };
            put(&links, &mut self.begun);
        }
        Some(&self.begun)
    }

    /// So much of it has been written.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.begun.drain(..bytes);
    }

    /// All that is to be sent before the answer; none follows.
    pub(super) fn end(mut self) -> Vec<u8> {
        while let Some(links) = self.waiting.next_now() {
            put(&links, &mut self.begun);
        }
        self.begun
    }
}

fn put(links: &[HeaderValue], out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\n");
    for link in links {
        [b"link: ", link.as_bytes(), b"\r\n"].iter().for_each(|part| out.extend_from_slice(part));
    }
    out.extend_from_slice(b"\r\n");
}
