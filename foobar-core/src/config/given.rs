use config::{Value, ValueKind};

/// A value that a person or program gave for one key. It may be a secret, so it has no `Debug`.
#[derive(Clone)]
pub(super) struct Override {
    pub(super) key: String,
    pub(super) origin: String,
    value: ValueKind,
}

impl Override {
    pub(super) fn new(key: impl Into<String>, value: ValueKind, origin: impl Into<String>) -> Self {
        Self { key: key.into(), value, origin: origin.into() }
    }

    pub(super) fn text(key: impl Into<String>, value: impl Into<String>, origin: impl Into<String>) -> Self {
        Self::new(key, ValueKind::String(value.into()), origin)
    }

    pub(super) fn value(&self) -> Value {
        Value::new(Some(&self.origin), self.value.clone())
    }
}
