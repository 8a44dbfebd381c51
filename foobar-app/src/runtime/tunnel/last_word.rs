use std::cell::Cell;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use foobar_core::Size;

use super::frames::Frames;

/// The last word to a WebSocket that the server ends: a handler that ends without a frame of close, or with an empty
/// one, has left that to us. What it says itself stays.
pub(super) struct LastWord {
    sent: Frames,
    reason: Rc<Cell<Option<Reason>>>,
}

/// Why a handler gets nothing more to read, where its client has not closed: a code of RFC 6455 section 7.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Reason {
    GoingAway = 1001,
    TooLarge = 1009,
}

const CLOSE: u8 = 8;
const EMPTY_CLOSE: [u8; 2] = [0x88, 0];

impl Reason {
    /// The frame of close that says it.
    const fn frame(self) -> [u8; 4] {
        let [high, low] = (self as u16).to_be_bytes();
        [0x88, 2, high, low]
    }
}

impl LastWord {
    pub(super) const fn new(reason: Rc<Cell<Option<Reason>>>) -> Self {
        Self { sent: Frames::new(Size::bytes(u64::MAX)), reason }
    }

    /// What is sent in the place of what a handler sends.
    pub(super) fn pass(&mut self, chunk: Bytes) -> Bytes {
        if self.sent.follow(&chunk).is_err() {
            return chunk; // no frame is that large
        }
        let is_empty_close = self.sent.is_between() && self.sent.last() == (CLOSE, 0);
        match (chunk.strip_suffix(&EMPTY_CLOSE), self.reason.get()) {
            (Some(before), Some(reason)) if is_empty_close => {
                let mut all = BytesMut::from(before);
                all.extend_from_slice(&reason.frame());
                all.freeze()
            }
            _ => chunk,
        }
    }

    /// What is sent at the end.
    pub(super) fn at_end(&self) -> Option<[u8; 4]> {
        let is_open = self.sent.is_between() && self.sent.last().0 != CLOSE;
        self.reason.get().filter(|_| is_open).map(Reason::frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\x81\x02hi";

    const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xe9];

    fn ended(reason: Reason) -> LastWord {
        LastWord::new(Rc::new(Cell::new(Some(reason))))
    }

    #[test]
    fn an_empty_close_says_1001_where_the_server_goes() {
        let mut all = ended(Reason::GoingAway);
        assert_eq!(all.pass([TEXT, &EMPTY_CLOSE].concat().into()), [TEXT, &GOING_AWAY].concat());
        assert_eq!(all.at_end(), None);
        let mut client_closes = LastWord::new(Rc::default());
        assert_eq!(client_closes.pass(Bytes::from_static(&EMPTY_CLOSE)), EMPTY_CLOSE[..]);
    }

    #[test]
    fn a_handler_that_ends_without_a_close_gets_one() {
        let mut all = ended(Reason::GoingAway);
        assert_eq!(all.pass(Bytes::from_static(TEXT)), TEXT);
        assert_eq!(all.at_end(), Some(GOING_AWAY));
        assert_eq!(LastWord::new(Rc::default()).at_end(), None);
    }

    #[test]
    fn an_empty_close_says_1009_where_a_frame_is_too_large() {
        let said = ended(Reason::TooLarge).pass(Bytes::from_static(&EMPTY_CLOSE));
        assert_eq!(said, [0x88, 2, 0x03, 0xf1][..]);
    }

    #[test]
    fn what_a_handler_says_itself_and_what_only_looks_like_a_close_stay() {
        for said in [&b"\x88\x02\x03\xe8"[..], b"\x81\x02\x88\x00", b"\x81\x7e\x88\x00"] {
            assert_eq!(ended(Reason::TooLarge).pass(Bytes::copy_from_slice(said)), said);
        }
        let mut cut = ended(Reason::GoingAway);
        cut.pass(Bytes::from_static(b"\x81\x05hi"));
        assert_eq!(cut.at_end(), None, "it would be content");
    }
}
