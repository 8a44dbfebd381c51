//! RFC 9113 §3 and §4: the preface, frames, their size, header blocks.

use Code::{CompressionError, FrameSizeError, ProtocolError};
use Must::{Answer, Either, End, Goaway, GoesOn, Reset};

use super::super::case::{Case, GET, Must, POST, bare, block, case, get, post, preface, request};
use crate::support::http2::{
    Code, END_HEADERS, END_STREAM, PREFACE, continuation, data, frame, headers, literals, ping, priority, reset,
    settings, settings_ack, window_update,
};

pub(in super::super) const CASES: &[Case] = &[
    bare("3.4", "a request right behind the preface", || [preface(), get(1)].concat(), Answer(1, 200)),
    bare(
        "3.4",
        "a preface that is another",
        || [b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", &settings(&[])[..]].concat(),
        End,
    ),
    bare("3.4", "a preface that ends early", || [&PREFACE[..16], &settings(&[])].concat(), End),
    bare(
        "3.4",
        "a preface with a NUL in it",
        || [b"PRI * HTTP/2.0\r\n\r\n\0M\r\n\r\n", &settings(&[])[..]].concat(),
        End,
    ),
    bare("3.4", "a version that does not exist", || b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n".to_vec(), End),
    bare("3.4", "PING before SETTINGS", || [PREFACE, &ping(0, &[0; 8])].concat(), Goaway(ProtocolError)),
    bare("3.4", "HEADERS before SETTINGS", || [PREFACE, &get(1)].concat(), Goaway(ProtocolError)),
    bare("3.4", "WINDOW_UPDATE before SETTINGS", || [PREFACE, &window_update(0, 1)].concat(), Goaway(ProtocolError)),
    bare(
        "3.4",
        "an unknown frame before SETTINGS",
        || [PREFACE, &frame(99, 0, 0, b"")].concat(),
        Goaway(ProtocolError),
    ),
    bare("3.4", "an acknowledgement before SETTINGS", || [PREFACE, &settings_ack()].concat(), Goaway(ProtocolError)),
    bare("3.4", "SETTINGS of stream 1 first", || [PREFACE, &frame(4, 0, 1, b"")].concat(), Goaway(ProtocolError)),
    case("3.4", "a preface within the connection", || PREFACE.to_vec(), Goaway(FrameSizeError)),
    case("4.1", "a frame of an unknown type", || frame(0xFF, 0, 0, b"unknown"), GoesOn),
    case("4.1", "one with all flags on an idle stream", || frame(0xFF, 0xFF, 77, b"unknown"), GoesOn),
    case(
        "4.1",
        "one of an open stream",
        || [post(1), frame(0x20, 0, 1, b"?"), data(1, END_STREAM, b"")].concat(),
        Answer(1, 200),
    ),
    case("4.1", "one without content", || frame(0xB, 0, 0, b""), GoesOn),
    case("4.1", "flags that PING does not have", || frame(6, 0xFE, 0, &[0; 8]), GoesOn),
    case("4.1", "flags that SETTINGS does not have", || frame(4, 0xFE, 0, b""), GoesOn),
    case("4.1", "flags that WINDOW_UPDATE does not have", || frame(8, 0xFF, 0, &[0, 0, 0, 1]), GoesOn),
    case("4.1", "flags that RST_STREAM does not have", || [post(1), frame(3, 0xFF, 1, &[0, 0, 0, 8])].concat(), GoesOn),
    case(
        "4.1",
        "flags that HEADERS does not have",
        || headers(1, END_STREAM | END_HEADERS | 0xD2, &literals(GET)),
        Answer(1, 200),
    ),
    case(
        "4.1",
        "flags that DATA does not have",
        || [post(1), data(1, END_STREAM | 0xF6, b"x")].concat(),
        Answer(1, 200),
    ),
    case("4.1", "the reserved bit of the stream", || get(1 << 31 | 1), Answer(1, 200)),
    case("4.1", "the reserved bit of stream 0", || frame(6, 0, 1 << 31, &[0; 8]), GoesOn),
    case(
        "4.2",
        "DATA as long as is allowed",
        || [post(1), data(1, END_STREAM, &[b'x'; 16_384])].concat(),
        Answer(1, 200),
    ),
    case(
        "4.2",
        "DATA longer than is allowed",
        || [post(1), data(1, END_STREAM, &[b'x'; 16_385])].concat(),
        Either(
            &[Goaway(FrameSizeError), Reset(1, FrameSizeError)],
            "§5.4.1: an error of a stream may be treated as one of the connection",
        ),
    ),
    case("4.2", "HEADERS longer than is allowed", || block(1, &long(16_385)), Goaway(FrameSizeError)),
    case(
        "4.2",
        "CONTINUATION longer than is allowed",
        || [headers(1, END_STREAM, b""), continuation(1, END_HEADERS, &long(16_385))].concat(),
        Goaway(FrameSizeError),
    ),
    case("4.2", "SETTINGS longer than is allowed", || settings(&[(99, 0); 2731]), Goaway(FrameSizeError)),
    case("4.2", "an unknown frame longer than is allowed", || frame(99, 0, 0, &[0; 16_385]), Goaway(FrameSizeError)),
    case("4.2", "the longest frame, announced only", || b"\xff\xff\xff\0\0\0\0\0\x01".to_vec(), Goaway(FrameSizeError)),
    case("4.2", "a PING of 7 bytes", || ping(0, &[0; 7]), Goaway(FrameSizeError)),
    case("4.2", "a PING of 9 bytes", || ping(0, &[0; 9]), Goaway(FrameSizeError)),
    case(
        "4.3",
        "a block of two frames",
        || [headers(1, END_STREAM, &block_at(0)), continuation(1, END_HEADERS, &block_at(1))].concat(),
        Answer(1, 200),
    ),
    case("4.3", "a block of six frames", six_frames, Answer(1, 200)),
    case(
        "4.3",
        "a block with an empty frame",
        || {
            [headers(1, END_STREAM, b""), continuation(1, 0, b""), continuation(1, END_HEADERS, &literals(GET))]
                .concat()
        },
        Answer(1, 200),
    ),
    case("4.3", "a block that is cut", || block(1, &literals(GET)[..30]), Goaway(CompressionError)),
    case("4.3", "a block of rubbish", || block(1, &[0xFF; 20]), Goaway(CompressionError)),
    case("4.3", "PRIORITY within a block", || within_a_block(&priority(3, 0, 0)), Goaway(ProtocolError)),
    case(
        "4.3",
        "PRIORITY of the same stream within a block",
        || within_a_block(&priority(1, 0, 0)),
        Goaway(ProtocolError),
    ),
    case("4.3", "HEADERS of another stream within a block", || within_a_block(&get(3)), Goaway(ProtocolError)),
    case("4.3", "HEADERS of the same stream within a block", || within_a_block(&get(1)), Goaway(ProtocolError)),
    case("4.3", "DATA within a block", || within_a_block(&data(1, 0, b"x")), Goaway(ProtocolError)),
    case("4.3", "PING within a block", || within_a_block(&ping(0, &[0; 8])), Goaway(ProtocolError)),
    case("4.3", "SETTINGS within a block", || within_a_block(&settings(&[])), Goaway(ProtocolError)),
    case("4.3", "WINDOW_UPDATE within a block", || within_a_block(&window_update(0, 1)), Goaway(ProtocolError)),
    case("4.3", "RST_STREAM within a block", || within_a_block(&reset(1, 8)), Goaway(ProtocolError)),
    case(
        "4.3",
        "CONTINUATION of another stream within a block",
        || within_a_block(&continuation(3, 0, b"")),
        Goaway(ProtocolError),
    ),
    case("4.3", "an unknown frame within a block", || within_a_block(&frame(99, 0, 1, b"")), Goaway(ProtocolError)),
    case(
        "4.3",
        "the table goes by a block of trailers too",
        || {
            let trailer = [&[0x40][..], &literals(&[("x-trailer", "1")])[1..]].concat();
            let indexed = [&literals(GET)[..], &[0xBE]].concat();
            [
                headers(1, END_HEADERS, &literals(POST)),
                headers(1, END_STREAM | END_HEADERS, &trailer),
                block(3, &indexed),
            ]
            .concat()
        },
        Answer(3, 200),
    ),
    case(
        "4.3",
        "the table goes by the block of a stream that was reset",
        || {
            let remembered = [literals(GET), vec![0x40, 1, b'x', 1, b'y']].concat();
            [block(1, &remembered), reset(1, 8), block(3, &[&literals(GET)[..], &[0xBE]].concat())].concat()
        },
        Answer(3, 200),
    ),
    case("4.3", "a request after the others", || [get(1), request(3, GET)].concat(), Answer(3, 200)),
];

/// A block of this many bytes.
fn long(length: usize) -> Vec<u8> {
    let start = literals(GET);
    let filling = literals(&[("x", &"x".repeat(length - start.len() - 6))]);
    [start, filling].concat()
}

/// One half of a request's block; it is cut within a field.
fn block_at(half: usize) -> Vec<u8> {
    let block = literals(GET);
    let (first, second) = block.split_at(21);
    [first, second][half].to_vec()
}

fn six_frames() -> Vec<u8> {
    let block = literals(GET);
    let pieces: Vec<&[u8]> = block.chunks(block.len().div_ceil(6)).collect();
    let between = pieces[1..5].iter().flat_map(|piece| continuation(1, 0, piece));
    [headers(1, END_STREAM, pieces[0]), between.collect(), continuation(1, END_HEADERS, pieces[5])].concat()
}

/// A frame between HEADERS and the CONTINUATION that it needs.
fn within_a_block(frame: &[u8]) -> Vec<u8> {
    [&headers(1, END_STREAM, &block_at(0)), frame, &continuation(1, END_HEADERS, &block_at(1))].concat()
}
