mod changes;
mod hexadecimal;
mod part_number;
mod pieces;
mod surprise;
mod written;

use changes::changes;
use hexadecimal::is_hexadecimal;
use part_number::is_part_number;
use surprise::surprise;
use written::is_written;

/// Whether a name holds a fingerprint of the file's content, as bundlers write it, so that the name never stands for
/// other content: `app.3f2a9c1b.js`, `index-BX3f9a2c.css`.
///
/// It is strict, for a name that is taken for one by mistake is kept by browsers for a year: of the fingerprints that
/// a bundler draws a few are not recognised. The extension is none, and a short one follows a name: a whole name of
/// eight characters is a part number or a colour. What can be either by its form (`STM32F4X`) is a fingerprint where
/// only bundlers write such names, in scripts, styles and fonts, and none in images, which are named after what they
/// show.
pub(crate) fn is_fingerprinted(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let pieces: Vec<&str> = stem.split(['.', '-', '_']).collect();
    let kind = Kind::of(extension);
    let hexadecimal = |(index, piece): (usize, &&str)| {
        (index > 0 || piece.len() >= ALONE) && is_hexadecimal(piece, kind == Kind::Code) && !is_in_uuid(&pieces, index)
    };
    let base64 = |(index, part): (usize, &str)| ends_in_base64(part, index > 0, kind);
    pieces.iter().enumerate().any(hexadecimal) || stem.split('.').enumerate().any(base64)
}

/// How many hexadecimal digits are a name: fewer are a colour, an address of a network card or a part number.
const ALONE: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What bundlers write themselves.
    Code,
    /// What they copy under a new name. People have names of their own for these.
    Media,
    Other,
}

impl Kind {
    fn of(extension: &str) -> Self {
        match extension {
            "js" | "mjs" | "css" | "map" | "wasm" | "woff" | "woff2" => Self::Code,
            "png" | "jpg" | "jpeg" | "gif" | "svg" | "webp" | "avif" | "ico" => Self::Media,
            "ttf" | "otf" | "eot" | "mp3" | "mp4" | "webm" => Self::Media,
            _ => Self::Other,
        }
    }
}

/// Whether a piece stands beside four hexadecimal digits: a UUID names a thing, not what is in it.
fn is_in_uuid(pieces: &[&str], index: usize) -> bool {
    let four = |piece: &&&str| piece.len() == 4 && piece.bytes().all(|byte| byte.is_ascii_hexdigit());
    let before = index.checked_sub(1).and_then(|index| pieces.get(index));
    before.filter(four).or_else(|| pieces.get(index + 1).filter(four)).is_some()
}

/// Eight digits of base64url, or of base32 in capitals, after a hyphen or a dot, as from Vite, Rollup and esbuild. With a
/// hyphen or an underscore among them they follow a name and a hyphen: alone they are one (`app-view.js`).
fn ends_in_base64(part: &str, follows_dot: bool, kind: Kind) -> bool {
    let Some((before, last)) = part.len().checked_sub(8).and_then(|at| part.split_at_checked(at)) else { return false };
    let digits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (before.is_empty() && follows_dot && !last.contains(SIGNS) || before.ends_with('-'))
        && last.bytes().all(digits)
        && is_drawn(last, kind)
}

/// Whether these are no words, abbreviations, dates or part numbers. In images they have letters of both cases and are as
/// strange as most that are drawn: `part-GTX1080T.png` is the photo of a part.
fn is_drawn(text: &str, kind: Kind) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    let least = match kind {
        Kind::Code => 0,
        Kind::Media if has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) => STRANGE,
        Kind::Media | Kind::Other => return false,
    };
    !is_part_number(text) && least_surprise(text).is_some_and(|more| surprise(text) > more.max(least))
}

/// From where on it was drawn; `None` if it may be a word however it looks.
fn least_surprise(text: &str) -> Option<u32> {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    let (upper, lower, digit) = (has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase), has(u8::is_ascii_digit));
    match (upper, lower, digit) {
        _ if text.ends_with('-') => Some(238), // as no name does
        _ if is_written(text) => None,
        _ if text.contains(SIGNS) && text.split(SIGNS).all(is_of_one_case) => upper.then_some(STRANGE),
        (true, false, true) if changes(text) > 1 || text.as_bytes()[0].is_ascii_digit() => Some(210),
        (true, false, true) => Some(225),
        (true, false, false) => Some(242),
        (true, true, false) if text.contains(SIGNS) => Some(250),
        (true, true, _) if camel_parts(text).is_some_and(|parts| parts <= 2) => Some(285),
        (true, true, _) if camel_parts(text).is_some() => Some(CAMEL),
        (true, true, true) => Some(228),
        (true, true, false) => Some(240),
        (false, true, true) if changes(text) >= 4 => Some(276),
        (false, ..) => None,
    }
}

const SIGNS: [char; 2] = ['-', '_'];

