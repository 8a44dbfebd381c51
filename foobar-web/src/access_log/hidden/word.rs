/// A word of names whose values are secret.
pub(super) struct HiddenWord(Vec<u8>);

/// A name's letters and figures, in small letters, and which of them begin a word.
#[derive(Default)]
pub(super) struct Letters {
    letters: Vec<u8>,
    begins: Vec<bool>,
}

/// From this length on a word counts at the end of another too (`accesstoken`): no other ends with it by chance, as
/// `postcode` and `monkey` do with shorter ones.
const LONG: usize = 5;

impl HiddenWord {
    /// A word, or several, however they are divided (`api-key`); `None` without letters and figures.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let letters = Letters::of(text.as_bytes()).letters;
        (!letters.is_empty()).then_some(Self(letters))
    }

    /// Whether it is one of a name's words, also in the plural, or some of them together (`api_key`, `PassWord`).
    pub(super) fn is_in(&self, name: &Letters) -> bool {
        let length = self.0.len();
        let is_here = |(at, letters): (usize, &[u8])| {
            let ends =
                name.begins_at(at + length) || name.letters[at + length] == b's' && name.begins_at(at + length + 1);
            letters == self.0 && ends && (length >= LONG || name.begins_at(at))
        };
        name.letters.windows(length).enumerate().any(is_here)
    }
}

impl Letters {
    /// Words end at signs (`reset_token`, `user[pin]`), before capitals (`resetToken`, `APIKey`), before and after figures.
    pub(super) fn of(name: &[u8]) -> Self {
        let mut this = Self::default();
        let mut before = Kind::Sign;
        for (at, byte) in name.iter().enumerate() {
            let kind = Kind::of(*byte);
            let is_small_next = name.get(at + 1).is_some_and(|next| Kind::of(*next) == Kind::Small);
            let begins = match (before, kind) {
                (Kind::Capital, Kind::Capital) => is_small_next, // the K of `APIKey`
                (Kind::Capital, Kind::Small) => false,
                (before, kind) => before != kind,
            };
            if kind != Kind::Sign {
                this.letters.push(byte.to_ascii_lowercase());
                this.begins.push(begins);
            }
            before = kind;
        }
        this
    }

    /// Whether a word begins there, or the name has ended.
    fn begins_at(&self, at: usize) -> bool {
        self.begins.get(at).copied().unwrap_or(true) // behind the last
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Small,
    Capital,
    Figure,
    Sign,
}

impl Kind {
    const fn of(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' | 0x80.. => Self::Small, // letters of other alphabets divide nothing
            b'A'..=b'Z' => Self::Capital,
            b'0'..=b'9' => Self::Figure,
            _ => Self::Sign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_hidden(word: &str, name: &str) -> bool {
        HiddenWord::parse(word).expect("it has letters").is_in(&Letters::of(name.as_bytes()))
    }

    #[test]
    fn a_word_of_a_name_is_found_however_the_name_is_written() {
        for (word, name) in [
            ("token", "token"),
            ("token", "reset_token"),
            ("token", "resetToken"),
            ("token", "RESET-TOKEN"),
            ("token", "X-Amz-Security-Token"),
            ("token", "tokens[]"),
            ("token", "token2"),
            ("token", "accesstoken"),
            ("password", "user[PassWord]"),
            ("password", "newpassword1"),
            ("code", "code"),
            ("code", "otp-code"),
            ("code", "OTPCode"),
            ("code", "CodeHash"),
            ("code", "a.code.b"),
            ("code", "codes"),
            ("otp", "otp"),
            ("key", "api_key"),
            ("_key", "apiKey"),
            ("api-key", "apikey"),
            ("apikey", "API_KEY"),
            ("user[pin]", "user[pin]"),
            ("größe", "größe"),
        ] {
            assert!(is_hidden(word, name), "{word} in {name}");
        }
    }

    #[test]
    fn a_part_of_a_word_is_not() {
        for (word, name) in [
            ("code", "postcode"),
            ("code", "barcode"),
            ("code", "postCodex"),
            ("code", "encoded"),
            ("token", "tokenizer"),
            ("token", "tokenizers"),
            ("token", "toke"),
            ("key", "monkey"),
            ("key", "keyboard"),
            ("otp", "footprint"),
            ("code", "décode"),
            ("password", "passwordless"),
            ("token", ""),
        ] {
            assert!(!is_hidden(word, name), "{word} in {name}");
        }
        assert!(HiddenWord::parse("").is_none() && HiddenWord::parse("_-").is_none());
    }
}
