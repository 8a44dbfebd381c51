use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use http::{HeaderName, HeaderValue};

/// Names one request in the response (`X-Request-Id`), in error pages and in the log.
///
/// 32 hexadecimal digits; unique, not secret. The server always makes its own and never takes the client's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(u128);

impl RequestId {
    /// The field of a response that holds it; whoever sends the response writes it.
    pub const FIELD: HeaderName = HeaderName::from_static("x-request-id");

    /// A new one.
    pub fn generate() -> Self {
        let (seed, count) = STREAM.get();
        STREAM.set((seed, count.wrapping_add(1)));
        Self((u128::from(seed) << 64) | u128::from(mix(seed ^ mix(count))))
    }

    /// Its digits, in ASCII.
    pub fn digits(self) -> [u8; 32] {
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0.to_be_bytes()) {
            pair.copy_from_slice(&PAIRS[usize::from(byte)]);
        }
        digits
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
        Self::from_bytes(&id.digits()).expect("hexadecimal digits are a field value")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.digits()).expect("hexadecimal digits are ASCII"))
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
}
