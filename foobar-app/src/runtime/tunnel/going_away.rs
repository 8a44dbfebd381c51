use std::cell::Cell;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use foobar_core::Size;

use super::frames::Frames;

/// The last word to a WebSocket whose server goes away (RFC 6455 section 7.4.1): a handler that ends without a frame of
/// close, or with an empty one, has left that to us. What it says itself stays.
pub(super) struct GoingAway {
    sent: Frames,
    /// Whether the handler gets nothing more to read, and not because its client has closed.
    input_ended: Rc<Cell<bool>>,
}

const CLOSE: u8 = 8;
const EMPTY_CLOSE: [u8; 2] = [0x88, 0];
/// 1001.
const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xe9];

impl GoingAway {
    pub(super) const fn new(input_ended: Rc<Cell<bool>>) -> Self {
        Self { sent: Frames::new(Size::bytes(u64::MAX)), input_ended }
    }

    /// What is sent in the place of what a handler sends.
    pub(super) fn pass(&mut self, chunk: Bytes) -> Bytes {
        if self.sent.follow(&chunk).is_err() {
            return chunk; // no frame is that large
        }
        let is_empty_close = self.sent.is_between() && self.sent.last() == (CLOSE, 0);
        match chunk.strip_suffix(&EMPTY_CLOSE) {
            Some(before) if is_empty_close && self.input_ended.get() => {
                let mut all = BytesMut::from(before);
                all.extend_from_slice(&GOING_AWAY);
                all.freeze()
            }
            _ => chunk,
        }
    }

    /// What is sent at the end.
    pub(super) fn last_word(&self) -> Option<&'static [u8]> {
        let is_open = self.sent.is_between() && self.sent.last().0 != CLOSE;
        (is_open && self.input_ended.get()).then_some(&GOING_AWAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\x81\x02hi";

    fn ended() -> GoingAway {
        GoingAway::new(Rc::new(Cell::new(true)))
    }

    #[test]
    fn an_empty_close_says_1001_where_the_server_goes() {
        let mut all = ended();
        assert_eq!(all.pass([TEXT, &EMPTY_CLOSE].concat().into()), [TEXT, &GOING_AWAY].concat());
        assert_eq!(all.last_word(), None);
        let mut client_closes = GoingAway::new(Rc::default());
        assert_eq!(client_closes.pass(Bytes::from_static(&EMPTY_CLOSE)), EMPTY_CLOSE[..]);
    }

    #[test]
    fn a_handler_that_ends_without_a_close_gets_one() {
        let mut all = ended();
        assert_eq!(all.pass(Bytes::from_static(TEXT)), TEXT);
        assert_eq!(all.last_word(), Some(&GOING_AWAY[..]));
        assert_eq!(GoingAway::new(Rc::default()).last_word(), None);
    }

    #[test]
    fn what_a_handler_says_itself_and_what_only_looks_like_a_close_stay() {
        for said in [&b"\x88\x02\x03\xe8"[..], b"\x81\x02\x88\x00", b"\x81\x7e\x88\x00"] {
            assert_eq!(ended().pass(Bytes::copy_from_slice(said)), said);
        }
        let mut cut = ended();
        cut.pass(Bytes::from_static(b"\x81\x05hi"));
        assert_eq!(cut.last_word(), None, "it would be content");
    }
}
