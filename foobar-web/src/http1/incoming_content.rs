use tokio::time::Instant;

use super::chunked::Chunked;
use super::request_body::BodyFeed;

/// The content of the request in hand, as far as it has not been read.
pub(super) struct IncomingContent {
    pub(super) framing: Framing,
    pub(super) feed: BodyFeed,
    /// What is to be sent before more of it comes.
    pub(super) interim: &'static [u8],
    /// What is done about it once nobody reads it any more.
    pub(super) rest: Rest,
}

pub(super) enum Framing {
    /// This many bytes.
    Sized(u64),
    Chunked(Chunked),
}

/// What becomes of content that nobody reads.
#[derive(Clone, Copy)]
pub(super) enum Rest {
    /// It stays where it is.
    Left,
    /// It is read, so that another request can follow: this many bytes at most, and not for long after `since`.
    Discarded { most: u64, since: Option<Instant> },
}

impl Rest {
    pub(super) const DISCARDED: Self = Self::Discarded { most: MOST, since: None };
}

pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// This much of a body is discarded, as in Go's net/http.
pub(super) const MOST: u64 = 256 << 10;

impl IncomingContent {
    /// What is to be sent before the content comes; nothing if it has come, but one that has begun is sent to its end.
    pub(super) fn interim(&mut self, has_come: bool) -> Option<&'static [u8]> {
        if has_come && self.interim.len() == CONTINUE.len() {
            self.interim = &[];
        }
        Some(self.interim).filter(|interim| !interim.is_empty())
    }

    /// What is left of an interim response that has begun, which is to be sent before the final one; none begins after this.
    pub(super) fn end_interim(&mut self) -> &'static [u8] {
        let interim = std::mem::take(&mut self.interim);
        if interim.len() < CONTINUE.len() { interim } else { &[] }
    }

    /// Whether the client has been told a part of that.
    pub(super) const fn is_being_told(&self) -> bool {
        !self.interim.is_empty() && !self.is_awaited()
    }

    /// Whether the client still waits to be told to send it.
    pub(super) const fn is_awaited(&self) -> bool {
        self.interim.len() == CONTINUE.len()
    }
}

impl Framing {
    /// How much may be read at once: no further than the content goes, if that is known.
    pub(super) fn most(&self) -> usize {
        match self {
            Self::Sized(left) => usize::try_from(*left).unwrap_or(usize::MAX), // more than is read at once
            Self::Chunked(_) => usize::MAX,
        }
    }

    /// Whether its last byte has come.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Sized(left) => *left == 0,
            Self::Chunked(chunks) => chunks.is_done(),
        }
    }
}
