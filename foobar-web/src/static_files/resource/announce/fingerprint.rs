/// Whether a name holds a fingerprint of the file's content, as bundlers write it, so that the name never stands for
/// other content: `app.3f2a9c1b.js`, `index-BX3f9a2c.css`.
///
/// It is strict, for a name that is taken for one by mistake is kept by browsers for a year: of the fingerprints that
/// a bundler draws some are not recognised. The extension is none.
pub(crate) fn is_fingerprinted(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let pieces: Vec<&str> = stem.split(['.', '-', '_']).collect();
    let least = if is_of_a_bundler(extension) { 1 } else { 2 };
    let hexadecimal = |(index, piece): (usize, &&str)| is_hexadecimal(piece, least) && !is_in_uuid(&pieces, index);
    pieces.iter().enumerate().any(hexadecimal) || is_of_a_bundler(extension) && stem.split('.').any(ends_in_base64)
}

/// At least eight hexadecimal digits, as from webpack, Rails or Trunk, that change between letters and digits at least so
/// often: a word or a date does never, both in one (`facade01`, `20261120a`) once.
fn is_hexadecimal(piece: &str, least: usize) -> bool {
    let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    piece.len() >= 8 && piece.bytes().all(digits) && changes(piece) >= least
}

/// Whether a piece stands beside four hexadecimal digits: a UUID names a thing, not what is in it.
fn is_in_uuid(pieces: &[&str], index: usize) -> bool {
    let four = |piece: &&&str| piece.len() == 4 && piece.bytes().all(|byte| byte.is_ascii_hexdigit());
    let before = index.checked_sub(1).and_then(|index| pieces.get(index));
    before.filter(four).or_else(|| pieces.get(index + 1).filter(four)).is_some()
}

/// Eight digits of base64url after a hyphen or a dot, as from Vite, Rollup and esbuild, in the kinds of files that a
/// bundler writes: at least two capitals, as no word has, or all three kinds of characters.
fn ends_in_base64(part: &str) -> bool {
    let Some((before, last)) = part.len().checked_sub(8).and_then(|at| part.split_at_checked(at)) else { return false };
    let count = |kind: fn(&u8) -> bool| last.as_bytes().iter().filter(|byte| kind(byte)).count();
    let (capitals, small, digits) =
        (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase), count(u8::is_ascii_digit));
    (before.is_empty() || before.ends_with('-'))
        && last.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && (capitals >= 2 || capitals == 1 && small >= 1 && digits >= 1 && changes(last) >= 4)
}

/// What bundlers write under names with base64.
fn is_of_a_bundler(extension: &str) -> bool {
    ["js", "mjs", "css", "map", "wasm", "woff", "woff2"].contains(&extension)
}

/// How often one kind of character follows another.
fn changes(text: &str) -> usize {
    let kind = |byte: &u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase(), byte.is_ascii_lowercase());
    text.as_bytes().windows(2).filter(|pair| kind(&pair[0]) != kind(&pair[1])).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_bundlers_write_are_fingerprinted() {
        for name in [
            "app.3f2a9c1b.js",
            "app.3f2a9c1b.js.map",
            "main.3f2a9c1b4d5e6f708192.chunk.js",
            "3f2a9c1b4d5e6f708192.png",
            "base.5af66c1b1797.css",
            "app-9a0364b9e99bb480dd25e1f0284c8555.css",
            "site-3f2a9c1b4d5e6f70_bg.wasm",
            "index-BX3f9a2c.css",
            "index-D_x-3fA2.js",
            "vendor.BX3f9a2c.js",
            "parcel.575111dc.js",
            "parcel.7426ffda.css",
            "main-DiwrgTda.js",
            "vite-QTkQOOP-.js",
            "styles-5INURTSO.css",
            "entry-TGKSVFLI.js",
        ] {
            assert!(is_fingerprinted(name), "{name}");
        }
    }

    #[test]
    fn names_that_people_write_are_not() {
        for name in [
            "report-20261120.pdf",
            "report-20261120a.pdf",
            "build-a20261120.zip",
            "jquery-3.7.1.min.js",
            "bootstrap-5.3.3.bundle.min.js",
            "deadbeef.js",
            "house-facade01.jpg",
            "decade2024.html",
            "my-Chapter1.pdf",
            "my-MyPhotos.jpg",
            "my-LICENSES.txt",
            "my-Download.js",
            "app-main-123.js",
            "lib-20261120.js",
            "IMG_20261120_184502.jpg",
            "DSC00012345.jpg",
            "550e8400-e29b-41d4-a716-446655440000.pdf",
            "invoice-1b4e28ba-2fa1-11d2-883f-0016d3cca427.pdf",
            "Screenshot-2026-11-20.png",
            "index.html",
            "3f2a9c1b",
            "app.3f2a9c1b",
            "archive.3f2a9c1",
            "index-BX3f9a2.css",
            "é-3f9a2c.css",
            "",
        ] {
            assert!(!is_fingerprinted(name), "{name}");
        }
    }
}
