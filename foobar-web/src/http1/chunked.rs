use bytes::BytesMut;

use super::head::{TOKEN, VALUE, is};
use crate::limits::HeadLimits;

/// Takes the chunks of a request's content apart (RFC 9112 §7.1), and drops its extensions and trailers.
///
/// As strict as the reader of heads, for the same reason: bare line feeds, white space around a size and malformed
/// extensions end the connection.
pub(crate) struct Chunked {
    next: Next,
    size: u64,
    /// The bytes of extensions and trailers.
    overhead: usize,
    trailers: usize,
    limits: HeadLimits,
}

/// The content is not made of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadChunk;

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Size { digits: u8 },
    ExtensionName { empty: bool },
    ExtensionValue { empty: bool },
    Quoted,
    QuotedPair,
    AfterQuoted,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Nothing,
}

impl Chunked {
    /// Extensions and trailers together may take as many bytes as the header fields, and there may be as many trailers as
    /// there may be header fields.
    pub(crate) const fn new(limits: HeadLimits) -> Self {
        Self { next: Next::Size { digits: 0 }, size: 0, overhead: 0, trailers: 0, limits }
    }

    /// Whether the last chunk and its trailers have been read.
    pub(crate) fn is_done(&self) -> bool {
        self.next == Next::Nothing
    }

