use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use http::{HeaderName, HeaderValue};

/// Names one request in the response (`X-Request-Id`), in error pages and in the log.
///
/// Unique, not secret: 32 hexadecimal digits of the server's own, or what a trusted proxy has named the request. A
/// client's word is never taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId {
    length: u8,
    bytes: [u8; Self::LONGEST],
}

impl RequestId {
    /// The field of a response that holds it; whoever sends the response writes it.
    pub const FIELD: HeaderName = HeaderName::from_static("x-request-id");
    /// The most characters of an id that somebody has [given](Self::given).
    pub const LONGEST: usize = 64;

    /// A new one.
    pub fn generate() -> Self {
        let (seed, count) = STREAM.get();
        STREAM.set((seed, count.wrapping_add(1)));
        let number = (u128::from(seed) << 64) | u128::from(mix(seed ^ mix(count)));
        let mut bytes = [0; Self::LONGEST];
        for (pair, byte) in bytes.chunks_exact_mut(2).zip(number.to_be_bytes()) {
            pair.copy_from_slice(&PAIRS[usize::from(byte)]);
        }
        Self { length: 32, bytes }
    }

    /// The one that somebody else has given: up to [`LONGEST`](Self::LONGEST) letters, digits and `-_.:+/=@`. `None`
    /// where it is something else, which might mean more in a page or a log.
    pub fn given(text: &[u8]) -> Option<Self> {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=@".contains(byte);
        let mut bytes = [0; Self::LONGEST];
        bytes.get_mut(..text.len()).filter(|_| !text.is_empty() && text.iter().all(is_plain))?.copy_from_slice(text);
        Some(Self { length: text.len() as u8, bytes })
    }

    /// Its characters, in ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// The two digits of each byte.
static PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

impl From<RequestId> for HeaderValue {
    fn from(id: RequestId) -> Self {
        Self::from_bytes(id.as_bytes()).expect("an id is a field value")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(self.as_bytes()).expect("an id is ASCII"))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

thread_local! {
    /// A random seed of this thread, and how many ids it has made.
    static STREAM: Cell<(u64, u64)> = Cell::new((RandomState::new().build_hasher().finish(), 0));
}

/// The finaliser of splitmix64: a bijection, so ids of one thread never repeat.
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_do_not_repeat_on_one_thread_or_on_two() {
        let make = || (0..10_000).map(|_| RequestId::generate()).collect::<Vec<_>>();
        let other = std::thread::spawn(make);
        let mut all: HashSet<_> = make().into_iter().collect();
        all.extend(other.join().expect("the thread only makes ids"));
        assert_eq!(all.len(), 20_000);
        assert_eq!(RequestId::generate().to_string().len(), 32);
    }

    #[test]
    fn an_id_that_was_given_is_taken_as_it_is_if_it_is_plain() {
        let longest = "a".repeat(RequestId::LONGEST);
        for plain in ["1", "7f000001:c350_0A/b.c+d=@", "550e8400-e29b-41d4-a716-446655440000", &longest] {
            assert_eq!(RequestId::given(plain.as_bytes()).expect(plain).to_string(), plain);
        }
        for other in ["", "a b", "<b>", "a\"", "a\n", "é", "a,b", &format!("{longest}a")] {
            assert_eq!(RequestId::given(other.as_bytes()), None, "{other:?}");
        }
    }
}
