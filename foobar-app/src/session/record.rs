use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is kept of one session. Times are seconds since 1970, in UTC.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// What the application has put in.
    pub values: Map<String, Value>,
    /// Who is signed in.
    pub user: Option<i64>,
    /// When it began.
    pub created: i64,
    /// When it was used last, to about five minutes.
    pub seen: i64,
    /// When it ends if it is not used.
    pub expires: i64,
    /// A number of the store's own that tells a session from what it was before; -1 where it is not known.
    #[serde(skip)]
    pub version: i64,
}

impl SessionRecord {
    /// Whether nothing is remembered: such a session is not kept.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.user.is_none()
    }
}

/// The values may be secrets, as the token of the session's forms is.
impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.values.keys().collect();
        let mut shown = f.debug_struct("SessionRecord");
        shown.field("values", &keys).field("user", &self.user).field("created", &self.created);
        shown.field("seen", &self.seen).field("expires", &self.expires).field("version", &self.version).finish()
    }
}

/// What a request changes in a session.
#[derive(Clone, Default, PartialEq)]
pub struct SessionChange {
    /// The values that it has put in, and `None` for those that it has removed.
    pub values: BTreeMap<String, Option<Value>>,
    /// Who is signed in from now on, where that changes.
    pub user: Option<Option<i64>>,
    /// Whether the session goes on under a new token, and the old one is dead.
    pub rotate: bool,
    /// When it was used, to about five minutes.
    pub seen: i64,
    /// When it ends if it is not used again.
    pub expires: i64,
    /// When its life begins anew, as where somebody signs in.
    pub created: Option<i64>,
}

impl SessionChange {
    /// Does to `record` what the request has done, key by key. Its times are written where the record's are earlier.
    pub fn apply(&self, record: &mut SessionRecord) {
        for (key, value) in &self.values {
            match value {
                Some(value) => _ = record.values.insert(key.clone(), value.clone()),
                None => _ = record.values.remove(key),
            }
        }
        if let Some(user) = self.user {
            record.user = user;
        }
        if let Some(created) = self.created {
            (record.created, record.expires) = (created, self.expires);
        }
        if self.seen > record.seen {
            (record.seen, record.expires) = (self.seen, self.expires);
        }
    }

    /// Whether it is only that the session was used.
    pub fn is_touch(&self) -> bool {
        self.values.is_empty() && self.user.is_none() && !self.rotate
    }
}

/// As of a [`SessionRecord`].
impl fmt::Debug for SessionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.values.keys().collect();
        let mut shown = f.debug_struct("SessionChange");
        shown.field("values", &keys).field("user", &self.user).field("rotate", &self.rotate);
        shown.field("seen", &self.seen).field("expires", &self.expires).field("created", &self.created).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_session_are_in_no_log() {
        let values = [("_csrf".to_owned(), Some(Value::from("s3cret")))].into();
        let change = SessionChange { values, ..SessionChange::default() };
        let mut record = SessionRecord::default();
        change.apply(&mut record);
        let renewed = crate::session::store::Updated::Renewed("s3cret".to_owned());
        let shown = format!("{record:?} {change:?} {renewed:?}");
        assert!(shown.contains("_csrf") && !shown.contains("s3cret"), "{shown}");
    }
}
