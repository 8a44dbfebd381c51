/// How fast an answer may go to its client, as with nginx's `limit_rate` and `limit_rate_after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Bytes a second; not 0.
    pub(crate) rate: std::num::NonZeroU64,
    /// The bytes at the beginning that are not held up.
    pub(crate) after: u64,
}
