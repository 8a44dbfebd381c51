/// Where a migration that began and did not end goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    /// Nowhere, where it is not known what has taken effect.
    Never,
    /// With the statement that may have taken effect.
    There,
    /// With this one, from 1.
    With(u32),
}
