//! How large a picture says that it is: a small file may unfold to gigabytes in the browser of whoever looks at it.

use super::file_kind::FileKind;

/// Width times height; `None` where the content does not say it as its kind has to.
pub(super) fn pixels(kind: FileKind, content: &[u8]) -> Option<u64> {
    let (width, height) = match kind {
        FileKind::Png if content.get(12..16)? == b"IHDR" => (big(content, 16, 4)?, big(content, 20, 4)?),
        FileKind::Gif => of_gif(content)?,
        FileKind::WebP => of_webp(content)?,
        FileKind::Jpeg => of_jpeg(content)?,
        FileKind::Png | FileKind::Pdf => return None,
    };
    Some(width * height).filter(|pixels| *pixels > 0)
}

/// Its screen, or what its first picture makes of that: browsers enlarge it (GIF89a, sections 18 to 20).
fn of_gif(content: &[u8]) -> Option<(u64, u64)> {
    let (width, height, flags) = (little(content, 6, 2)?, little(content, 8, 2)?, *content.get(10)?);
    let colors = if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + colors;
    loop {
        match *content.get(at)? {
            b',' => {
                let end = |from, length| Some(little(content, at + from, 2)? + little(content, at + length, 2)?);
                return Some((width.max(end(1, 5)?), height.max(end(3, 7)?)));
            }
            b'!' => at = past_blocks(content, at + 2)?,
            _ => return None,
        }
    }
}

/// Behind blocks that each say how long they are, up to an empty one.
fn past_blocks(content: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match usize::from(*content.get(at)?) {
            0 => return Some(at + 1),
            length => at += 1 + length,
        }
    }
}

/// One of its three first chunks: lossy (RFC 6386 section 9.1), lossless (RFC 9649 section 3.4) or extended (section 2.7).
fn of_webp(content: &[u8]) -> Option<(u64, u64)> {
    match content.get(12..16)? {
        b"VP8 " => Some((little(content, 26, 2)? & 0x3fff, little(content, 28, 2)? & 0x3fff)),
        b"VP8L" => {
            let bits = little(content, 21, 4)?;
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        b"VP8X" => Some((little(content, 24, 3)? + 1, little(content, 27, 3)? + 1)),
        _ => None,
    }
}

/// By the header of its frame, which follows segments of any number (ITU T.81 section B.1).
fn of_jpeg(content: &[u8]) -> Option<(u64, u64)> {
    let mut at = 2;
    loop {
        match content.get(at..at + 2)? {
            [0xff, 0xff] => at += 1,                                      // a fill byte
            [0xff, 0xc4 | 0xc8 | 0xcc] => at += 2 + length(content, at)?, // tables, among the numbers of frames
            [0xff, 0xc0..=0xcf] => return Some((big(content, at + 7, 2)?, big(content, at + 5, 2)?)),
            [0xff, 0x01 | 0xd0..=0xd7] => at += 2, // has no length
            [0xff, 0xda | 0xd9] => return None,    // the picture itself, or its end
            [0xff, _] => at += 2 + length(content, at)?,
            _ => return None,
        }
    }
}

/// That of the segment whose marker is here; it counts itself.
fn length(content: &[u8], at: usize) -> Option<usize> {
    usize::try_from(big(content, at + 2, 2)?).ok().filter(|length| *length >= 2) // it is small
}

fn big(content: &[u8], at: usize, count: usize) -> Option<u64> {
    Some(content.get(at..at + count)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

fn little(content: &[u8], at: usize, count: usize) -> Option<u64> {
    Some(content.get(at..at + count)?.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &width.to_be_bytes()[..], &height.to_be_bytes()].concat()
    }

    #[test]
    fn each_kind_says_how_large_it_is() {
        let webp = |chunk: &[u8]| [b"RIFF\0\0\0\0WEBP", chunk].concat();
        for (content, expected) in [
            (png(640, 480), 640 * 480),
            (png(u32::MAX, u32::MAX), u64::from(u32::MAX) * u64::from(u32::MAX)),
            (b"GIF89a\x80\x02\xe0\x01\0\0\0,\0\0\0\0\x01\0\x01\0".to_vec(), 640 * 480),
            (b"GIF89a\x01\0\x01\0\x80\0\0rgbRGB!\xf9\x01x\0,\x7f\x02\xdf\x01\x01\0\x01\0".to_vec(), 640 * 480),
            (webp(b"VP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\xe0\x41"), 640 * 480),
            (webp(b"VP8L\0\0\0\0\x2f\x7f\xc2\x77\0"), 640 * 480),
            (webp(b"VP8X\0\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0"), 640 * 480),
            (b"\xff\xd8\xff\xe0\0\x04JF\xff\xff\xc4\0\x02\xff\xc2\0\x11\x08\x01\xe0\x02\x80".to_vec(), 640 * 480),
        ] {
            let kind = FileKind::of(&content).unwrap();
            assert_eq!(pixels(kind, &content), Some(expected), "{kind:?}");
            for cut in 0..content.len() {
                assert_eq!(pixels(kind, &content[..cut]), None, "{kind:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_says_no_size_has_none() {
        for content in [
            &b"\xff\xd8\xff\xe0\0\0"[..],
            b"\xff\xd8\xff\xe0\0\x01",
            b"\xff\xd8\xff\xda\0\x02\xff\xc0\0\x11\x08\x01\xe0\x02\x80",
            b"\xff\xd8\xff\xd9",
            b"\xff\xd8\xff\xe0\0\x04JFnothing",
            b"GIF89a\x01\0\x01\0\0\0\0;",
        ] {
            assert_eq!(pixels(FileKind::of(content).unwrap(), content), None, "{content:?}");
        }
        assert_eq!(pixels(FileKind::Png, &png(0, 480)), None);
    }
}
