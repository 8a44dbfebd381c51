use super::changes::changes;

/// At least eight hexadecimal digits, as from webpack, Parcel, Next, Rails or Django, that change between letters and
/// digits: a word does never, a date or a word with a number once (`facade01`, `20261120a`) or around a word
/// (`25dec2026`, `face2face2`). In a short one there is nothing that people write, in a long one little.
pub(super) fn is_hexadecimal(piece: &str, is_code: bool) -> bool {
    let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if piece.len() < 8 || !piece.bytes().all(digits) {
        return false;
    }
    let is_mixed = match changes(piece) {
        0 => false,
        1 => is_code && piece.len() == 8,
        _ => true,
    };
    let most = if piece.len() <= 10 { 0 } else { piece.len() / 4 };
    is_mixed
        && written(piece) <= most
        && !is_counted_up(piece)
        && !is_of_moves(piece)
        && !is_spelled(piece)
        && !is_colour(piece)
        && (is_code || !is_of_a_thing(piece))
}

/// Words with figures for letters (`c0ffee00`, `badc0de5`).
fn is_spelled(piece: &str) -> bool {
    const WORDS: &[&str] = &["a55e", "b00b", "c0de", "c0ff", "d00d", "d15e", "f00b", "f00d"];
    piece.len() <= 10 && WORDS.iter().any(|word| piece.contains(word))
}

/// `ff8800cc`: doubled digits of red, green, blue and opacity, one of them perhaps another.
fn is_colour(piece: &str) -> bool {
    piece.len() == 8 && piece.as_bytes().chunks(2).filter(|pair| pair[0] == pair[1]).count() >= 3
}

/// What scripts and styles are not named after, and pictures and documents are: an opaque colour (`1e90ffff`), a part
/// number (`cd4051be`, `cc2530f256`), a document of a database (MongoDB's ObjectId), a UUID without hyphens.
fn is_of_a_thing(piece: &str) -> bool {
    let is_uuid = || matches!(&piece.as_bytes()[12..17], [b'4' | b'7', .., b'8' | b'9' | b'a' | b'b']);
    match piece.len() {
        8 => piece.ends_with("ff") || is_part_number(piece),
        9 | 10 => is_part_number(piece),
        24 => true,
        32 => is_uuid(),
        _ => false,
    }
}

/// At most four letters, a number of three to six figures, at most three letters, and perhaps a number.
fn is_part_number(piece: &str) -> bool {
    let divide = |text: &str, is_letters: bool| {
        let end = text.find(|c: char| c.is_ascii_alphabetic() != is_letters);
        let (one, rest) = text.split_at(end.unwrap_or(text.len())); // it goes on to the end
        (one.len(), rest.to_owned())
    };
    let (before, rest) = divide(piece, true);
    let (number, rest) = divide(&rest, false);
    let (after, rest) = divide(&rest, true);
    let is_number = rest.bytes().all(|byte| byte.is_ascii_digit());
    (1..=4).contains(&before) && (3..=6).contains(&number) && (1..=3).contains(&after) && is_number
}

/// Of how many characters its words and dates are.
fn written(piece: &str) -> usize {
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let words = piece.split(|c| !is_letter(c)).filter(|letters| is_word(letters));
    let counts = piece.split(is_letter).filter(|number| is_count(number));
    words.chain(counts).map(str::len).sum()
}

fn is_word(letters: &str) -> bool {
    const SHORT: &[&str] = &[
        "abc", "ace", "add", "ade", "bad", "bed", "bee", "cab", "cad", "dab", "dad", "deb", "dec", "def", "ebb", "fab",
        "fad", "feb", "fed", "fee",
    ];
    const LONG: &[&str] = &[
        "abcd", "aced", "babe", "bade", "bead", "beef", "cade", "cafe", "cede", "code", "dace", "dead", "deaf", "deed",
        "deca", "face", "fade", "feed",
    ];
    SHORT.contains(&letters) || LONG.iter().any(|long| letters.contains(long))
}

/// A year, a date that begins or ends with one, or a number that was filled with zeros or counted up.
fn is_count(number: &str) -> bool {
    let is_year = |text: &str| text.starts_with("19") || text.starts_with("20");
    let is_date = match number.len() {
        4 | 6 | 8 => is_year(number) || is_year(&number[number.len() - 4..]),
        10 | 12 | 14 => is_year(number), // with a time
        _ => false,
    };
    is_date || number.len() >= 4 && (number.starts_with("00") || number.starts_with("123"))
}

/// `a1b2c3d4`, `1a2b3c4d`: what people write where they mean any hash.
fn is_counted_up(piece: &str) -> bool {
    let letters = piece.bytes().filter(u8::is_ascii_alphabetic);
    let digits = piece.bytes().filter(u8::is_ascii_digit);
    let counts = |bytes: Vec<u8>| bytes.len() > 3 && bytes.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    piece.len() <= 12 && counts(letters.collect()) && counts(digits.collect())
}

/// `e2e4e7e5`: squares of a board, of at most two of its columns.
fn is_of_moves(piece: &str) -> bool {
    let mut columns: Vec<u8> = piece.bytes().step_by(2).collect();
    let is_square = |square: &[u8]| matches!(square, [b'a'..=b'f', b'1'..=b'8']);
    columns.sort_unstable();
    columns.dedup();
    piece.len() <= 12 && columns.len() <= 2 && piece.as_bytes().chunks(2).all(is_square)
}
