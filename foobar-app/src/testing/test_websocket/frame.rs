use bytes::{Buf, BytesMut};

/// A frame of a server (RFC 6455 section 5.2).
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    pub(super) is_last: bool,
    pub(super) content: BytesMut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// The most bytes of a ping, a pong or a close.
pub(super) const LONGEST_CONTROL: usize = 125;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
/// Servers see through it; in a test nobody else looks.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

impl Opcode {
    fn of(byte: u8) -> Self {
        let known = [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong];
        let opcode = known.into_iter().find(|opcode| *opcode as u8 == byte);
        opcode.unwrap_or_else(|| panic!("the server sent a frame of unknown kind {byte} or with an extension"))
    }
}

impl Frame {
    /// Takes the next frame from `bytes`, once it is there whole.
    pub(super) fn take(bytes: &mut BytesMut) -> Option<Self> {
        let [first, second] = *bytes.first_chunk()?;
        assert_eq!(second & MASKED, 0, "the server masked a frame");
        let (length, header) = match second {
            126 => (u16::from_be_bytes(*bytes[2..].first_chunk()?).into(), 4),
            127 => (u64::from_be_bytes(*bytes[2..].first_chunk()?), 10),
            length => (length.into(), 2),
        };
        let length = usize::try_from(length).expect("it fits into memory");
        if bytes.len() - header < length {
            return None;
        }
        bytes.advance(header);
        let content = bytes.split_to(length);
        Some(Self { opcode: Opcode::of(first & !FINAL), is_last: first & FINAL != 0, content })
    }
}

/// The bytes of a client's frame, which is a whole message.
pub(super) fn masked(opcode: Opcode, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        length @ 0..126 => vec![MASKED | length as u8],
        length @ 126..0x1_0000 => [&[MASKED | 126][..], &(length as u16).to_be_bytes()].concat(),
        length => [&[MASKED | 127][..], &(length as u64).to_be_bytes()].concat(),
    };
    let content = content.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [FINAL | opcode as u8].into_iter().chain(length).chain(MASK).chain(content).collect()
}
