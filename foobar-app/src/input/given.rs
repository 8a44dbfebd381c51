use std::collections::BTreeMap;

use serde_json::Value;

use super::place::Step;

/// The fields of a form: each name with its values, in the order in which they came.
pub(crate) type Fields = BTreeMap<String, Vec<String>>;

/// What was sent, or a part of it.
#[derive(Clone, Copy)]
pub(crate) enum Given<'a> {
    Json(&'a Value),
    Form(&'a Fields),
    /// One field of a form; the last of its values counts where only one is asked for.
    Texts(&'a [String]),
    /// A field that a form does not have.
    Absent,
    /// Something harmless of whatever type is asked for; this, if that is text.
    Blank(&'static str),
}

impl Given<'_> {
    /// Whether a form has the field, and nothing in it.
    pub(super) fn is_left_empty(self, field: &str) -> bool {
        let Given::Form(fields) = self else { return false };
        fields.get(field).is_some_and(|texts| texts.last().is_some_and(|text| text.trim().is_empty()))
    }

    /// Whether a form lacks the field, which means something for a box or a list.
    pub(super) fn may_lack(self, way: &[Step]) -> bool {
        matches!((self, way), (Given::Form(fields), [Step::Field(name)]) if !fields.contains_key(name))
    }
}
