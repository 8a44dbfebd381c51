/// How improbable it is that a person wrote this, in sixths of a bit: the letters as they follow each other in words and
/// identifiers, and what it takes to begin a word, a number or a new case. Eight characters that were drawn have about 300,
/// eight that were written seldom 200.
pub(super) fn surprise(text: &str) -> u32 {
    let mut cost = 0;
    let mut before: Option<(Kind, usize)> = None;
    let mut run = 0;
    for byte in text.bytes() {
        let kind = Kind::of(byte);
        let last = before.map(|(kind, _)| kind);
        let letter = usize::from(byte.to_ascii_lowercase().wrapping_sub(b'a'));
        cost += match (kind, before) {
            (Kind::Sign, _) => SIGN,
            (Kind::Digit, Some((Kind::Digit, _))) => DIGIT,
            (Kind::Digit, None) => NUMBER + DIGIT - SIXTHS,
            (Kind::Digit, Some(_)) => NUMBER + DIGIT,
            (_, None) => 3 * nibble(FIRST[letter]),
            (Kind::Lower, Some((Kind::Lower, previous))) | (Kind::Upper, Some((Kind::Upper, previous))) => {
                4 * nibble(NEXT[previous][letter])
            }
            (Kind::Lower, Some((Kind::Upper, previous))) => {
                4 * nibble(NEXT[previous][letter]) + if run > 1 { END_OF_CAPITALS } else { 0 }
            }
            (_, Some(_)) => WORD + 3 * nibble(FIRST[letter]),
        };
        run = if last == Some(kind) { run + 1 } else { 1 };
        before = Some((kind, letter));
    }
    cost
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Upper,
    Lower,
    Digit,
    Sign,
}

impl Kind {
    const fn of(byte: u8) -> Self {
        match byte {
            b'A'..=b'Z' => Self::Upper,
            b'a'..=b'z' => Self::Lower,
            b'0'..=b'9' => Self::Digit,
            _ => Self::Sign,
        }
    }
}

const SIXTHS: u32 = 6;
const SIGN: u32 = 24;
const DIGIT: u32 = 20;
const NUMBER: u32 = 18;
const WORD: u32 = 15;
const END_OF_CAPITALS: u32 = 12;

fn nibble(digit: u8) -> u32 {
    char::from(digit).to_digit(16).expect("the tables hold hexadecimal digits")
}

/// How seldom a word begins with each letter, in halves of a bit.
const FIRST: &[u8; 26] = b"897899ba9fe99bb7f879acbfff";

/// How seldom each letter follows a letter, in two thirds of a bit.
#[rustfmt::skip] // one line each
const NEXT: [&[u8; 26]; 26] = [
    b"b667ba7d7fa475f7f56499bb9e", // a
    b"587959ef5ae49a59f6696efdae", // b
    b"4a8a5ad57f67ad4ad7858cceaf", // c
    b"689739aa3bc8aa6ad76a7aadaf", // d
    b"7a65889dafc775b8a446b9b7be", // e
    b"598855cf3ce6b95cf6777ede9f", // f
    b"6aa93b865ff7866af4796cceae", // g
    b"3ba93edd4eb98a4af6967cbf8d", // h
    b"7967787fefc77358f865f8faf8", // i
    b"4ab93bff6a9fbb38f96b4f9fbf", // j
    b"6ba82c994ec89889ea588bbfaf", // k
    b"5bb83abf4fc5be59fc778bde6f", // l
    b"47aa3bce4fb97b55eb797eefcf", // m
    b"6c65584b6d9ab97bdb5489dfbf", // n
    b"9977b98d9c966377f477687bcf", // o
    b"4b8a4ab76fb5bb57f4768bacaf", // p
    b"8ba88fff9ff6ba9af99a1fbfff", // q
    b"4b883a9e5f99895af8668acf8f", // r
    b"7c6b4bc65fa99a76bb646bbe8a", // s
    b"5c9b3bd63fe9ab6af5688fbe7f", // t
    b"7679788f7fd564a6f555deecfe", // u
    b"4c9a2acd4fff9c7afb9adffddd", // v
    b"4b885ac74ea89559f658dccccb", // w
    b"7c6949c95ffa7d84ff83aff68f", // x
    b"787a6c9c6fc66573f847bf9da8", // y
    b"4ffc1afa5fc9af6afc9babbf86", // z
];
