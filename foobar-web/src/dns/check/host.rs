use hickory_proto::rr::Name;

use crate::dns::name::shown;

/// A name that should lead here.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: Name,
    /// One that the name stands for, where it begins with a star.
    pub(super) example: Name,
}

impl Host {
    pub(super) fn new(name: Name) -> Self {
        let made = name.base_name().prepend_label("foobar-check").unwrap_or_else(|_too_long| name.clone());
        let example = if name.is_wildcard() { made } else { name.clone() };
        Self { name, example }
    }

    pub(super) fn shown(&self) -> String {
        shown(&self.name)
    }
}

pub(super) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
