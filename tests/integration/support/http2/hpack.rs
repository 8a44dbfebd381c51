//! Header blocks (RFC 7541): literals to send, and a decoder of what a server sends.

use super::huffman;

/// A name and a value.
pub(crate) type Field = (String, String);

/// The fields as literals that no table remembers, without Huffman codes.
pub(crate) fn literals(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| literal(name.as_bytes(), value.as_bytes())).collect()
}

/// One such literal; the bytes may be any.
pub(crate) fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    [vec![0], string(name), string(value)].concat()
}

/// The field of this index (§6.1).
pub(crate) fn indexed(index: usize) -> Vec<u8> {
    integer(0x80, 7, index)
}

/// A string without a Huffman code (§5.2).
pub(crate) fn string(bytes: &[u8]) -> Vec<u8> {
    [integer(0, 7, bytes.len()), bytes.to_vec()].concat()
}

/// An integer with a prefix of so many bits, behind the bits of `first` (§5.1).
pub(crate) fn integer(first: u8, bits: u32, number: usize) -> Vec<u8> {
    let most = (1 << bits) - 1;
    if number < most {
        return vec![first | number as u8];
    }
    let mut encoded = vec![first | most as u8];
    let mut rest = number - most;
    while rest >= 0x80 {
        encoded.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    encoded.push(rest as u8);
    encoded
}

/// Decodes the blocks of one connection, which must be right.
pub(super) struct Decoder {
    /// The latest first.
    dynamic: Vec<Field>,
    /// The most that it may take, as a block has said.
    size: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { dynamic: Vec::new(), size: TABLE }
    }
}

impl Decoder {
    pub(super) fn decode(&mut self, block: &[u8]) -> Vec<Field> {
        let mut block = Block(block);
        let mut fields = Vec::new();
        while let Some(first) = block.0.first().copied() {
            match first {
                0x80.. => fields.push(self.field(block.integer(7))),
                0x40.. => {
                    let field = self.literal(&mut block, 6);
                    self.remember(field.clone());
                    fields.push(field);
                }
                0x20.. => {
                    self.size = block.integer(5);
                    self.evict();
                }
                _ => fields.push(self.literal(&mut block, 4)),
            }
        }
        fields
    }

    fn field(&self, index: usize) -> Field {
        match index.checked_sub(1).expect("an index above 0") {
            index if index < STATIC.len() => (STATIC[index].0.to_owned(), STATIC[index].1.to_owned()),
            index => self.dynamic.get(index - STATIC.len()).expect("an entry of the table").clone(),
        }
    }

    fn literal(&self, block: &mut Block<'_>, bits: u32) -> Field {
        let name = match block.integer(bits) {
            0 => block.string(),
            index => self.field(index).0,
        };
        (name, block.string())
    }

    fn remember(&mut self, field: Field) {
        self.dynamic.insert(0, field);
        self.evict();
    }

    /// Forgets the oldest entries until the rest fits.
    fn evict(&mut self) {
        let size = |(name, value): &Field| name.len() + value.len() + 32;
        while self.dynamic.iter().map(size).sum::<usize>() > self.size {
            self.dynamic.pop();
        }
    }
}

/// The size of the dynamic table that a server may use where nothing is said (RFC 9113 §6.5.2).
const TABLE: usize = 4096;

/// The rest of a block.
struct Block<'a>(&'a [u8]);

impl Block<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().expect("a block that is complete");
        self.0 = rest;
        *first
    }

    fn integer(&mut self, bits: u32) -> usize {
        let most = (1 << bits) - 1;
        let mut number = usize::from(self.byte()) & most;
        if number < most {
            return number;
        }
        for shift in (0..28).step_by(7) {
            let byte = self.byte();
            number += usize::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return number;
            }
        }
        panic!("an integer that is too long")
    }

    fn string(&mut self) -> String {
        let is_huffman = self.0.first().is_some_and(|first| *first >= 0x80);
        let length = self.integer(7);
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        let bytes = if is_huffman { huffman::decode(bytes) } else { bytes.to_vec() };
        bytes.into_iter().map(char::from).collect()
    }
}

/// Appendix A.
#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
    ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
    ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
];

#[test]
fn the_examples_of_rfc_7541_are_decoded() {
    let names = |fields: Vec<Field>| fields.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut decoder = Decoder::default();
    let first: Vec<String> =
        names(decoder.decode(b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"));
    assert_eq!(first, [":method=GET", ":scheme=http", ":path=/", ":authority=www.example.com"]); // C.4.1
    let second: Vec<String> = names(decoder.decode(b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf"));
    assert_eq!(second[3..], [":authority=www.example.com", "cache-control=no-cache"]); // C.4.2
    assert_eq!((integer(0, 5, 10), integer(0, 5, 1337)), (vec![10], vec![31, 154, 10])); // C.1.1, C.1.2
}
