use std::ops::Range;

use http::{HeaderMap, StatusCode};

use super::resource::{self, Precondition, Selection};
use crate::encoding::AcceptEncoding;
use crate::file_source::FileState;
use crate::request::Fields;

/// The ranges that a `Range` header selects; `None` if it is ignored, and none of them if it is unsatisfiable.
pub fn ranges(header: &[u8], size: u64, max: usize) -> Option<Vec<Range<u64>>> {
    match Selection::parse(header, size, max) {
        Selection::Whole => None,
        Selection::Part(range) => Some(vec![range]),
        Selection::Parts(ranges) => Some(ranges),
        Selection::Unsatisfiable => Some(Vec::new()),
    }
}

/// The coding, of those that are offered by name, that an `Accept-Encoding` gets; `None` for none.
pub fn content_coding(list: &[u8], offered: &[&str]) -> Option<&'static str> {
    AcceptEncoding::parse(list).choose(|coding| offered.contains(&coding.name())).map(|coding| coding.name())
}

/// What tells a state of a file from another.
pub struct Validators(resource::Validators);

impl Validators {
    /// Those of a state whose time tells when it was changed.
    pub fn new(state: &FileState) -> Self {
        Self(resource::Validators::new(state, None, true))
    }

    /// The entity tag.
    pub fn etag(&self) -> &[u8] {
        self.0.etag.as_deref().unwrap_or("").as_bytes() // one with a time has one
    }

    /// What the preconditions of a GET make of it.
    pub fn evaluate(&self, headers: &HeaderMap) -> StatusCode {
        match self.0.evaluate(&Fields::of(headers)) {
            Precondition::Passed => StatusCode::OK,
            Precondition::NotModified => StatusCode::NOT_MODIFIED,
            Precondition::Failed => StatusCode::PRECONDITION_FAILED,
        }
    }

    /// The `Range` that is followed.
    pub fn range(&self, headers: &HeaderMap) -> Option<Vec<u8>> {
        self.0.range(&Fields::of(headers)).map(<[u8]>::to_vec)
    }
}
