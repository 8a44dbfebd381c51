//! RFC 9113 §5: the states of streams, their numbers, how many there may be.

use Code::{FlowControlError, ProtocolError, RefusedStream, StreamClosed};
use Must::{Answer, Either, Goaway, GoesOn, Reset};

use super::super::case::{Case, GET, Must, after_an_answer, case, get, post, post_with, wait};
use crate::support::http2::{
    Code, END_HEADERS, END_STREAM, PRIORITY, continuation, data, headers, literals, priority, reset, window_update,
};

const SERIOUS: &str = "§5.4.1: an error of a stream may be treated as one of the connection";
const FORGOTTEN: &str = "§5.1: who no longer knows a closed stream takes its frames for those of an idle one";

pub(in super::super) const CASES: &[Case] = &[
    case("5.1", "DATA on an idle stream", || data(1, END_STREAM, b"x"), Goaway(ProtocolError)),
    case("5.1", "RST_STREAM on an idle stream", || reset(1, 8), Goaway(ProtocolError)),
    case("5.1", "WINDOW_UPDATE on an idle stream", || window_update(1, 100), Goaway(ProtocolError)),
    case(
        "5.1",
        "CONTINUATION on an idle stream",
        || continuation(1, END_HEADERS, &literals(GET)),
        Goaway(ProtocolError),
    ),
    case("5.1", "PRIORITY on an idle stream", || priority(1, 0, 255), GoesOn),
    case(
        "5.1",
        "PRIORITY on an idle stream, and a request on it",
        || [priority(1, 0, 255), get(1)].concat(),
        Answer(1, 200),
    ),
    case(
        "5.1",
        "DATA on a half-closed stream",
        || [wait(1), data(1, END_STREAM, b"x")].concat(),
        Either(&[Reset(1, StreamClosed), Goaway(StreamClosed)], SERIOUS),
    ),
    case(
        "5.1",
        "HEADERS on a half-closed stream",
        || [wait(1), get(1)].concat(),
        Either(&[Reset(1, StreamClosed), Goaway(StreamClosed)], SERIOUS),
    ),
    case(
        "5.1",
        "CONTINUATION on a half-closed stream",
        || [wait(1), continuation(1, END_HEADERS, &literals(GET))].concat(),
        Goaway(ProtocolError),
    ),
    case("5.1", "WINDOW_UPDATE on a half-closed stream", || [wait(1), window_update(1, 100)].concat(), GoesOn),
    case("5.1", "PRIORITY on a half-closed stream", || [wait(1), priority(1, 0, 1)].concat(), GoesOn),
    case("5.1", "RST_STREAM on a half-closed stream", || [wait(1), reset(1, 8)].concat(), GoesOn),
    case(
        "5.1",
        "DATA on a stream that the client has reset",
        || [post(1), reset(1, 8), data(1, 0, b"x")].concat(),
        Either(&[Reset(1, StreamClosed), Goaway(StreamClosed)], SERIOUS),
    ),
    case(
        "5.1",
        "HEADERS on a stream that the client has reset",
        || [post(1), reset(1, 8), get(1)].concat(),
        Either(&[Reset(1, StreamClosed), Goaway(StreamClosed)], SERIOUS),
    ),
    case(
        "5.1",
        "CONTINUATION on a stream that the client has reset",
        || [post(1), reset(1, 8), continuation(1, END_HEADERS, &literals(GET))].concat(),
        Goaway(ProtocolError),
    ),
    case(
        "5.1",
        "PRIORITY on a stream that the client has reset",
        || [post(1), reset(1, 8), priority(1, 0, 1)].concat(),
        GoesOn,
    ),
    case(
        "5.1",
        "WINDOW_UPDATE on a stream that the client has reset",
        || [post(1), reset(1, 8), window_update(1, 9)].concat(),
        GoesOn,
    ),
    case("5.1", "RST_STREAM twice", || [post(1), reset(1, 8), reset(1, 8)].concat(), GoesOn),
    after_an_answer(
        "5.1",
        "DATA on a closed stream",
        || data(1, END_STREAM, b"x"),
        Either(&[Goaway(StreamClosed), Reset(1, StreamClosed)], SERIOUS),
    ),
    after_an_answer(
        "5.1",
        "HEADERS on a closed stream",
        || get(1),
        Either(&[Goaway(StreamClosed), Goaway(ProtocolError)], FORGOTTEN),
    ),
    after_an_answer(
        "5.1",
        "CONTINUATION on a closed stream",
        || continuation(1, END_HEADERS, &literals(GET)),
        Goaway(ProtocolError),
    ),
    after_an_answer("5.1", "PRIORITY on a closed stream", || priority(1, 0, 1), GoesOn),
    after_an_answer("5.1", "WINDOW_UPDATE on a closed stream", || window_update(1, 1), GoesOn),
    after_an_answer("5.1", "RST_STREAM on a closed stream", || reset(1, 8), GoesOn),
    case(
        "5.1",
        "frames on a stream that the server has reset",
        || [malformed(1), data(1, 0, b"on its way"), window_update(1, 1)].concat(),
        Reset(1, ProtocolError),
    ),
    case(
        "5.1",
        "trailers on a stream that the server has reset",
        || [malformed(1), headers(1, END_STREAM | END_HEADERS, &literals(&[("x", "y")]))].concat(),
        Reset(1, ProtocolError),
    ),
    case("5.1.1", "HEADERS of an even stream", || get(2), Goaway(ProtocolError)),
    case("5.1.1", "DATA of an even stream", || data(2, 0, b"x"), Goaway(ProtocolError)),
    case("5.1.1", "WINDOW_UPDATE of an even stream", || window_update(2, 1), Goaway(ProtocolError)),
    case("5.1.1", "RST_STREAM of an even stream", || reset(2, 8), Goaway(ProtocolError)),
    case(
        "5.1.1",
        "a number below an earlier one",
        || [get(5), get(3)].concat(),
        Either(&[Goaway(ProtocolError), Goaway(StreamClosed)], "§5.1.1 names the first; stream 3 is closed, too"),
    ),
    case(
        "5.1.1",
        "DATA on a number that was passed over",
        || [get(5), data(3, 0, b"x")].concat(),
        Either(&[Goaway(StreamClosed), Reset(3, StreamClosed), Goaway(ProtocolError)], SERIOUS),
    ),
    case("5.1.1", "WINDOW_UPDATE on a number that was passed over", || [get(5), window_update(3, 1)].concat(), GoesOn),
    case("5.1.1", "numbers that are passed over", || [get(1), get(99), get(1001)].concat(), Answer(1001, 200)),
    case(
        "5.1.1",
        "numbers of 1 to 9 in one write",
        || [get(1), get(3), get(5), get(7), get(9)].concat(),
        Answer(9, 200),
    ),
    case(
        "5.1.2",
        "as many streams as there may be",
        || {
            (0..128)
                .flat_map(|n| post(1 + 2 * n))
                .chain((0..128).flat_map(|n| data(1 + 2 * n, END_STREAM, b"")))
                .collect()
        },
        Answer(255, 200),
    ),
    case(
        "5.1.2",
        "one stream more than there may be",
        || (0..129).flat_map(|n| wait(1 + 2 * n)).chain((0..2).flat_map(|n| reset(1 + 2 * n, 8))).collect(),
        Reset(257, RefusedStream),
    ),
    case(
        "5.1.2",
        "a stream in the place of one that was reset",
        || (0..128).flat_map(|n| wait(1 + 2 * n)).chain([reset(1, 8), reset(3, 8), get(301)].concat()).collect(),
        Answer(301, 200),
    ),
    case(
        "5.3.2",
        "HEADERS that depend on their own stream",
        || headers(1, END_STREAM | END_HEADERS | PRIORITY, &[&[0, 0, 0, 1, 255], &literals(GET)[..]].concat()),
        Either(&[Answer(1, 200), Reset(1, ProtocolError), Goaway(ProtocolError)], DEPRECATED),
    ),
    case(
        "5.3.2",
        "PRIORITY that depends on its own stream",
        || priority(1, 1, 0),
        Either(&[GoesOn, Reset(1, ProtocolError), Goaway(ProtocolError)], DEPRECATED),
    ),
    case(
        "5.3.2",
        "HEADERS with an exclusive dependency",
        || headers(3, END_STREAM | END_HEADERS | PRIORITY, &[&[0x80, 0, 0, 1, 0], &literals(GET)[..]].concat()),
        Answer(3, 200),
    ),
    case("5.3.2", "PRIORITY in a circle", || [priority(1, 3, 0), priority(3, 1, 0), get(1)].concat(), Answer(1, 200)),
    case(
        "5.4.1",
        "an error of the connection ends requests",
        || [wait(1), window_update(0, 0)].concat(),
        Goaway(ProtocolError),
    ),
    case("5.4.2", "an error of a stream leaves others", || [malformed(1), get(3)].concat(), Answer(3, 200)),
    case("5.4.2", "an error of a stream is told", || malformed(1), Reset(1, ProtocolError)),
    case(
        "5.4.2",
        "the server does not reset what was reset",
        || [wait(1), reset(1, 8), window_update(1, u32::MAX >> 1)].concat(),
        GoesOn,
    ),
    case(
        "5.4.2",
        "an overflow on a stream leaves others",
        || [wait(1), window_update(1, u32::MAX >> 1), window_update(1, 1)].concat(),
        Reset(1, FlowControlError),
    ),
];

const DEPRECATED: &str = "RFC 9113 leaves the priorities of RFC 7540 out: §5.3.1 there made it an error of the stream";

/// HEADERS of a request that is malformed.
fn malformed(stream: u32) -> Vec<u8> {
    post_with(stream, &[("connection", "close")])
}
