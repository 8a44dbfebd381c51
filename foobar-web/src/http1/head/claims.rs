use super::{Field, HeadIndex};
use crate::request::origin::{Claim, Claims};

/// A head in which no field that is index came twice.
pub(crate) struct IndexedHead<'a> {
    pub(crate) index: &'a HeadIndex,
    pub(crate) head: &'a [u8],
}

impl Claims for IndexedHead<'_> {
    fn values(&self, claim: Claim) -> impl Iterator<Item = &[u8]> {
        let field = match claim {
            Claim::Forwarded => Field::Forwarded,
            Claim::For => Field::XForwardedFor,
            Claim::Host => Field::XForwardedHost,
            Claim::Proto => Field::XForwardedProto,
        };
        self.index.value(field, self.head).into_iter()
    }
}
