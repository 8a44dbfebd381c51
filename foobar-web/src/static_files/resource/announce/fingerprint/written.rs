use super::pieces::PIECES;

/// Whether it is made of what people write: with a word of at least four letters, or of words and abbreviations with
/// numbers and signs between them (`SHA256JS`, `3DViewer`) and few letters more.
pub(super) fn is_written(text: &str) -> bool {
    let text = without_single(text);
    let count = |kind: fn(&u8) -> bool| text.bytes().filter(kind).count();
    let more = match longest_piece(text) {
        4.. => return true,
        3 if count(u8::is_ascii_digit) > 2 => 2,
        3 => 1,
        _ => usize::from(count(u8::is_ascii_lowercase) > 0), // two capitals are soon known
    };
    strange_letters(text) <= more
}

/// Without a letter or digit that a sign divides from the rest: `a` in `a-Menu`.
fn without_single(text: &str) -> &str {
    match text.as_bytes() {
        [.., b'-' | b'_', _] => &text[..text.len() - 2],
        [_, b'-' | b'_', ..] => &text[2..],
        _ => text,
    }
}

fn longest_piece(text: &str) -> usize {
    let pieces = (0..text.len()).flat_map(|start| (start + 2..=text.len()).map(move |end| &text[start..end]));
    pieces.filter(|piece| is_known(piece)).map(str::len).max().unwrap_or(0) // none is known
}

/// How many letters are left over, at the least, of the pieces that it can be divided into.
fn strange_letters(text: &str) -> usize {
    let mut least = vec![0];
    for end in 1..=text.len() {
        let divided = least.iter().enumerate().map(|(start, before)| before + strange(&text[start..end]));
        least.push(divided.min().unwrap_or(0)); // the first is there
    }
    least[text.len()]
}

fn strange(piece: &str) -> usize {
    match piece.as_bytes() {
        [one] => usize::from(one.is_ascii_alphabetic()),
        [b's' | b'S' | b'e' | b'E', b'0', b'0'..=b'9'] => 0, // S01E02
        _ if is_known(piece) => 0,
        _ => piece.len(),
    }
}

/// Whether it is a piece in small letters, in capitals or with a capital at its beginning.
fn is_known(piece: &str) -> bool {
    let has = |text: &str, kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    let is_of_one_case = !has(&piece[1..], u8::is_ascii_uppercase) || !has(piece, u8::is_ascii_lowercase);
    is_of_one_case && PIECES.binary_search(&piece.to_ascii_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_are_sorted_and_no_longer_than_what_is_divided() {
        assert!(PIECES.is_sorted_by(|one, next| one < next));
        assert!(PIECES.iter().all(|piece| (2..=8).contains(&piece.len())));
    }

    #[test]
    fn words_and_abbreviations_with_numbers_between_them_are_written() {
        for text in ["OAuth2UI", "RGB2HSVx", "SHA256JS", "ES2015JS", "jQuery3x", "SFProTxt", "foo-Menu"] {
            assert!(is_written(text), "{text}");
        }
        for text in ["BX3f9a2c", "D_x-3fA2", "5INURTSO", "QTkQOOP-", "XJ3KQ5WZ"] {
            assert!(!is_written(text), "{text}");
        }
    }
}
