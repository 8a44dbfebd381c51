//! RFC 9113 §6 and §7: each type of frame, and codes of errors.

use Code::{FlowControlError, FrameSizeError, ProtocolError};
use Must::{Answer, Either, Goaway, GoesOn, Reset};

use super::super::case::{Case, GET, Must, after_an_answer, block, case, get, post, wait};
use crate::support::http2::{
    ACK, Code, END_HEADERS, END_STREAM, LARGEST_WINDOW, PADDED, PRIORITY, continuation, data, frame, goaway, headers,
    literals, ping, priority, push_promise, reset, settings, settings_ack, window_update,
};

const SERIOUS: &str = "§5.4.1: an error of a stream may be treated as one of the connection";

pub(in super::super) const CASES: &[Case] = &[
    case("6.1", "DATA of stream 0", || data(0, 0, b"x"), Goaway(ProtocolError)),
    case(
        "6.1",
        "DATA with padding",
        || [post(1), data(1, PADDED | END_STREAM, b"\x03abc\0\0\0")].concat(),
        Answer(1, 200),
    ),
    case(
        "6.1",
        "DATA that is all padding",
        || [post(1), data(1, PADDED | END_STREAM, b"\x02\0\0")].concat(),
        Answer(1, 200),
    ),
    case(
        "6.1",
        "padding as long as the payload",
        || [post(1), data(1, PADDED, b"\x03\0\0")].concat(),
        Goaway(ProtocolError),
    ),
    case(
        "6.1",
        "padding longer than the payload",
        || [post(1), data(1, PADDED, b"\xff\0\0")].concat(),
        Goaway(ProtocolError),
    ),
    case(
        "6.1",
        "padding whose length is missing",
        || [post(1), data(1, PADDED, b"")].concat(),
        Either(&[Goaway(FrameSizeError), Goaway(ProtocolError)], "§4.2 and §6.1 both hold"),
    ),
    case("6.1", "empty DATA", || [post(1), data(1, 0, b""), data(1, END_STREAM, b"")].concat(), Answer(1, 200)),
    case("6.2", "HEADERS of stream 0", || get(0), Goaway(ProtocolError)),
    case("6.2", "HEADERS with padding", || padded(5, 5), Answer(1, 200)),
    case("6.2", "HEADERS whose padding is too long", || padded(255, 5), Goaway(ProtocolError)),
    case(
        "6.2",
        "HEADERS with padding and a priority",
        || {
            headers(
                1,
                END_STREAM | END_HEADERS | PADDED | PRIORITY,
                &[&b"\x02\0\0\0\0\x0f"[..], &literals(GET), b"\0\0"].concat(),
            )
        },
        Answer(1, 200),
    ),
    case(
        "6.2",
        "HEADERS too short for their priority",
        || headers(1, END_STREAM | END_HEADERS | PRIORITY, b"\0\0\0\0"),
        Either(&[Goaway(FrameSizeError), Goaway(ProtocolError)], "§4.2 and §6.2 both hold"),
    ),
    case(
        "6.2",
        "HEADERS too short for the length of their padding",
        || headers(1, END_STREAM | END_HEADERS | PADDED, b""),
        Either(&[Goaway(FrameSizeError), Goaway(ProtocolError)], "§4.2 and §6.2 both hold"),
    ),
    case("6.3", "PRIORITY of stream 0", || priority(0, 1, 0), Goaway(ProtocolError)),
    case(
        "6.3",
        "PRIORITY of 4 bytes",
        || [wait(1), frame(2, 0, 1, &[0; 4])].concat(),
        Either(&[Reset(1, FrameSizeError), Goaway(FrameSizeError)], SERIOUS),
    ),
    case(
        "6.3",
        "PRIORITY of 6 bytes",
        || [wait(1), frame(2, 0, 1, &[0; 6])].concat(),
        Either(&[Reset(1, FrameSizeError), Goaway(FrameSizeError)], SERIOUS),
    ),
    case("6.4", "RST_STREAM of stream 0", || reset(0, 8), Goaway(ProtocolError)),
    case("6.4", "RST_STREAM of 3 bytes", || [wait(1), frame(3, 0, 1, &[0; 3])].concat(), Goaway(FrameSizeError)),
    case("6.4", "RST_STREAM of 5 bytes", || [wait(1), frame(3, 0, 1, &[0; 5])].concat(), Goaway(FrameSizeError)),
    case(
        "6.4",
        "a reset stream is not answered, others are",
        || [get(1), reset(1, 8), get(3)].concat(),
        Answer(3, 200),
    ),
    case("6.5", "SETTINGS of stream 1", || frame(4, 0, 1, b""), Goaway(ProtocolError)),
    case("6.5", "an acknowledgement of stream 1", || frame(4, ACK, 1, b""), Goaway(ProtocolError)),
    case("6.5", "an acknowledgement with content", || frame(4, ACK, 0, &[0; 6]), Goaway(FrameSizeError)),
    case("6.5", "an acknowledgement with a byte", || frame(4, ACK, 0, &[0]), Goaway(FrameSizeError)),
    case("6.5", "SETTINGS of 5 bytes", || frame(4, 0, 0, &[0; 5]), Goaway(FrameSizeError)),
    case("6.5", "SETTINGS of 7 bytes", || frame(4, 0, 0, &[0, 99, 0, 0, 0, 0, 0]), Goaway(FrameSizeError)),
    case("6.5", "SETTINGS without any", || settings(&[]), GoesOn),
    case("6.5", "SETTINGS that nobody knows", || settings(&[(0, 1), (0xFFFF, u32::MAX), (0x0A0A, 5)]), GoesOn),
    case("6.5", "as many settings as fit", || settings(&[(0x0A0A, 5); 2730]), GoesOn),
    case("6.5.2", "ENABLE_PUSH 0", || settings(&[(2, 0)]), GoesOn),
    case("6.5.2", "ENABLE_PUSH 1", || settings(&[(2, 1)]), GoesOn),
    case("6.5.2", "ENABLE_PUSH 2", || settings(&[(2, 2)]), Goaway(ProtocolError)),
    case("6.5.2", "INITIAL_WINDOW_SIZE too large", || settings(&[(4, 1 << 31)]), Goaway(FlowControlError)),
    case("6.5.2", "INITIAL_WINDOW_SIZE as large as may be", || settings(&[(4, LARGEST_WINDOW)]), GoesOn),
    case("6.5.2", "MAX_FRAME_SIZE too small", || settings(&[(5, (1 << 14) - 1)]), Goaway(ProtocolError)),
    case("6.5.2", "MAX_FRAME_SIZE too large", || settings(&[(5, 1 << 24)]), Goaway(ProtocolError)),
    case("6.5.2", "MAX_FRAME_SIZE as small as may be", || settings(&[(5, 1 << 14)]), GoesOn),
    case("6.5.2", "MAX_FRAME_SIZE as large as may be", || settings(&[(5, (1 << 24) - 1)]), GoesOn),
    case("6.5.2", "HEADER_TABLE_SIZE 0", || [settings(&[(1, 0)]), get(1)].concat(), Answer(1, 200)),
    case(
        "6.5.2",
        "HEADER_TABLE_SIZE without a bound",
        || [settings(&[(1, u32::MAX)]), get(1)].concat(),
        Answer(1, 200),
    ),
    case("6.5.2", "MAX_CONCURRENT_STREAMS 0", || [settings(&[(3, 0)]), get(1)].concat(), Answer(1, 200)),
    case("6.5.2", "a bad value behind a good one", || settings(&[(4, 1), (2, 7)]), Goaway(ProtocolError)),
    case(
        "6.5.3",
        "an acknowledgement too many",
        || [settings_ack(), settings_ack()].concat(),
        Either(&[GoesOn, Goaway(ProtocolError)], "the standard says nothing of it"),
    ),
    case("6.6", "PUSH_PROMISE", || [post(1), push_promise(1, 2, &literals(GET))].concat(), Goaway(ProtocolError)),
    case("6.6", "PUSH_PROMISE of stream 0", || push_promise(0, 2, &literals(GET)), Goaway(ProtocolError)),
    case("6.6", "PUSH_PROMISE on an idle stream", || push_promise(1, 2, &literals(GET)), Goaway(ProtocolError)),
    case("6.7", "PING of stream 1", || frame(6, 0, 1, &[0; 8]), Goaway(ProtocolError)),
    case("6.7", "an acknowledgement that nobody asked for", || ping(ACK, &[7; 8]), GoesOn),
    case("6.7", "an acknowledgement of stream 1", || frame(6, ACK, 1, &[0; 8]), Goaway(ProtocolError)),
    case("6.7", "a PING without content", || ping(0, b""), Goaway(FrameSizeError)),
    case("6.8", "GOAWAY of stream 1", || frame(7, 0, 1, &[0; 8]), Goaway(ProtocolError)),
    case("6.8", "GOAWAY of 7 bytes", || frame(7, 0, 0, &[0; 7]), Goaway(FrameSizeError)),
    case("6.8", "GOAWAY that takes back what it said", || [goaway(0, 0, b""), goaway(100, 0, b"")].concat(), Must::End),
    case("6.9", "an increment of 0 for the connection", || window_update(0, 0), Goaway(ProtocolError)),
    case(
        "6.9",
        "an increment of 0 for a stream",
        || [wait(1), window_update(1, 0)].concat(),
        Either(&[Reset(1, ProtocolError), Goaway(ProtocolError)], SERIOUS),
    ),
    case("6.9", "WINDOW_UPDATE of 3 bytes", || frame(8, 0, 0, &[0, 0, 1]), Goaway(FrameSizeError)),
    case("6.9", "WINDOW_UPDATE of 5 bytes", || frame(8, 0, 0, &[0, 0, 0, 1, 0]), Goaway(FrameSizeError)),
    case(
        "6.9",
        "WINDOW_UPDATE of 3 bytes for a stream",
        || [wait(1), frame(8, 0, 1, &[0, 0, 1])].concat(),
        Goaway(FrameSizeError),
    ),
    case("6.9", "the reserved bit of an increment", || [wait(1), frame(8, 0, 1, &[0x80, 0, 0, 1])].concat(), GoesOn),
    case("6.9", "an increment of 0 and the reserved bit", || frame(8, 0, 0, &[0x80, 0, 0, 0]), Goaway(ProtocolError)),
    case(
        "6.9.1",
        "a window of the connection that is too large",
        || [window_update(0, LARGEST_WINDOW), window_update(0, 1)].concat(),
        Goaway(FlowControlError),
    ),
    case(
        "6.9.1",
        "a window of a stream that is too large",
        || [wait(1), window_update(1, LARGEST_WINDOW), window_update(1, 1)].concat(),
        Reset(1, FlowControlError),
    ),
    case(
        "6.9.1",
        "more content than the window of the connection",
        || [post(1), data(1, 0, &[0; 16_384]).repeat(200)].concat(),
        Either(&[Goaway(FlowControlError), Reset(1, FlowControlError)], SERIOUS),
    ),
    case(
        "6.9.2",
        "a change that makes an open window too large",
        || [wait(1), window_update(1, LARGEST_WINDOW - 65_535), settings(&[(4, 65_536)])].concat(),
        Goaway(FlowControlError),
    ),
    case(
        "6.9.2",
        "a window that becomes negative",
        || [wait(1), settings(&[(4, 0)]), get(3), settings(&[(4, 65_535)])].concat(),
        Answer(3, 200),
    ),
    case(
        "6.10",
        "CONTINUATION of stream 0",
        || [headers(1, END_STREAM, b""), continuation(0, END_HEADERS, &literals(GET))].concat(),
        Goaway(ProtocolError),
    ),
    case(
        "6.10",
        "CONTINUATION behind END_HEADERS",
        || [block(1, &literals(GET)), continuation(1, END_HEADERS, b"")].concat(),
        Goaway(ProtocolError),
    ),
    case(
        "6.10",
        "CONTINUATION behind its END_HEADERS",
        || {
            [
                headers(1, END_STREAM, &literals(GET)),
                continuation(1, END_HEADERS, b""),
                continuation(1, END_HEADERS, b""),
            ]
            .concat()
        },
        Goaway(ProtocolError),
    ),
    case(
        "6.10",
        "CONTINUATION behind DATA",
        || [post(1), data(1, 0, b"x"), continuation(1, END_HEADERS, b"")].concat(),
        Goaway(ProtocolError),
    ),
    case(
        "6.10",
        "CONTINUATION without anything before",
        || continuation(1, END_HEADERS, &literals(GET)),
        Goaway(ProtocolError),
    ),
    case(
        "6.10",
        "CONTINUATION with END_STREAM, which it does not have",
        || [headers(1, END_STREAM, b""), continuation(1, END_HEADERS | 1, &literals(GET))].concat(),
        Answer(1, 200),
    ),
    case("7", "RST_STREAM with a code that nobody knows", || [wait(1), reset(1, 0xFFFF_FFFF)].concat(), GoesOn),
    after_an_answer("7", "GOAWAY with a code that nobody knows", || goaway(0, 0xABCD_EF01, b"why"), Must::End),
];

/// A request with so much padding, which says that there is another length of it.
fn padded(said: u8, padding: usize) -> Vec<u8> {
    headers(1, END_STREAM | END_HEADERS | PADDED, &[&[said], &literals(GET)[..], &vec![0; padding]].concat())
}
