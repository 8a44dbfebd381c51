/// A word of names whose values are secret.
pub(super) struct HiddenWord(Vec<u8>);

/// A name's letters and figures, in small letters, and which of them begin a part.
#[derive(Default)]
pub(super) struct Letters {
    letters: Vec<u8>,
    begins: Vec<bool>,
}

/// From this length on a word counts anywhere in a name (`accesstoken`, `tokenvalue`).
const LONG: usize = 5;
/// From this length on it counts where a part of a name begins or ends with it (`passcode`, `keyid`); half of all names begin
/// or end with shorter ones.
const SHORT: usize = 3;

/// What has a word in it by chance. All else is hidden: a name too many rather than a secret too few.
const ORDINARY: [(&str, &[&str]); 6] = [
    ("token", &["tokenize", "tokenized", "tokenizer", "tokenizing", "tokenization"]),
    ("secret", &["secretary", "secretaries", "secretariat"]),
    (
        "code",
        &["postcode", "zipcode", "barcode", "geocode", "unicode", "codec", "coder", "encode", "decode", "transcode"],
    ),
    (
        "key",
        &["keyboard", "keyword", "keynote", "keyframe", "monkey", "turkey", "donkey", "hockey", "jockey", "whiskey"],
    ),
    ("pin", &["ping", "pink", "pinned", "pint", "spin"]),
    ("auth", &["author", "authored", "authority", "authorities"]),
];

impl HiddenWord {
    /// A word, or several, however they are divided (`api-key`); `None` without letters and figures.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let letters = Letters::of(text.as_bytes()).letters;
        (!letters.is_empty()).then_some(Self(letters))
    }

    /// Whether a name has it (`api_key`, `PassWord`, `totp`), other than by chance (`postcode`).
    pub(super) fn is_in(&self, name: &Letters) -> bool {
        let mut windows = name.letters.windows(self.0.len()).enumerate();
        windows.any(|(at, letters)| letters == self.0 && self.counts_at(at, name))
    }

    fn counts_at(&self, at: usize, name: &Letters) -> bool {
        let end = at + self.0.len();
        let begins = name.begins_at(at);
        let ends = name.begins_at(end) || name.letters[end] == b's' && name.begins_at(end + 1);
        let counts = match self.0.len() {
            LONG.. => true,
            SHORT.. => begins || ends,
            _ => false,
        };
        begins && ends || counts && !self.is_by_chance_in(name.part_at(at))
    }

    fn is_by_chance_in(&self, part: &[u8]) -> bool {
        let singular = part.strip_suffix(b"s").unwrap_or(part);
        let ordinary = ORDINARY.iter().find(|(word, _)| word.as_bytes() == self.0);
        ordinary.is_some_and(|(_, parts)| parts.iter().any(|known| [part, singular].contains(&known.as_bytes())))
    }
}

impl Letters {
    /// Parts end at signs (`reset_token`, `user[pin]`), before capitals (`resetToken`, `APIKey`), before and after figures.
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

    /// Whether a part begins there, or the name has ended.
    fn begins_at(&self, at: usize) -> bool {
        self.begins.get(at).copied().unwrap_or(true) // behind the last
    }

    /// The part that a letter is in.
    fn part_at(&self, at: usize) -> &[u8] {
        let begin = (0..=at).rfind(|at| self.begins_at(*at)).unwrap_or(0);
        let end = (at + 1..).find(|at| self.begins_at(*at)).unwrap_or(self.letters.len());
        &self.letters[begin..end]
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
    fn a_name_that_is_written_without_signs_is_hidden_too() {
        for (word, names) in [
            ("token", "accesstoken tokenvalue mytokenid tokens tokenizer2token OTPtoken TOKENVALUE"),
            ("secret", "secretkey clientsecretvalue secrets"),
            ("password", "passwordhash newpasswordagain passwordless"),
            ("signature", "xsignaturev2"),
            ("apikey", "myapikeys apikeyid"),
            ("otp", "totp hotp otpcode OTPcode otps totps totp6 user[totp]"),
            ("code", "passcode authcode smscode mfacode pincode otpcode passcodes codehash codeverifier"),
            ("code", "country_code countrycode post_code postcode_code qrcode postCode décode"),
            ("key", "secretkey apikeys keyid APIkey monkeykey keyboard_key"),
            ("pin", "userpin pincode PINcode pins pin2"),
            ("auth", "oauth authcode auth"),
            ("keyboard", "keyboard keyboards keyboardid"),
            ("postcode", "postcode postcodes"),
            ("post", "postcode"),
            ("pw", "pw user_pw userPw pws"),
        ] {
            for name in names.split(' ') {
                assert!(is_hidden(word, name), "{word} in {name}");
            }
        }
    }

    #[test]
    fn an_ordinary_word_is_not() {
        for (word, names) in [
            ("token", "tokenize tokenized tokenizer tokenizers Tokenizer TOKENIZER my_tokenizer toke"),
            ("secret", "secretary secretaries secretariat"),
            ("code", "postcode postcodes zipcode barcode barcodes user[postcode] homePostcode postcode2 POSTCODE"),
            ("code", "encode encoded encoder encoding decode decoder unicode codec codecs coder geocode cod"),
            ("key", "keyboard keyboards keyword keywords search_keywords monkey turkey donkeys hockey"),
            ("otp", "footprint footprints hotplate"),
            ("pin", "spin pinned ping pink shopping opinion"),
            ("auth", "author authors author_id"),
            ("password", "pass passwort"),
            ("pw", "userpw pwned"),
            ("t", "text limit"),
        ] {
            for name in names.split(' ') {
                assert!(!is_hidden(word, name), "{word} in {name}");
            }
        }
        assert!(!is_hidden("token", ""));
        assert!(HiddenWord::parse("").is_none() && HiddenWord::parse("_-").is_none());
    }
}
