/// A field that says something of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Forwarded,
    For,
    Host,
    Proto,
}

/// The claims of a request, wherever it is held.
pub(crate) trait Claims {
    /// The values of all fields of a kind, in their order.
    fn values(&self, claim: Claim) -> impl Iterator<Item = &[u8]>;
}