    /// Reads on: puts what is data into `data`, and gives the number of bytes read, which is all unless the end of the
    /// content is among them.
    pub(crate) fn read(&mut self, bytes: &[u8], data: &mut BytesMut) -> Result<usize, BadChunk> {
        let mut at = 0;
        while at < bytes.len() && !self.is_done() {
            if self.next == Next::Data {
                let rest = &bytes[at..];
                let length = usize::try_from(self.size).map_or(rest.len(), |size| size.min(rest.len()));
                data.extend_from_slice(&rest[..length]);
                at += length;
                self.size -= length as u64;
                self.next = if self.size == 0 { Next::DataCr } else { Next::Data };
            } else {
                self.next = self.step(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// Holds extensions and trailers to their limits.
    fn count(&mut self, byte: u8) -> Result<(), BadChunk> {
        use Next::*;
        match self.next {
            ExtensionName { .. } | ExtensionValue { .. } | Quoted | QuotedPair | TrailerName | TrailerValue => {
                self.overhead += 1;
            }
            Trailer if byte != b'\r' => self.trailers += 1,
            _ => {}
        }
        let within = self.overhead <= self.limits.bytes && self.trailers <= self.limits.fields;
        if within { Ok(()) } else { Err(BadChunk) }
    }

    fn step(&mut self, byte: u8) -> Result<Next, BadChunk> {
        use Next::*;
        self.count(byte)?;
        Ok(match (self.next, byte) {
            (Size { digits: digits @ 0..16 }, byte) if byte.is_ascii_hexdigit() => {
                self.size = (self.size << 4) | char::from(byte).to_digit(16).map_or(0, u64::from);
                Size { digits: digits + 1 }
            }
            (Size { digits: 1.. }, b'\r') => SizeLf,
            (Size { digits: 1.. }, b';') => ExtensionName { empty: true },
            (ExtensionName { .. }, byte) if is(byte, TOKEN) => ExtensionName { empty: false },
            (ExtensionName { empty: false }, b'=') => ExtensionValue { empty: true },
            (ExtensionValue { empty: true }, b'"') => Quoted,
            (ExtensionValue { .. }, byte) if is(byte, TOKEN) => ExtensionValue { empty: false },
            (Quoted, b'"') => AfterQuoted,
            (Quoted, b'\\') => QuotedPair,
            (Quoted | QuotedPair, byte) if is(byte, VALUE) => Quoted,
            (ExtensionName { empty: false } | ExtensionValue { empty: false } | AfterQuoted, b';') => {
                ExtensionName { empty: true }
            }
            (ExtensionName { empty: false } | ExtensionValue { empty: false } | AfterQuoted, b'\r') => SizeLf,
            (SizeLf, b'\n') => {
                if self.size == 0 {
                    Trailer
                } else {
                    Data
                }
            }
            (DataCr, b'\r') => DataLf,
            (DataLf, b'\n') => Size { digits: 0 },
            (Trailer, b'\r') => EndLf,
            (Trailer | TrailerName, byte) if is(byte, TOKEN) => TrailerName,
            (TrailerName, b':') => TrailerValue,
            (TrailerValue, b'\r') => TrailerLf,
            (TrailerValue, byte) if is(byte, VALUE) => TrailerValue,
            (TrailerLf, b'\n') => Trailer,
            (EndLf, b'\n') => Nothing,
            _ => return Err(BadChunk),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { line: 0, fields: 2, bytes: 64 };

    /// How many bytes belong to the content; `None` if it is refused, or has not ended.
    fn read(bytes: &[u8]) -> Option<usize> {
        read_data(bytes).map(|(length, _)| length)
    }

    /// The same, and the data in it.
    fn read_data(bytes: &[u8]) -> Option<(usize, BytesMut)> {
        let (mut whole, mut data) = (Chunked::new(LIMITS), BytesMut::new());
        let at_once = whole.read(bytes, &mut data).ok().filter(|_| whole.is_done());
        let (mut piecewise, mut pieces) = (Chunked::new(LIMITS), BytesMut::new());
        let mut read = |byte: &u8| piecewise.read(&[*byte], &mut pieces).ok();
        let one_by_one = bytes.iter().try_fold(0, |sum, byte| Some(sum + read(byte)?));
        assert_eq!(at_once, one_by_one.filter(|_| piecewise.is_done()), "{bytes:?}");
        assert!(at_once.is_none() || data == pieces, "{bytes:?}");
        Some((at_once?, data))
    }

    #[test]
    fn the_data_of_all_chunks_is_put_together() {
        let content = b"5;a=b\r\nhello\r\n7\r\n, world\r\n0\r\nX: y\r\n\r\nGET";
        assert_eq!(read_data(content).unwrap().1, "hello, world");
    }

    #[test]
    fn chunks_end_with_an_empty_one_and_its_trailers() {
        assert_eq!(read(b"5\r\nhello\r\n0\r\n\r\nGET"), Some(15));
        assert_eq!(read(b"A\r\n0123456789\r\n00\r\n\r\n"), Some(21));
        assert_eq!(read(b"5;a=b;c;d=\"e\\\"f\"\r\nhello\r\n0\r\n\r\n"), Some(30));
        assert_eq!(read(b"0\r\nContent-Length: 50\r\nX:\r\n\r\n"), Some(29));
        assert_eq!(read(b"0000000000000005\r\nhello\r\n0\r\n\r\n"), Some(30));
    }

    #[test]
    fn trailers_are_limited_in_number() {
        assert_eq!(read(b"0\r\nA: b\r\nA: b\r\n\r\n"), Some(17));
        assert_eq!(read(b"0\r\nA: b\r\nA: b\r\nA: b\r\n\r\n"), None);
    }

    #[test]
    fn a_size_is_up_to_16_hexadecimal_digits_and_nothing_else() {
        for size in ["0x5", "+5", "-1", " 5", "5 ", "5\t", "1_0", "", "g", "FFFFFFFFFFFFFFFF0", "00000000000000000005"]
        {
            assert_eq!(read(format!("{size}\r\nhello\r\n0\r\n\r\n").as_bytes()), None, "{size:?}");
        }
    }

    #[test]
    fn a_malformed_or_large_extension_is_refused() {
        for size in ["5;", "5;bad[=1", "5;\0e", "5;a\rb", "5;\nhello", "5\r\r;AB", "5;a=", "5;a=\"b"] {
            assert_eq!(read(format!("{size}\r\nhello\r\n0\r\n\r\n").as_bytes()), None, "{size:?}");
        }
        assert_eq!(read(format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(65)).as_bytes()), None);
    }

    #[test]
    fn a_chunk_ends_in_crlf() {
        for chunks in [
            "5\r\nhello\n0\r\n\r\n",
            "5\r\nhello\r0\r\n\r\n",
            "5\r\nhelloXX0\r\n\r\n",
            "5\r\nhello0\r\n\r\n",
            "5\nhello\r\n0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\n",
        ] {
            assert_eq!(read(chunks.as_bytes()), None, "{chunks:?}");
        }
    }
}
