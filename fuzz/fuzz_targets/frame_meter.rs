//! The meter of HTTP/2 frames: it sees the same however the bytes are cut, and what a reader of whole frames counts.
#![no_main]

use foobar_web::fuzzing::{FrameMeter, PREFACE};
use libfuzzer_sys::fuzz_target;

// The first byte says in which pieces the rest is read.
fuzz_target!(|input: &[u8]| {
    let [size, frames @ ..] = input else { return };
    let all = [PREFACE, frames].concat();
    let whole = read(all.chunks(all.len()));
    assert_eq!(read(all.chunks(usize::from(*size).max(1))), whole);
    assert_eq!(read(all.chunks(1)), whole);
    assert_eq!(whole.0, control_frames(frames));
});

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (u32, bool) {
    let mut meter = FrameMeter::new();
    let counted = pieces.map(|piece| meter.read(piece)).sum();
    (counted, meter.is_in_head())
}

/// What is counted of frames whose headers have come whole (RFC 9113 §6). The first is the client's settings, or the
/// connection ends.
fn control_frames(mut bytes: &[u8]) -> u32 {
    let (mut count, mut is_first) = (0, true);
    while let Some((header, rest)) = bytes.split_at_checked(9) {
        let length = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        count += match header[3] {
            _ if is_first => 0,
            0 => u32::from(length == 0),
            2 | 3 | 6 | 8 => 1,
            4 => u32::from(header[4] & 1 == 0),
            _ => 0,
        };
        is_first = false;
        bytes = rest.get(length..).unwrap_or_default(); // its end has not come
    }
    count
}
