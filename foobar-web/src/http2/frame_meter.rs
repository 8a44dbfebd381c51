use super::PREFACE;

/// Follows the frames of a client (RFC 9113 §4.1) in the bytes that are read, to see what their library does not tell:
/// whether a head is under way, and how many frames came that ask for work and carry nothing.
pub(super) struct FrameMeter {
    at: At,
    /// The frame whose payload is being read, or was read last.
    frame: Frame,
    /// A header block has begun, and frames of it are still to come.
    in_block: bool,
    settings: Settings,
    control: u32,
}

/// Where in the stream it is.
enum At {
    /// This much of the preface has come.
    Preface(usize),
    /// This much of a frame's header has come.
    Header(usize, [u8; HEADER]),
    /// This much of a frame's payload is still to come.
    Payload(usize),
}

/// The settings that every client begins with (RFC 9113 §3.4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Settings {
    Expected,
    Received,
    /// Another frame came first.
    Missing,
}

/// What matters of a frame's header.
#[derive(Clone, Copy, Default)]
struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
}

/// The bytes of a frame's header.
const HEADER: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

impl FrameMeter {
    pub(super) const fn new() -> Self {
        let frame = Frame { length: 0, kind: DATA, flags: 0 };
        Self { at: At::Preface(0), frame, in_block: false, settings: Settings::Expected, control: 0 }
    }

    /// Follows these bytes, which come next.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.step(bytes);
            bytes = &bytes[taken..];
        }
    }

    /// How many control frames have come since this was asked last.
    pub(super) const fn take_control_frames(&mut self) -> u32 {
        std::mem::replace(&mut self.control, 0)
    }

    /// Whether the preface or a header block has begun and not ended.
    pub(super) const fn is_in_head(&self) -> bool {
        match self.at {
            At::Preface(_) => true,
            At::Payload(_) => self.in_block || self.frame.is_of_block(),
            At::Header(..) => self.in_block,
        }
    }

    /// Whether another frame came before the settings that a client has to begin with.
    pub(super) fn lacks_settings(&self) -> bool {
        self.settings == Settings::Missing
    }

    /// Takes the beginning of `bytes`; gives how much.
    fn step(&mut self, bytes: &[u8]) -> usize {
        match &mut self.at {
            At::Preface(read) => {
                let taken = bytes.len().min(PREFACE.len() - *read); // whoever reads it compares it
                *read += taken;
                if *read == PREFACE.len() {
                    self.at = At::Header(0, [0; HEADER]);
                }
                taken
            }
            At::Header(read, header) => {
                let taken = bytes.len().min(HEADER - *read);
                header[*read..*read + taken].copy_from_slice(&bytes[..taken]);
                *read += taken;
                if *read == HEADER {
                    let frame = Frame::of(header);
                    self.begin(frame);
                }
                taken
            }
            At::Payload(left) => {
                let taken = bytes.len().min(*left);
                *left -= taken;
                if *left == 0 {
                    self.end();
                }
                taken
            }
        }
    }

    fn begin(&mut self, frame: Frame) {
        self.frame = frame;
        if self.settings == Settings::Expected {
            let begins = frame.kind == SETTINGS && frame.flags & ACK == 0;
            self.settings = if begins { Settings::Received } else { Settings::Missing };
        } else if frame.is_control() {
            self.control = self.control.saturating_add(1);
        }
        match frame.length {
            0 => self.end(),
            length => self.at = At::Payload(length),
        }
    }

    fn end(&mut self) {
        if self.frame.is_of_block() {
            self.in_block = self.frame.flags & END_HEADERS == 0;
        }
        self.at = At::Header(0, [0; HEADER]);
    }
}

impl Frame {
    fn of(header: &[u8; HEADER]) -> Self {
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        Self { length, kind: header[3], flags: header[4] }
    }

    const fn is_of_block(self) -> bool {
        matches!(self.kind, HEADERS | CONTINUATION)
    }

    /// Whether it asks for work and carries nothing of a request.
    const fn is_control(self) -> bool {
        match self.kind {
            DATA => self.length == 0,
            SETTINGS => self.flags & ACK == 0, // the server has sent its own once
            PRIORITY | RST_STREAM | PING | WINDOW_UPDATE => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        frame.extend_from_slice(payload);
        frame
    }

    fn read(pieces: &[&[u8]]) -> (u32, bool) {
        let mut meter = FrameMeter::new();
        meter.read(PREFACE);
        meter.read(&frame(SETTINGS, 0, &[]));
        pieces.iter().for_each(|piece| meter.read(piece));
        (meter.take_control_frames(), meter.is_in_head())
    }

    #[test]
    fn frames_that_carry_nothing_are_counted_and_others_not() {
        for (kind, flags, payload, count) in [
            (DATA, 0, &[][..], 1),
            (DATA, 0, b"x", 0),
            (HEADERS, END_HEADERS, b"x", 0),
            (PRIORITY, 0, b"12345", 1),
            (RST_STREAM, 0, b"1234", 1),
            (SETTINGS, 0, &[], 1),
            (SETTINGS, ACK, &[], 0),
            (PING, 0, b"12345678", 1),
            (PING, ACK, b"12345678", 1),
            (WINDOW_UPDATE, 0, b"1234", 1),
            (CONTINUATION, END_HEADERS, &[], 0),
            (77, 0, b"unknown", 0),
        ] {
            assert_eq!(read(&[&frame(kind, flags, payload)]), (count, false), "{kind} {flags}");
        }
    }

    #[test]
    fn a_client_begins_with_its_settings() {
        for (kind, flags, lacks) in [(SETTINGS, 0, false), (SETTINGS, ACK, true), (PING, 0, true), (77, 0, true)] {
            let mut meter = FrameMeter::new();
            meter.read(&[PREFACE, &frame(kind, flags, &[])].concat());
            assert_eq!(meter.lacks_settings(), lacks, "{kind} {flags}");
        }
    }

    #[test]
    fn a_head_is_under_way_from_its_first_frame_to_its_last_byte() {
        let (begun, more, last) =
            (frame(HEADERS, 0, b"abc"), frame(CONTINUATION, 0, b""), frame(CONTINUATION, END_HEADERS, b"de"));
        assert!(FrameMeter::new().is_in_head(), "the preface");
        assert!(!read(&[]).1);
        assert!(!read(&[&begun[..8]]).1, "whose header it is is not known");
        assert!(read(&[&begun[..9]]).1);
        assert!(read(&[&begun]).1);
        assert!(read(&[&begun, &more]).1);
        assert!(read(&[&begun, &more, &last[..10]]).1);
        assert!(!read(&[&begun, &more, &last]).1);
    }

    #[test]
    fn the_same_is_seen_however_the_bytes_are_cut() {
        let all =
            [frame(HEADERS, 0, b"abc"), frame(CONTINUATION, END_HEADERS, b"d"), frame(PING, 0, b"12345678")].concat();
        for size in 1..=all.len() {
            assert_eq!(read(&all.chunks(size).collect::<Vec<_>>()), (1, false), "{size}");
        }
    }
}
