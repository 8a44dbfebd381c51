use foobar_core::Size;

/// Follows the frames of a WebSocket client (RFC 6455 section 5.2), however its bytes are cut into pieces.
///
/// actix-web compares the length of a frame to its limit only once it has the whole frame in memory; this one does so
/// as soon as the length is announced.
pub(super) struct Frames {
    largest: u64,
    header: [u8; LONGEST_HEADER],
    filled: usize,
    skip: u64,
    /// The kind and the length of the last frame that has begun.
    last: (u8, u64),
}

/// A frame that a client announced.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a WebSocket frame of {length} bytes is larger than `app.max_websocket_frame`, {largest} bytes")]
pub(super) struct TooLarge {
    length: u64,
    largest: u64,
}

impl Frames {
    /// Frames of which none is larger than `largest`.
    pub(super) const fn new(largest: Size) -> Self {
        Self { largest: largest.as_u64(), header: [0; LONGEST_HEADER], filled: 0, skip: 0, last: (0, 0) }
    }

    /// Takes the next piece of the client's bytes.
    pub(super) fn follow(&mut self, mut piece: &[u8]) -> Result<(), TooLarge> {
        while let Some((&byte, rest)) = piece.split_first() {
            if self.skip > 0 {
                piece = self.pass(piece);
            } else {
                self.take(byte)?;
                piece = rest;
            }
        }
        Ok(())
    }

    /// Whether the last frame has come whole.
    pub(super) const fn is_between(&self) -> bool {
        self.filled == 0 && self.skip == 0
    }

    /// The kind and the length of the last frame that has begun.
    pub(super) const fn last(&self) -> (u8, u64) {
        self.last
    }

    /// What is left of `piece` behind the frame's mask and payload.
    fn pass<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let passed = self.skip.min(piece.len() as u64);
        self.skip -= passed;
        &piece[passed as usize..]
    }

    fn take(&mut self, byte: u8) -> Result<(), TooLarge> {
        self.header[self.filled] = byte;
        self.filled += 1;
        let Some(length) = length(&self.header[..self.filled]) else { return Ok(()) };
        if length > self.largest {
            return Err(TooLarge { length, largest: self.largest });
        }
        let mask = if self.header[1] & MASKED == 0 { 0 } else { 4 };
        self.skip = length.saturating_add(mask);
        self.last = (self.header[0] & KIND, length);
        self.filled = 0;
        Ok(())
    }
}

/// Flags, a byte of length and the 64 bits that may replace it.
const LONGEST_HEADER: usize = 10;
const MASKED: u8 = 0x80;
const KIND: u8 = 0x0f;

/// The length of the payload, once the header is there up to its mask.
fn length(header: &[u8]) -> Option<u64> {
    match header.get(1)? & !MASKED {
        126 => Some(u16::from_be_bytes(*header[2..].first_chunk()?).into()),
        127 => Some(u64::from_be_bytes(*header[2..].first_chunk()?)),
        length => Some(length.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [0xff; 4];

    /// A masked binary frame; its payload and its mask look like headers of huge frames.
    fn frame(length: usize) -> Vec<u8> {
        let announced = match length {
            0..126 => vec![0x80 | length as u8],
            126..0x1_0000 => [&[0xfe][..], &(length as u16).to_be_bytes()].concat(),
            _ => [&[0xff][..], &(length as u64).to_be_bytes()].concat(),
        };
        [&[0x82][..], &announced, &MASK, &vec![0xff; length]].concat()
    }

    fn follow(largest: u64, input: &[u8], piece: usize) -> Result<(), TooLarge> {
        let mut frames = Frames::new(Size::bytes(largest));
        input.chunks(piece).try_for_each(|piece| frames.follow(piece))
    }

    #[test]
    fn frames_of_every_kind_of_length_are_followed_however_they_are_cut() {
        let lengths = [0, 1, 125, 126, 0xffff, 0x1_0000, 70_000, 0, 3];
        let input = lengths.map(frame).concat();
        for piece in [1, 2, 3, 5, 7, 13, 1000, 16 << 10, input.len()] {
            assert_eq!(follow(70_000, &input, piece), Ok(()), "{piece}");
        }
    }

    #[test]
    fn a_frame_is_refused_as_soon_as_its_length_is_there() {
        for length in [101, 126, 0xffff, 0x1_0000] {
            let whole = [frame(100), frame(length)].concat();
            let announced = whole.len() - length - MASK.len();
            for piece in [1, 2, 3, 5, whole.len()] {
                assert_eq!(follow(100, &whole[..announced - 1], piece), Ok(()), "{length} by {piece}");
                let refused = Err(TooLarge { length: length as u64, largest: 100 });
                assert_eq!(follow(100, &whole[..announced], piece), refused, "{length} by {piece}");
            }
        }
    }

    #[test]
    fn a_frame_without_a_mask_is_followed_too() {
        let input = [&[0x82, 2, 0xff, 0xff][..], &frame(3), &[0x82, 4]].concat();
        assert_eq!(follow(3, &input, 1), Err(TooLarge { length: 4, largest: 3 }));
    }

    #[test]
    fn the_largest_length_there_is_does_not_overflow() {
        let input = [&[0x82, 0xff][..], &[0xff; 100]].concat();
        assert_eq!(follow(u64::MAX, &input, 1), Ok(()));
        assert_eq!(follow(u64::MAX - 1, &input, 1), Err(TooLarge { length: u64::MAX, largest: u64::MAX - 1 }));
    }
}
