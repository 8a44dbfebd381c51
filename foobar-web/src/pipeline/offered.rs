use foobar_core::{ClientAbort, EarlyHints, Upgrade};

/// The content of a request, and what its connection offers whoever answers it.
pub(crate) struct Offered<B> {
    pub(crate) body: B,
    /// A word in what becomes of the answer if the client goes.
    pub(crate) abort: ClientAbort,
    /// Interim responses, over a version of HTTP that has them.
    pub(crate) hints: Option<EarlyHints>,
    /// Itself, to a request that asks to switch protocols.
    pub(crate) upgrade: Option<Upgrade>,
}
