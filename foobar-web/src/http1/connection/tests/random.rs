/// Numbers that a seed decides: SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed);
        random.number();
        random
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A number from 1 to `most`, which is not 0.
    pub(crate) fn up_to(&mut self, most: usize) -> usize {
        1 + self.below(most)
    }

    /// From 1 to `1 << bits`, small numbers as likely as large ones.
    pub(crate) fn size(&mut self, bits: usize) -> usize {
        1 << self.below(bits + 1)
    }

    /// Letters and figures.
    pub(crate) fn text(&mut self, length: usize) -> String {
        let words = std::iter::repeat_with(|| format!("{:016x}", self.number())).take(length.div_ceil(16));
        let mut text: String = words.collect();
        text.truncate(length);
        text
    }
}

/// The number that a variable of the environment holds.
pub(crate) fn number_of(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .map_or(default, |value| value.parse().unwrap_or_else(|error| panic!("{variable}={value}: {error}")))
}
