use std::fmt::{self, Write};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};

use tracing::Event;
use tracing::field::{Field, Visit};

/// What events that are counted together have in common, as two hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Their callsite and the values of their fields, except those that tell one request from another.
    pub(super) values: u64,
    /// Their callsite alone.
    pub(super) callsite: u64,
}

impl Kind {
    /// With `keys` of its own, no client can make different events collide.
    pub(super) fn of(event: &Event<'_>, keys: &RandomState) -> Self {
        let mut callsite = keys.build_hasher();
        event.metadata().callsite().hash(&mut callsite);
        let mut hashers = Hashers { values: callsite.clone(), callsite };
        hashers.callsite.write_u8(0); // differs from an event without values
        event.record(&mut hashers);
        Self { values: hashers.values.finish(), callsite: hashers.callsite.finish() }
    }
}

/// Whether a field of this name tells one request from another, and not one kind of event from another.
pub(super) fn is_of_a_request(field: &str) -> bool {
    ["request", "request_id", "method", "path", "uri", "target", "client", "remote", "duration"].contains(&field)
}

/// Whether a field says where a record of the `log` crate comes from: all records of one level share a callsite.
pub(super) fn is_origin(field: &str) -> bool {
    field.starts_with("log.")
}

struct Hashers {
    values: DefaultHasher,
    callsite: DefaultHasher,
}

impl Hashers {
    fn take(&mut self, field: &Field, hash: impl Fn(&mut DefaultHasher)) {
        let name = field.name();
        if is_of_a_request(name) {
            return;
        }
        if is_origin(name) {
            hash(&mut self.callsite);
        }
        self.values.write_usize(field.index());
        hash(&mut self.values);
    }
}

impl Visit for Hashers {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, |hasher| value.hash(hasher));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, |hasher| _ = write!(Text(hasher), "{value:?}")); // what it wrote before an error counts
    }
}

/// Hashes a text as it is formatted.
struct Text<'a>(&'a mut DefaultHasher);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
