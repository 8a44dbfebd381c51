use super::{Field, Noted};
use crate::request::origin::{Claim, Claims};

/// A head in which no field that is noted came twice.
pub(crate) struct NotedHead<'a> {
    pub(crate) noted: &'a Noted,
    pub(crate) head: &'a [u8],
}

impl Claims for NotedHead<'_> {
    fn values(&self, claim: Claim) -> impl Iterator<Item = &[u8]> {
        let field = match claim {
            Claim::Forwarded => Field::Forwarded,
            Claim::For => Field::XForwardedFor,
            Claim::Host => Field::XForwardedHost,
            Claim::Proto => Field::XForwardedProto,
        };
        self.noted.value(field, self.head).into_iter()
    }
}