/// For words with signs between them, and for images: as strange as most that are drawn.
const STRANGE: u32 = 300;

/// For three parts in eight letters.
const CAMEL: u32 = 258;

/// A word, an abbreviation or a number.
fn is_of_one_case(text: &str) -> bool {
    let rest = text.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or(text); // a small one begins so too
    let all = |kind: fn(&u8) -> bool| text.as_bytes().iter().all(kind);
    rest.bytes().all(|byte| byte.is_ascii_lowercase()) || all(u8::is_ascii_uppercase) || all(u8::is_ascii_digit)
}

/// Of how many parts camel case is: words of at least three letters, each but the first with a capital, and abbreviations
/// of at least two capitals before or after them (`homePage`, `HTMLView`, `ParseURL`). `None` if it is something else.
fn camel_parts(text: &str) -> Option<usize> {
    let mut rest = text.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let mut parts = match text.len() - rest.len() {
        0 => 0,
        1 | 2 => return None,
        _ => 1,
    };
    while !rest.is_empty() {
        let capitals = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_uppercase()).len();
        let after = &rest[capitals..];
        let small = after.len() - after.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
        parts += match (capitals, small) {
            (2.., 0) | (1, 2..) => 1,
            (3.., 2..) => 2, // the last capital is that of a word
            _ => return None,
        };
        rest = &after[small..];
    }
    Some(parts)
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
            "vite-QTkQOOP-.js",
            "styles-5INURTSO.css",
            "entry-TGKSVFLI.js",
            "logo-BX3f9a2c.svg",
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
            "HomePage.js",
            "UserList.css",
            "OpenSans.woff2",
            "app-20240101ab.js",
            "app-HomePage.js",
            "app-BulkLzma.js",
            "app-HkdfSkip.css",
            "lib-XHRUtils.js",
            "lib-parseURL.js",
            "chunk.UserList.css",
            "font-OpenSans.woff2",
            "app-25dec2026.js",
            "menu-face2face.css",
            "face2face2.css",
            "cafe2cafe3.jpg",
            "24dec26dec.html",
            "app-20240101a2b.js",
            "log-20240101a20240102b.js",
            "deed2024b2.pdf",
            "e2e4e7e5.html",
            "app-a1b2c3d4e5.js",
            "the-CHANGELOG.js",
            "the-DOWNLOAD.css",
            "lib-Vector2D.js",
            "my-Base64Js.js",
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

    #[test]
    fn names_with_digits_or_of_several_abbreviations_are_not() {
        for name in [
            "app-OAuth2UI.js",
            "lib-Web3Ajax.js",
            "app-A11yMenu.js",
            "x-IPv6Addr.js",
            "app-ES2015JS.js",
            "x-MD5Hash2.js",
            "app-SHA256JS.js",
            "x-RGB2HSVx.js",
            "x-3DViewer.js",
            "lib-jQuery3x.js",
            "font-Roboto2x.woff2",
            "photo-DJI0042X.jpg",
            "a-MVI0001B.mp4",
            "x-4K60FPS1.mp4",
            "app-jQueryUI.js",
            "font-SFProTxt.woff2",
            "x-UIKitJSX.js",
        ] {
            assert!(!is_fingerprinted(name), "{name}");
        }
    }

    /// Words, abbreviations and names as programmers and designers write them, two of them together too.
    #[test]
    fn no_ordinary_name_is_taken_for_a_fingerprint() {
        let words: Vec<&str> = include_str!("fingerprint/ordinary_names.txt").split_whitespace().collect();
        assert!(words.len() > 3000);
        let second = words.iter().cycle().skip(words.len() / 3);
        let mistakes: Vec<_> = words.iter().zip(second).flat_map(|(word, other)| mistakes(word, other)).collect();
        assert_eq!(mistakes, [""; 0]);
    }

    /// What has a digit in it, such as `w3c`, beside what has none, and beside what has one too.
    #[test]
    fn no_name_with_digits_is_taken_for_a_fingerprint() {
        let words: Vec<&str> = include_str!("fingerprint/names_with_digits.txt").split_whitespace().collect();
        assert!(words.len() > 500);
        let neighbours = ["app", "ui", "core", "view", "utils", "test", "parse", "min", "page", "button", "js", "2x"];
        let others = words.iter().cycle().skip(words.len() / 3);
        let pairs = words.iter().flat_map(|word| neighbours.iter().map(move |other| (word, other)));
        let mistakes: Vec<_> = pairs
            .chain(words.iter().zip(others))
            .flat_map(|(word, other)| [mistakes(word, other), mistakes(other, word)].concat())
            .collect();
        assert_eq!(mistakes, [""; 0]);
    }

    /// Those of a word, and of two, that are taken for fingerprints.
    fn mistakes(word: &str, other: &str) -> Vec<String> {
        let title = |word: &str| word[..1].to_uppercase() + &word[1..];
        let mut mistakes = Vec::new();
        let camel = title(word) + &title(other);
        for name in [word, &title(word), &camel, &(word.to_owned() + &title(other)), &word.to_uppercase()] {
            for shape in
                ["#.js", "app-#.css", "app.#.js", "a-#-b.woff2", "app-#.png", "app-#.min.js", "#-20240101ab.js"]
            {
                let name = shape.replace('#', name);
                mistakes.extend(is_fingerprinted(&name).then_some(name));
            }
        }
        mistakes
    }

    /// Part numbers, models, formulas, standards, number plates, postcodes and the like, by themselves and with others.
    #[test]
    fn no_part_number_is_taken_for_a_fingerprint() {
        let names: Vec<&str> = include_str!("fingerprint/part_numbers.txt").split_whitespace().collect();
        assert!(names.len() > 900);
        let shapes = [
            "#.svg",
            "#.pdf",
            "part-#.png",
            "the.#.jpg",
            "#-front.webp",
            "#_2.jpeg",
            "1-#-b.avif",
            "#.zip",
            "x-#.pdf",
            "x.#.min.svg",
            "#.js",
            "#.min.js",
            "#_driver.css",
            "#.wasm",
        ];
        let named = |name: &str| shapes.map(|shape| shape.replace('#', name));
        let mistakes: Vec<String> = names
            .into_iter()
            .flat_map(|name| [named(name), named(&name.to_lowercase())].concat())
            .filter(|name| is_fingerprinted(name))
            .collect();
        assert_eq!(mistakes, [""; 0]);
    }

    /// Where only bundlers write such names; in pictures people do, of what they show.
    #[test]
    fn what_a_bundler_could_have_drawn_counts_in_code_and_not_in_pictures() {
        for hash in ["STM32F4X", "LIS3DHTR", "GTX980Ti", "TGKSVFLI", "cd4051be"] {
            assert!(is_fingerprinted(&format!("chunk-{hash}.js")), "{hash}");
            assert!(!is_fingerprinted(&format!("part-{hash}.png")), "{hash}");
        }
    }

    #[test]
    fn identifiers_of_things_are_not() {
        for name in [
            "507f1f77bcf86cd799439011.jpg",
            "user-507f1f77bcf86cd799439011.jpg",
            "550e8400e29b41d4a716446655440000.png",
            "018f3b2c9d7e7a41b0c5d2e4f6a81357.webp",
            "0004f2a1b3c5.cfg",
            "3f2a9c1b.png",
        ] {
            assert!(!is_fingerprinted(name), "{name}");
        }
    }

    /// A draw that is the same in each run.
    fn draw(alphabet: &str, length: usize, seed: &mut u64) -> String {
        let mut digit = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(alphabet.as_bytes()[(*seed >> 33) as usize % alphabet.len()])
        };
        (0..length).map(|_| digit()).collect()
    }

    #[test]
    fn nineteen_in_twenty_of_the_fingerprints_of_each_bundler_are_found() {
        for (bundler, shape, alphabet, length) in [
            ("Vite, Rollup", "index-#.js", BASE64, 8),
            ("esbuild", "chunk-#.js", BASE32, 8),
            ("webpack", "main.#.js", HEXADECIMAL, 20),
            ("Parcel", "index.#.css", HEXADECIMAL, 8),
            ("Next", "main-app-#.js", HEXADECIMAL, 16),
            ("Rails", "application-#.css", HEXADECIMAL, 64),
            ("Django", "base.#.css", HEXADECIMAL, 12),
        ] {
            let found = found(shape, alphabet, length);
            assert!(found >= 9_500, "{bundler}: {found} of 10000");
        }
    }

    /// Fewer than of code where the hash is short: names of people win there.
    #[test]
    fn fingerprints_of_pictures_are_found() {
        for (bundler, shape, alphabet, length, least) in [
            ("webpack", "#.png", HEXADECIMAL, 20, 9_500),
            ("webpack with MD5", "#.png", HEXADECIMAL, 32, 9_500),
            ("Rails", "logo-#.png", HEXADECIMAL, 64, 9_500),
            ("Django", "logo.#.png", HEXADECIMAL, 12, 9_500),
            ("Parcel", "logo.#.png", HEXADECIMAL, 8, 7_500),
            ("Vite", "logo-#.svg", BASE64, 8, 6_000),
        ] {
            let found = found(shape, alphabet, length);
            assert!(found >= least, "{bundler}: {found} of 10000");
        }
    }

    const HEXADECIMAL: &str = "0123456789abcdef";
    const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// How many of 10,000 that are drawn.
    fn found(shape: &str, alphabet: &str, length: usize) -> usize {
        let mut seed = 1;
        (0..10_000).filter(|_| is_fingerprinted(&shape.replace('#', &draw(alphabet, length, &mut seed)))).count()
    }
}
