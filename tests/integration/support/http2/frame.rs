//! Frames (RFC 9113 §4.1, §6). Those who write may set what they like.

/// What a client begins with (§3.4), before its SETTINGS.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;
pub(crate) const PADDED: u8 = 0x8;
pub(crate) const PRIORITY: u8 = 0x20;

/// The length of a frame's header.
pub(super) const HEADER: usize = 9;

/// The types of frames; any other number is one of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Data,
    Headers,
    Priority,
    Reset,
    Settings,
    PushPromise,
    Ping,
    Goaway,
    WindowUpdate,
    Continuation,
}

const TYPES: [Type; 10] = [
    Type::Data,
    Type::Headers,
    Type::Priority,
    Type::Reset,
    Type::Settings,
    Type::PushPromise,
    Type::Ping,
    Type::Goaway,
    Type::WindowUpdate,
    Type::Continuation,
];

/// A frame that a server has sent.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: Type,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// Takes a frame from the front of these bytes, once it is complete.
    pub(super) fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let header = bytes.get(..HEADER)?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        if bytes.len() < HEADER + length {
            return None;
        }
        let kind = *TYPES.get(usize::from(header[3])).expect("a type of frame that RFC 9113 knows");
        let flags = header[4];
        let stream = u32::from_be_bytes(header[5..].try_into().expect("four bytes"));
        let payload = bytes[HEADER..HEADER + length].to_vec();
        bytes.drain(..HEADER + length);
        Some(Self { kind, flags, stream, payload })
    }

    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The number at this place of the payload.
    pub(crate) fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }
}

/// A frame of any type, known or not.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a payload that fits").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn of(kind: Type, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(kind as u8, flags, stream, payload)
}

pub(crate) fn data(stream: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    of(Type::Data, flags, stream, payload)
}

pub(crate) fn headers(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    of(Type::Headers, flags, stream, block)
}

pub(crate) fn continuation(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    of(Type::Continuation, flags, stream, block)
}

pub(crate) fn priority(stream: u32, depends_on: u32, weight: u8) -> Vec<u8> {
    of(Type::Priority, 0, stream, &[&depends_on.to_be_bytes()[..], &[weight]].concat())
}

pub(crate) fn reset(stream: u32, code: u32) -> Vec<u8> {
    of(Type::Reset, 0, stream, &code.to_be_bytes())
}

pub(crate) fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let pair = |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    of(Type::Settings, 0, 0, &values.iter().flat_map(pair).collect::<Vec<u8>>())
}

pub(crate) fn settings_ack() -> Vec<u8> {
    of(Type::Settings, ACK, 0, b"")
}

pub(crate) fn push_promise(stream: u32, promised: u32, block: &[u8]) -> Vec<u8> {
    of(Type::PushPromise, END_HEADERS, stream, &[&promised.to_be_bytes(), block].concat())
}

pub(crate) fn ping(flags: u8, payload: &[u8]) -> Vec<u8> {
    of(Type::Ping, flags, 0, payload)
}

pub(crate) fn goaway(last_stream: u32, code: u32, debug: &[u8]) -> Vec<u8> {
    of(Type::Goaway, 0, 0, &[&last_stream.to_be_bytes(), &code.to_be_bytes(), debug].concat())
}

pub(crate) fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    of(Type::WindowUpdate, 0, stream, &increment.to_be_bytes())
}
