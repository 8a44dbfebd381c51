//! RFC 7541: header blocks, right and wrong.

use Code::CompressionError;
use Must::{Answer, Goaway};

use super::super::case::{Case, GET, Must, block, case};
use crate::support::http2::{Code, indexed, integer, literals, settings, string};

/// A request by the static table: `:method: GET`, `:scheme: http`, `:path: /`, and `:authority` as a literal.
const INDEXED: &[u8] = b"\x82\x86\x84\x01\x09localhost";

pub(in super::super) const CASES: &[Case] = &[
    case("RFC 7541 2.3.3", "index 0", || with(&indexed(0)), Goaway(CompressionError)),
    case("RFC 7541 2.3.3", "an index beyond the static table", || with(&indexed(62)), Goaway(CompressionError)),
    case("RFC 7541 2.3.3", "an index far beyond both tables", || with(&indexed(100_000)), Goaway(CompressionError)),
    case(
        "RFC 7541 2.3.3",
        "a name of an index beyond both tables",
        || with(&[&integer(0, 4, 70)[..], &string(b"x")].concat()),
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 2.3.3",
        "a name of an index beyond both tables, to remember",
        || with(&[&integer(0x40, 6, 70)[..], &string(b"x")].concat()),
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 2.3.2",
        "a field that was remembered",
        || [with(&REMEMBERED.concat()), block(3, &[INDEXED, &indexed(62)].concat())].concat(),
        Answer(3, 200),
    ),
    case(
        "RFC 7541 2.3.2",
        "a field behind the only one that was remembered",
        || [with(&REMEMBERED.concat()), block(3, &[INDEXED, &indexed(63)].concat())].concat(),
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 2.3.2",
        "fields that were remembered in one block",
        || with(&[&REMEMBERED.concat()[..], &REMEMBERED.concat(), &indexed(62), &indexed(63)].concat()),
        Answer(1, 200),
    ),
    case(
        "RFC 7541 2.3.2",
        "a path that was remembered",
        || {
            let first = b"\x82\x86\x44\x01/\x01\x09localhost";
            [block(1, first), block(3, b"\x82\x86\xbe\x01\x09localhost")].concat()
        },
        Answer(3, 200),
    ),
    case(
        "RFC 7541 3.1",
        "a block that ends behind a name",
        || with(&[&[0][..], &string(b"x")].concat()),
        Goaway(CompressionError),
    ),
    case("RFC 7541 3.1", "a block that ends within an index", || with(&[0xFF]), Goaway(CompressionError)),
    case(
        "RFC 7541 4.1",
        "an entry larger than the table empties it",
        || {
            let large = [&[0x40][..], &string(b"x"), &string(&[b'y'; 4096])].concat();
            with(&[&REMEMBERED.concat()[..], &large, &indexed(62)].concat())
        },
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 4.4",
        "an entry larger than the table is one of the request",
        || with(&[&[0x40][..], &string(b"x"), &string(&[b'y'; 4096])].concat()),
        Answer(1, 200),
    ),
    case(
        "RFC 7541 4.4",
        "the oldest entries go first",
        || {
            let entries: Vec<u8> =
                (0..3).flat_map(|_| [&[0x40][..], &string(b"x"), &string(&[b'y'; 1900])].concat()).collect();
            with(&[&entries[..], &indexed(62), &indexed(63)].concat())
        },
        Answer(1, 200),
    ),
    case(
        "RFC 7541 4.4",
        "the entry that has gone",
        || {
            let entries: Vec<u8> =
                (0..3).flat_map(|_| [&[0x40][..], &string(b"x"), &string(&[b'y'; 1900])].concat()).collect();
            with(&[&entries[..], &indexed(64)].concat())
        },
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 4.2",
        "a size of the table at the start of a block",
        || block(1, &[&resize(100)[..], INDEXED].concat()),
        Answer(1, 200),
    ),
    case(
        "RFC 7541 4.2",
        "two sizes of the table at the start of a block",
        || block(1, &[&resize(0)[..], &resize(4096), INDEXED].concat()),
        Answer(1, 200),
    ),
    case(
        "RFC 7541 4.2",
        "a size of the table behind a field",
        || block(1, &[INDEXED, &resize(100)[..]].concat()),
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 4.2",
        "a size of the table between fields",
        || block(1, &[&INDEXED[..1], &resize(100)[..], &INDEXED[1..]].concat()),
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 4.3",
        "the size 0 empties the table",
        || [with(&REMEMBERED.concat()), block(3, &[&resize(0)[..], INDEXED, &indexed(62)].concat())].concat(),
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 4.3",
        "a smaller size forgets the oldest",
        || {
            let two = [REMEMBERED.concat(), REMEMBERED.concat()].concat();
            [
                with(&two),
                block(3, &[&resize(50)[..], INDEXED, &indexed(62)].concat()),
                block(5, &[INDEXED, &indexed(62)].concat()),
            ]
            .concat()
        },
        Answer(5, 200),
    ),
    case(
        "RFC 7541 6.3",
        "a size of the table beyond what is allowed",
        || block(1, &[&resize(4097)[..], INDEXED].concat()),
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 6.3",
        "a size of the table far beyond",
        || block(1, &[&resize(1 << 27)[..], INDEXED].concat()),
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 6.3",
        "the size of the server's table is not the client's to set",
        || [settings(&[(1, 1 << 20)]), block(1, &[&resize(1 << 20)[..], INDEXED].concat())].concat(),
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 5.1",
        "an index in more bytes than it needs",
        || block(1, &[INDEXED, b"\x0f\x80\x80\0\x01x"].concat()),
        Answer(1, 200),
    ),
    case(
        "RFC 7541 5.1",
        "an integer beyond 32 bits",
        || with(b"\xff\xff\xff\xff\xff\xff\x0f"),
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 5.1",
        "an integer of endless zeros",
        || with(&[&[0xFF][..], &[0x80; 100], &[0]].concat()),
        Goaway(CompressionError),
    ),
    case(
        "RFC 7541 5.1",
        "a length beyond 32 bits",
        || with(b"\0\x7f\xff\xff\xff\xff\xff\x7f"),
        Goaway(CompressionError),
    ),
    case("RFC 7541 5.2", "a string longer than its block", || with(b"\0\x01x\x0ashort"), Goaway(CompressionError)),
    case("RFC 7541 5.2", "Huffman codes", || with(b"\0\x01x\x86\xa8\xeb\x10\x64\x9c\xbf"), Answer(1, 200)),
    case(
        "RFC 7541 5.2",
        "padding of a whole byte",
        || with(b"\0\x01x\x87\xa8\xeb\x10\x64\x9c\xbf\xff"),
        Goaway(CompressionError),
    ),
    case("RFC 7541 5.2", "padding of more than seven bits", || with(b"\0\x01x\x82\x1f\xff"), Goaway(CompressionError)),
    case("RFC 7541 5.2", "padding of zeros", || with(b"\0\x01x\x81\x18"), Goaway(CompressionError)),
    case(
        "RFC 7541 5.2",
        "padding that is not the first bits of EOS",
        || with(b"\0\x01x\x81\x1e"),
        Goaway(CompressionError),
    ),
    case("RFC 7541 5.2", "EOS in a string", || with(b"\0\x01x\x84\xff\xff\xff\xff"), Goaway(CompressionError)),
    case("RFC 7541 5.2", "EOS behind a letter", || with(b"\0\x01x\x85\x1f\xff\xff\xff\xff"), Goaway(CompressionError)),
    case("RFC 7541 5.2", "an empty string in Huffman codes", || with(b"\0\x01x\x80"), Answer(1, 200)),
    case("RFC 7541 6.1", "fields of the static table", || block(1, INDEXED), Answer(1, 200)),
    case("RFC 7541 6.1", "a pseudo-header field of an answer", || with(&indexed(8)), Must::Malformed(1)),
    case("RFC 7541 6.2.2", "a literal without a table", || with(b"\x0f\x03\x01a"), Answer(1, 200)),
    case("RFC 7541 6.2.3", "a literal that must never be in a table", || with(b"\x1f\x08\x04abcd"), Answer(1, 200)),
    case("RFC 7541 6.2.3", "the same with a new name", || with(b"\x10\x01x\x04abcd"), Answer(1, 200)),
    case(
        "RFC 7541 C.3",
        "requests without Huffman codes",
        || {
            let first = b"\x82\x86\x84\x41\x0fwww.example.com";
            let second = b"\x82\x86\x84\xbe\x58\x08no-cache";
            let third = b"\x82\x86\x84\xbf\x40\x0acustom-key\x0ccustom-value";
            [block(1, first), block(3, second), block(5, third)].concat()
        },
        Answer(5, 200),
    ),
    case(
        "RFC 7541 C.4",
        "requests with Huffman codes",
        || {
            let first = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
            let second = b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf";
            let third =
                b"\x82\x86\x84\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf";
            [block(1, first), block(3, second), block(5, third)].concat()
        },
        Answer(5, 200),
    ),
    case("RFC 7541 7.1", "a request by literals alone", || block(1, &literals(GET)), Answer(1, 200)),
];

/// A literal that the table remembers.
const REMEMBERED: [&[u8]; 3] = [b"\x40", b"\x01x", b"\x01y"];

/// A request with this behind its fields.
fn with(more: &[u8]) -> Vec<u8> {
    block(1, &[INDEXED, more].concat())
}

/// §6.3.
fn resize(size: usize) -> Vec<u8> {
    integer(0x20, 5, size)
}
